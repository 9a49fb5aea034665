//! Builders and fixtures that tests share.
//!
//! - [`tarball`], [`debfile`] and [`apkfile`] write archives field by field, hostile ones included.
//! - [`debrepo`] makes small Debian repositories, [`openpgp`] the keys that sign them.
//! - [`gnupg`] signs fixtures, [`pacman`] makes repositories with Arch Linux's own tools.
//! - [`postgres`] starts a real PostgreSQL, [`nats`] a real NATS, and [`link`] is a connection that can be cut.
//! - `s3` starts a real server of S3, with the feature of that name.
//! - [`realdata`] finds the real indexes and packages that tests read.
//! - [`child`] runs one test in a process of its own, to be killed or starved.
//! - [`receiver`] takes messages and answers them as told.
//! - [`registry`] starts a real container registry.
//! - [`rpmrepo`] makes RPM packages and repositories.
//! - [`signing`] has RSA keys for fixtures.
//! - [`treediff`] compares two file trees, with allowed differences and their reasons.

pub mod apkfile;
pub mod child;
pub mod debfile;
pub mod debrepo;
pub mod gnupg;
pub mod link;
pub mod nats;
pub mod openpgp;
pub mod pacman;
pub mod postgres;
pub mod realdata;
pub mod receiver;
pub mod registry;
pub mod rpmrepo;
#[cfg(feature = "s3")]
pub mod s3;
pub mod signing;
pub mod tarball;
pub mod treediff;
