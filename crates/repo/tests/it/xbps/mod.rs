//! Void Linux: real repositories of several owners, xbps's own tables, and hostile input.

mod hostile;
mod repositories;
mod versions;
