//! A package file, `name-version-arch.pkg.tar.zst`.
//!
//! The members with a name that starts with a dot (`.PKGINFO`, `.MTREE`, `.BUILDINFO`, `.INSTALL`, `.CHANGELOG`)
//! describe the package and are not installed; everything else is.

use std::io::{BufRead, Read};

use super::build::{self, BuildInfo, InfoError, PackageInfo};
use super::mtree::{self, MtreeError};
use crate::compress::Capped;
use crate::described::{Described, DescribedError};
use crate::tar::{Content, Entry};

/// Why a package cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive is broken or hostile, or lacks `.PKGINFO`.
    #[error(transparent)]
    Form(#[from] DescribedError),
    /// `.PKGINFO` or `.BUILDINFO` is malformed.
    #[error("`{member}` is malformed")]
    Info {
        /// Its name.
        member: &'static str,
        /// Why.
        source: InfoError,
    },
    /// `.MTREE` is malformed.
    #[error("`.MTREE` is malformed")]
    Mtree(#[from] MtreeError),
}

/// An opened package: what describes it was read, its files come next.
#[derive(Debug)]
pub struct Package<R> {
    info: PackageInfo,
    inner: Described<R>,
}

impl<'a> Package<Capped<'a>> {
    /// Reads the front of a package up to its first file. It may have `limit` bytes once decompressed.
    ///
    /// # Errors
    /// When the archive is broken, or does not describe itself properly.
    pub fn open(reader: impl Read + Send + 'a, limit: u64) -> Result<Self, ArchiveError> {
        let describes = |path: &[u8]| path.starts_with(b".") && !path.contains(&b'/');
        let inner = Described::open(reader, limit, describes)?;
        let info = build::package_info(inner.expect(".PKGINFO")?)
            .map_err(|source| ArchiveError::Info { member: ".PKGINFO", source })?;
        Ok(Self { info, inner })
    }
}

impl<R: Read> Package<R> {
    /// What the package says about itself.
    pub fn info(&self) -> &PackageInfo {
        &self.info
    }

    /// The content of a member that describes the package, such as `.INSTALL`.
    pub fn member(&self, name: &str) -> Option<&[u8]> {
        self.inner.member(name)
    }

    /// How the package was made, if it says so.
    ///
    /// # Errors
    /// When its `.BUILDINFO` is malformed.
    pub fn build_info(&self) -> Result<Option<BuildInfo>, ArchiveError> {
        let read = |bytes| {
            build::build_info(bytes).map_err(|source| ArchiveError::Info { member: ".BUILDINFO", source })
        };
        self.member(".BUILDINFO").map(read).transpose()
    }

    /// The files with their digests, if the package lists them.
    ///
    /// # Errors
    /// When its `.MTREE` is malformed.
    pub fn mtree(&self) -> Result<Option<Vec<mtree::Entry>>, ArchiveError> {
        Ok(self.member(".MTREE").map(mtree::read).transpose()?)
    }

    /// The next file, directory or link to install; `None` at the end.
    ///
    /// # Errors
    /// When the archive is broken, or a describing member comes late.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ArchiveError> {
        Ok(self.inner.next_entry()?)
    }

    /// Content of the entry that [`Package::next_entry`] gave last.
    pub fn content(&mut self) -> Content<'_, R> {
        self.inner.content()
    }
}

/// Reads only what a package says about itself.
///
/// # Errors
/// As [`Package::open`].
pub fn info(reader: impl BufRead + Send, limit: u64) -> Result<PackageInfo, ArchiveError> {
    Ok(Package::open(reader, limit)?.info)
}
