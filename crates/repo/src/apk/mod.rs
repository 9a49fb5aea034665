//! Alpine's packages: `APKINDEX` and `.apk` of format 2 (apk-v2(5), apk-package(5)).
//!
//! - [`version`] is the order of versions, [`relation`] the syntax of dependencies.
//! - [`index`] reads a repository's index, [`stanza`] the packages in it, [`installed`] the database of what is installed.
//! - [`arena`] puts the packages of indexes into the index of all families, [`resolve`] has the rules.
//! - [`archive`] reads a package, [`signature`] checks who signed an index or a package.
//!
//! Format 3 (ADB) is recognised and refused by name.

pub mod archive;
pub mod arena;
pub mod index;
pub mod installed;
mod pkginfo;
pub mod relation;
pub mod resolve;
mod segment;
pub mod signature;
pub mod stanza;
pub mod version;

pub use pkginfo::{PkgInfo, PkgInfoError};
pub use signature::{Keyring, Trust};
