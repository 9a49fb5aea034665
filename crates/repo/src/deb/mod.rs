//! Debian and its family.

pub mod archive;
mod ascii;
pub mod control;
pub mod index;
pub mod installed;
pub mod relation;
pub mod release;
pub mod resolve;
pub mod unpack;
pub mod version;
