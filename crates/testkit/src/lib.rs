//! Builders and fixtures that tests share.
//!
//! - [`tarball`] and [`debfile`] write archives field by field, hostile ones included.
//! - [`realdata`] finds the real indexes and packages that tests read.
//! - [`signing`] has RSA keys for fixtures.
//! - [`treediff`] compares two file trees, with allowed differences and their reasons.

pub mod debfile;
pub mod realdata;
pub mod signing;
pub mod tarball;
pub mod treediff;
