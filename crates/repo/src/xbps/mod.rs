//! Void Linux: what xbps reads.
//!
//! From the mirror to packages: [`repodata`] reads the index of a repository, [`pattern`] and [`version`] say what its
//! relations mean, [`keys`] has the keys and checks the signatures of packages. From a package file: [`archive`] opens
//! it. [`plist`] is the format that all of them are written in.
//!
//! The index itself is not signed: it names the key of its repository, and each package has a signature of its own. So
//! a package is what the repository's owner made, while which packages there are is up to the mirror.

pub mod archive;
pub mod index;
pub mod keys;
pub mod pattern;
pub mod plist;
pub mod repodata;
pub mod resolve;
pub mod version;
