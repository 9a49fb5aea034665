//! A package that is one compressed tar: a few members that describe it come first, its files follow.
//!
//! pacman's and xbps's packages have this form. The compression is told by the first bytes, not by the name.

use std::io::{BufReader, Read};

use crate::compress::Capped;
use crate::tar::{Archive, Content, Entry, Kind, Policy, TarError};

/// Bytes of a member that describes the package; the largest lists of files have about 20 MB.
const MAX_MEMBER: u64 = 128 << 20;
/// Members that describe the package.
const MAX_MEMBERS: usize = 32;
/// Bytes read from the file at a time.
const READ: usize = 128 << 10;

/// Why a package cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DescribedError {
    /// The compressed tar is broken or hostile.
    #[error("the archive of the package is refused")]
    Tar(#[from] TarError),
    /// A describing member that is no plain file, is too large, stands twice, or comes after the files.
    #[error("the package has an unusable member `{0}`")]
    Member(String),
    /// A describing member that every package has is missing.
    #[error("the package has no `{0}`")]
    Missing(&'static str),
}

/// An opened package: what describes it was read, its files come next.
#[derive(Debug)]
pub struct Described<R> {
    members: Vec<(String, Vec<u8>)>,
    describes: fn(&[u8]) -> bool,
    archive: Archive<R>,
    pending: Option<Entry>,
}

impl<'a> Described<Capped<'a>> {
    /// Reads the front of a package up to its first file. It may have `limit` bytes once decompressed. `describes` tells
    /// by its path whether an entry describes the package.
    pub(crate) fn open(
        reader: impl Read + Send + 'a,
        limit: u64,
        describes: fn(&[u8]) -> bool,
    ) -> Result<Self, DescribedError> {
        let plain = Capped::new(BufReader::with_capacity(READ, reader), limit).map_err(TarError::Read)?;
        let mut archive = Archive::new(plain, Policy::package());
        let mut members: Vec<(String, Vec<u8>)> = Vec::new();
        let pending = loop {
            let Some(entry) = archive.next_entry()? else { break None };
            let root = entry.path.is_empty() && entry.kind == Kind::Directory;
            if !describes(&entry.path) && !root {
                break Some(entry);
            }
            if root {
                continue;
            }
            let name = entry.path.escape_ascii().to_string();
            let twice = members.iter().any(|(other, _)| *other == name);
            if entry.kind != Kind::File || entry.size > MAX_MEMBER || twice || members.len() >= MAX_MEMBERS {
                return Err(DescribedError::Member(name));
            }
            let mut bytes = Vec::new();
            archive.content().read_to_end(&mut bytes).map_err(TarError::from)?;
            members.push((name, bytes));
        };
        Ok(Self { members, describes, archive, pending })
    }
}

impl<R: Read> Described<R> {
    /// The content of a member that describes the package.
    pub fn member(&self, name: &str) -> Option<&[u8]> {
        self.members.iter().find(|(other, _)| other == name).map(|(_, content)| &**content)
    }

    /// The content of a member that every package has.
    pub(crate) fn expect(&self, name: &'static str) -> Result<&[u8], DescribedError> {
        self.member(name).ok_or(DescribedError::Missing(name))
    }

    /// The next file, directory or link to install; `None` at the end.
    ///
    /// # Errors
    /// When the archive is broken, or a describing member comes late.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, DescribedError> {
        let entry = match self.pending.take() {
            Some(entry) => Some(entry),
            None => self.archive.next_entry()?,
        };
        match entry {
            Some(entry) if (self.describes)(&entry.path) => {
                Err(DescribedError::Member(entry.path.escape_ascii().to_string()))
            }
            other => Ok(other),
        }
    }

    /// Content of the entry that [`Described::next_entry`] gave last.
    pub fn content(&mut self) -> Content<'_, R> {
        self.archive.content()
    }
}
