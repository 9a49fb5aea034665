//! Arch Linux: real databases and packages of several years, what pacman's own tools say of them, and hostile input.

mod databases;
mod hostile;
mod keys;
pub mod oracle;
mod packages;
mod relations;
mod tools;
mod versions;
