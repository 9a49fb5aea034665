//! Builders and fixtures that tests share.
//!
//! - [`tarball`] and [`debfile`] write archives field by field, hostile ones included.
//! - [`signing`] has RSA keys for fixtures.
//! - [`treediff`] compares two file trees, with allowed differences and their reasons.

pub mod debfile;
pub mod signing;
pub mod tarball;
pub mod treediff;
