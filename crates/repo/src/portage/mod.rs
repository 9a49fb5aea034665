//! Gentoo's binary packages.
//!
//! From the binary host to packages: [`index`] reads `Packages`, [`relation`] and [`version`] say what its entries mean,
//! [`name`] what they may be called. [`archive`] opens the packages themselves.
//! [`arena`] keeps the packages of all hosts for [`resolve`], which chooses; [`accept`] says which of them only count when
//! a spec accepts them. [`profile`] says what a system of some kind always has; [`installed`] what a tree has, and [`stage`]
//! reads what is published about stage archives.

pub mod accept;
pub mod archive;
pub mod arena;
pub mod index;
pub mod installed;
pub mod name;
pub mod profile;
pub mod relation;
pub mod resolve;
pub mod stage;
pub mod version;
