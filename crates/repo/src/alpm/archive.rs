//! A package file, `name-version-arch.pkg.tar.zst`: a compressed tar whose first members describe the package.
//!
//! The members with a name that starts with a dot (`.PKGINFO`, `.MTREE`, `.BUILDINFO`, `.INSTALL`, `.CHANGELOG`) come
//! first and are not installed; everything else is. The compression is told by the first bytes, not by the name.

use std::io::{BufRead, BufReader, Read};

use super::build::{self, BuildInfo, InfoError, PackageInfo};
use super::mtree::{self, MtreeError};
use crate::compress::Capped;
use crate::tar::{Archive, Content, Entry, Kind, Policy, TarError};

/// Bytes of a member that describes the package; the largest `.MTREE` of Arch Linux has about 5 MB.
const MAX_MEMBER: u64 = 64 << 20;
/// Members that describe the package.
const MAX_MEMBERS: usize = 32;
/// Bytes read from the file at a time.
const READ: usize = 128 << 10;

/// Why a package cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The compressed tar is broken or hostile.
    #[error("the archive of the package is refused")]
    Tar(#[from] TarError),
    /// A member whose name starts with a dot and that is not a plain file, is too large, stands twice, or comes after
    /// the files.
    #[error("the package has an unusable member `{0}`")]
    Member(String),
    /// The package does not say what it is.
    #[error("the package has no `.PKGINFO`")]
    NoInfo,
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
    members: Vec<(String, Vec<u8>)>,
    info: PackageInfo,
    archive: Archive<R>,
    pending: Option<Entry>,
}

impl<'a> Package<Capped<'a>> {
    /// Reads the front of a package up to its first file. It may have `limit` bytes once decompressed.
    ///
    /// # Errors
    /// When the archive is broken, or does not describe itself properly.
    pub fn open(reader: impl Read + Send + 'a, limit: u64) -> Result<Self, ArchiveError> {
        let plain = Capped::new(BufReader::with_capacity(READ, reader), limit).map_err(TarError::Read)?;
        let mut archive = Archive::new(plain, Policy::package());
        let mut members: Vec<(String, Vec<u8>)> = Vec::new();
        let pending = loop {
            let Some(entry) = archive.next_entry()? else { break None };
            if !describes(&entry) {
                break Some(entry);
            }
            let name = String::from_utf8_lossy(&entry.path).into_owned();
            let twice = members.iter().any(|(other, _)| *other == name);
            if entry.kind != Kind::File || entry.size > MAX_MEMBER || twice || members.len() >= MAX_MEMBERS {
                return Err(ArchiveError::Member(name.escape_default().to_string()));
            }
            let mut bytes = Vec::new();
            archive.content().read_to_end(&mut bytes).map_err(TarError::from)?;
            members.push((name, bytes));
        };
        let text = members.iter().find(|(name, _)| name == ".PKGINFO").ok_or(ArchiveError::NoInfo)?;
        let info = build::package_info(&text.1)
            .map_err(|source| ArchiveError::Info { member: ".PKGINFO", source })?;
        Ok(Self { members, info, archive, pending })
    }
}

/// Whether an entry is one of the members that describe the package.
fn describes(entry: &Entry) -> bool {
    entry.path.starts_with(b".") && !entry.path.contains(&b'/')
}

impl<R: Read> Package<R> {
    /// What the package says about itself.
    pub fn info(&self) -> &PackageInfo {
        &self.info
    }

    /// The content of a member that describes the package, such as `.INSTALL`.
    pub fn member(&self, name: &str) -> Option<&[u8]> {
        self.members.iter().find(|(other, _)| other == name).map(|(_, content)| &**content)
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
        let entry = match self.pending.take() {
            Some(entry) => Some(entry),
            None => self.archive.next_entry()?,
        };
        match entry {
            Some(entry) if describes(&entry) => {
                Err(ArchiveError::Member(entry.path.escape_ascii().to_string()))
            }
            other => Ok(other),
        }
    }

    /// Content of the entry that [`Package::next_entry`] gave last.
    pub fn content(&mut self) -> Content<'_, R> {
        self.archive.content()
    }
}

/// Reads only what a package says about itself.
///
/// # Errors
/// As [`Package::open`].
pub fn info(reader: impl BufRead + Send, limit: u64) -> Result<PackageInfo, ArchiveError> {
    Ok(Package::open(reader, limit)?.info)
}
