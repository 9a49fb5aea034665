//! The packages of a system in the form that the command line prints and the service sends; sizes are bytes.

use lbuild_repo::resolve::Selected;
use serde::Serialize;

use crate::lock::LockedPackage;

/// What `lbuild resolve --json` prints when there is a set. When there is none, see [`crate::conflict`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Yes.
    pub satisfiable: bool,
    /// The packages, by name.
    pub packages: Vec<Package>,
    /// Bytes of all archives.
    pub download_size: u64,
    /// Bytes of all unpacked files, as the index says.
    pub installed_size: u64,
}

/// One package of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Package {
    /// Package name.
    pub name: String,
    /// Full version.
    pub version: String,
    /// Its architecture, possibly one that fits every machine.
    pub arch: String,
    /// Bytes of the archive.
    pub download_size: u64,
    /// Bytes of the unpacked files, as the index says.
    pub installed_size: u64,
    /// What asked for it first: a request of the spec, a rule, or the package that depends on it.
    pub requested_by: String,
}

impl Answer {
    /// The answer with its sums.
    pub fn of(packages: Vec<Package>) -> Self {
        let download_size = packages.iter().map(|package| package.download_size).sum();
        let installed_size = packages.iter().map(|package| package.installed_size).sum();
        Self { satisfiable: true, packages, download_size, installed_size }
    }
}

impl From<&Selected> for Package {
    fn from(package: &Selected) -> Self {
        Self {
            name: package.name.clone(),
            version: package.version.clone(),
            arch: package.arch.clone(),
            download_size: package.size,
            installed_size: package.installed_size_bytes,
            requested_by: package.requested_by.clone(),
        }
    }
}

impl From<&LockedPackage> for Package {
    fn from(package: &LockedPackage) -> Self {
        Self {
            name: package.name.clone(),
            version: package.version.clone(),
            arch: package.arch.clone(),
            download_size: package.size,
            installed_size: package.installed_size,
            requested_by: package.requested_by.clone(),
        }
    }
}
