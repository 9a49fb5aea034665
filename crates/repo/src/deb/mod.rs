//! Debian and its family.

pub mod index;
pub mod relation;
pub mod release;
pub mod resolve;
pub mod version;
