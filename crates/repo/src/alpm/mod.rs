//! Arch Linux and its family: what libalpm and pacman read.
//!
//! From the mirror to packages: [`keys`] makes the keyring that pacman would trust, [`database`] reads `*.db` and `*.files`,
//! [`relation`] and [`version`] say what they mean. From a package file: [`archive`] opens it, [`description`] is what a
//! database and a `.PKGINFO` both say about a package, [`mtree`] lists the files with their digests, [`build`] says how
//! it was made.

pub mod archive;
pub mod build;
pub mod database;
pub mod description;
pub mod index;
pub mod keys;
pub mod mtree;
pub mod relation;
pub mod resolve;
mod sections;
pub mod version;
