//! Alpine's packages: `APKINDEX` and `.apk` of format 2.
//!
//! - [`version`] is the order of versions, [`relation`] the syntax of dependencies.

pub mod relation;
pub mod version;
