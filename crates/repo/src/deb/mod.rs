//! Debian and its family.

pub mod archive;
pub mod control;
pub mod index;
pub mod relation;
pub mod release;
pub mod resolve;
pub mod unpack;
pub mod version;
