//! A package file, `name-version_revision.arch.xbps`: a compressed tar that begins with `INSTALL` and `REMOVE` (the
//! scripts, if there are any), `props.plist` (what it says about itself) and `files.plist` (its files).

use std::io::Read;

use super::plist::{self, Dictionary, PlistError, Value};
use super::repodata::{Package, PackageError};
use crate::compress::Capped;
use crate::described::{Described, DescribedError};
use crate::tar::{Content, Entry};

/// Why a package cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive is broken or hostile, or lacks a list.
    #[error(transparent)]
    Form(#[from] DescribedError),
    /// A list is malformed.
    #[error("`{member}` is malformed")]
    Plist {
        /// Its name.
        member: &'static str,
        /// Why.
        source: PlistError,
    },
    /// What it says about itself is refused.
    #[error("the properties of the package are refused")]
    Properties(#[from] PackageError),
    /// A file of the list is malformed or leaves the tree.
    #[error("`files.plist` has an unusable entry `{0}`")]
    File(String),
}

/// What a listed file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A file and the digest of its content.
    File([u8; 32]),
    /// A file that keeps the changes of the administrator, and the digest of its content.
    Configuration([u8; 32]),
    /// A symlink and what it points to.
    Link(String),
    /// A directory.
    Directory,
}

/// A file of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Absolute path.
    pub path: String,
    /// What it is.
    pub kind: Type,
}

/// An opened package: what describes it was read, its files come next.
#[derive(Debug)]
pub struct Archive<R> {
    properties: Package,
    inner: Described<R>,
}

impl<'a> Archive<Capped<'a>> {
    /// Reads the front of a package up to its first file. It may have `limit` bytes once decompressed.
    ///
    /// # Errors
    /// When the archive is broken, or does not describe itself properly.
    pub fn open(reader: impl Read + Send + 'a, limit: u64) -> Result<Self, ArchiveError> {
        let describes =
            |path: &[u8]| matches!(path, b"INSTALL" | b"REMOVE" | b"props.plist" | b"files.plist");
        let inner = Described::open(reader, limit, describes)?;
        let properties = plist::read(inner.expect("props.plist")?)
            .map_err(|source| ArchiveError::Plist { member: "props.plist", source })?;
        inner.expect("files.plist")?;
        Ok(Self { properties: Package::described(&properties)?, inner })
    }
}

impl<R: Read> Archive<R> {
    /// What the package says about itself.
    pub fn properties(&self) -> &Package {
        &self.properties
    }

    /// The script that runs before and after unpacking, with the action as its first argument.
    pub fn install_script(&self) -> Option<&[u8]> {
        self.inner.member("INSTALL")
    }

    /// The script that runs before and after removal.
    pub fn remove_script(&self) -> Option<&[u8]> {
        self.inner.member("REMOVE")
    }

    /// The list of files.
    ///
    /// # Errors
    /// When `files.plist` is malformed.
    pub fn files(&self) -> Result<Vec<Listed>, ArchiveError> {
        let lists = plist::read(self.inner.expect("files.plist")?)
            .map_err(|source| ArchiveError::Plist { member: "files.plist", source })?;
        let mut files = Vec::new();
        for (list, entries) in lists.iter() {
            let Value::Array(entries) = entries else { return Err(ArchiveError::File(list.to_owned())) };
            for entry in entries {
                match entry {
                    Value::Dictionary(entry) => files.push(listed(list, entry)?),
                    _ => return Err(ArchiveError::File(list.to_owned())),
                }
            }
        }
        Ok(files)
    }

    /// The next file, directory or link to install; `None` at the end.
    ///
    /// # Errors
    /// When the archive is broken, or a describing member comes late.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ArchiveError> {
        Ok(self.inner.next_entry()?)
    }

    /// Content of the entry that [`Archive::next_entry`] gave last.
    pub fn content(&mut self) -> Content<'_, R> {
        self.inner.content()
    }
}

/// An entry of one of the lists `files`, `conf_files`, `links` and `dirs`.
fn listed(list: &str, entry: &Dictionary) -> Result<Listed, ArchiveError> {
    let text = |key: &str| match entry.get(key) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let path = text("file").unwrap_or_default();
    let bad = || ArchiveError::File(super::repodata::shown(&path));
    let inside = path.strip_prefix('/').is_some_and(|rest| {
        !rest.split('/').any(|part| matches!(part, "" | "." | "..")) && !rest.contains(['\0', '\n'])
    });
    if !inside {
        return Err(bad());
    }
    let digest = || {
        let mut digest = [0; 32];
        text("sha256").and_then(|text| hex::decode_to_slice(text, &mut digest).ok()).map(|()| digest)
    };
    let kind = match list {
        "files" => Type::File(digest().ok_or_else(bad)?),
        "conf_files" => Type::Configuration(digest().ok_or_else(bad)?),
        "links" => Type::Link(text("target").ok_or_else(bad)?),
        "dirs" => Type::Directory,
        _ => return Err(bad()),
    };
    Ok(Listed { path, kind })
}
