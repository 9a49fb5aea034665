//! Sync databases: `core.db` with what each package says, `core.files` with its file list besides.
//!
//! A database is a compressed tar with one directory `name-version` per package, in which `desc` (and in databases of
//! before 2018 also `depends`) and `files` lie. The name of the file says nothing about its compression.

use std::io::{BufRead, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::description::{Description, DescriptionError, number, shown, single};
use super::sections::{self, SectionsError};
use crate::compress::Capped;
use crate::tar::{Archive, Entry, Kind, Policy, TarError};

/// Bytes of a decompressed database; `extra.files` has about 0.7 GB.
const MAX_DATABASE: u64 = 4 << 30;
/// Bytes of a `desc` or `depends`.
const MAX_DESC: u64 = 1 << 20;
/// Bytes of a `files`; that of the largest package has about 20 MB.
const MAX_FILES: u64 = 128 << 20;
/// Packages of a database; the largest has about 15,000.
const MAX_PACKAGES: usize = 200_000;

/// Why a database is refused.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The compressed tar is broken or hostile.
    #[error("the archive of the database is refused")]
    Archive(#[from] TarError),
    /// Something that is not a package's directory or one of its files.
    #[error("unexpected `{path}` in the database")]
    Unexpected {
        /// Its path, escaped.
        path: String,
    },
    /// A member that is larger than any package needs.
    #[error("`{path}` is too large")]
    TooLarge {
        /// Its path, escaped.
        path: String,
    },
    /// More packages than any database has.
    #[error("the database has more than {MAX_PACKAGES} packages")]
    TooMany,
    /// A member's text does not have the format.
    #[error("`{path}` is malformed")]
    Sections {
        /// Its path, escaped.
        path: String,
        /// Why.
        source: SectionsError,
    },
    /// A package's description is refused.
    #[error("package `{directory}` is refused")]
    Package {
        /// Its directory, escaped.
        directory: String,
        /// Why.
        source: DescriptionError,
    },
    /// The directory is not called as the package in it.
    #[error("directory `{directory}` holds package `{name}` in version `{version}`")]
    OtherName {
        /// The directory, escaped.
        directory: String,
        /// Name of the package.
        name: String,
        /// Its version.
        version: String,
    },
    /// A package is there twice.
    #[error("package `{name}` is there twice")]
    Duplicate {
        /// Its name, escaped.
        name: String,
    },
}

/// A package of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// What it says about itself.
    pub description: Description,
    /// Name of its file beside the database.
    pub filename: String,
    /// Bytes of its file.
    pub size: u64,
    /// Digest of its file; databases of 2025 and later have it only as SHA-256.
    pub md5: Option<[u8; 16]>,
    /// Digest of its file.
    pub sha256: Option<[u8; 32]>,
    /// The detached `OpenPGP` signature of its file.
    pub signature: Option<Vec<u8>>,
    /// Paths of its files, directories with a closing slash; only in a `*.files`.
    pub files: Vec<String>,
}

/// Reads a whole database, in its order.
pub fn read(reader: impl BufRead + Send) -> Result<Vec<Listed>, DatabaseError> {
    let mut packages = Vec::new();
    read_each(reader, |package| packages.push(package))?;
    Ok(packages)
}

/// Reads a database and hands out one package after the other, so that the file lists need not all fit in memory.
pub fn read_each(reader: impl BufRead + Send, mut take: impl FnMut(Listed)) -> Result<(), DatabaseError> {
    let plain = Capped::new(reader, MAX_DATABASE).map_err(TarError::Read)?;
    let mut archive = Archive::new(plain, Policy::strict());
    let mut names = std::collections::HashSet::new();
    let mut current: Option<Gathered> = None;
    while let Some(entry) = archive.next_entry()? {
        let Some((directory, member)) = place(&entry)? else { continue };
        if current.as_ref().is_none_or(|gathered| gathered.directory != directory) {
            if let Some(done) = current.take() {
                take(done.finish(&mut names)?);
            }
            current = Some(Gathered { directory, ..Gathered::default() });
        }
        if let (Some(gathered), Some(member)) = (&mut current, member) {
            let text = content(&mut archive, &entry, member)?;
            gathered.add(member, &text)?;
        }
    }
    match current {
        Some(done) => take(done.finish(&mut names)?),
        None => return Ok(()),
    }
    Ok(())
}

/// The members that a package's directory may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Desc,
    Depends,
    Files,
}

/// The directory of an entry and which member it is; none for the root.
fn place(entry: &Entry) -> Result<Option<(String, Option<Member>)>, DatabaseError> {
    let path = String::from_utf8_lossy(&entry.path);
    let unexpected = || DatabaseError::Unexpected { path: shown(&path) };
    let (directory, file) = path.split_once('/').map_or((&*path, None), |(front, rest)| (front, Some(rest)));
    let member = match (file, &entry.kind) {
        (None, Kind::Directory) if directory.is_empty() => return Ok(None),
        (None, Kind::Directory) => None,
        (Some("desc"), Kind::File) => Some(Member::Desc),
        (Some("depends"), Kind::File) => Some(Member::Depends),
        (Some("files"), Kind::File) => Some(Member::Files),
        _ => return Err(unexpected()),
    };
    Ok(Some((directory.to_owned(), member)))
}

fn content<R: Read>(
    archive: &mut Archive<R>,
    entry: &Entry,
    member: Member,
) -> Result<Vec<u8>, DatabaseError> {
    let limit = if member == Member::Files { MAX_FILES } else { MAX_DESC };
    if entry.size > limit {
        return Err(DatabaseError::TooLarge { path: shown(&String::from_utf8_lossy(&entry.path)) });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(entry.size.min(1 << 20)).unwrap_or_default());
    archive.content().read_to_end(&mut bytes).map_err(TarError::from)?;
    Ok(bytes)
}

/// What is known of a package while its directory is read.
#[derive(Debug, Default)]
struct Gathered {
    directory: String,
    seen: Vec<String>,
    package: Listed,
}

impl Gathered {
    fn add(&mut self, member: Member, text: &[u8]) -> Result<(), DatabaseError> {
        let file = match member {
            Member::Desc => "desc",
            Member::Depends => "depends",
            Member::Files => "files",
        };
        let sections = sections::read(text).map_err(|source| DatabaseError::Sections {
            path: shown(&format!("{}/{file}", self.directory)),
            source,
        })?;
        for section in sections {
            let listing = section.key == "FILES";
            if listing != (member == Member::Files) {
                return Err(self.refused(DescriptionError::Misplaced(section.key.to_owned())));
            }
            if self.seen.iter().any(|seen| seen == section.key) {
                return Err(self.refused(DescriptionError::Repeated(section.key.to_owned())));
            }
            self.seen.push(section.key.to_owned());
            let set = self.package.set(section.key, &section.values);
            set.map_err(|source| self.refused(source))?;
        }
        Ok(())
    }

    fn refused(&self, source: DescriptionError) -> DatabaseError {
        DatabaseError::Package { directory: shown(&self.directory), source }
    }

    /// The package, after checking that it is whole.
    fn finish(self, names: &mut std::collections::HashSet<String>) -> Result<Listed, DatabaseError> {
        self.package.check().map_err(|source| self.refused(source))?;
        let Description { name, version, .. } = &self.package.description;
        let rest = self.directory.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('-'));
        if rest != Some(version) {
            return Err(DatabaseError::OtherName {
                directory: shown(&self.directory),
                name: name.clone(),
                version: version.clone(),
            });
        }
        if !names.insert(name.clone()) {
            return Err(DatabaseError::Duplicate { name: name.clone() });
        }
        if names.len() > MAX_PACKAGES {
            return Err(DatabaseError::TooMany);
        }
        Ok(self.package)
    }
}

impl Listed {
    /// Takes one section. Those that are not known, or only matter to who builds packages, are passed over.
    fn set(&mut self, key: &str, values: &[&str]) -> Result<(), DescriptionError> {
        if self.description.set(key, values)? {
            return Ok(());
        }
        let bad = |value: &str| DescriptionError::Value { field: key.to_owned(), value: shown(value) };
        match key {
            "FILENAME" => single(key, values)?.clone_into(&mut self.filename),
            "CSIZE" => self.size = number(key, single(key, values)?)?,
            "MD5SUM" => self.md5 = Some(digest(single(key, values)?).ok_or_else(|| bad(&values.join(" ")))?),
            "SHA256SUM" => {
                self.sha256 = Some(digest(single(key, values)?).ok_or_else(|| bad(&values.join(" ")))?);
            }
            "PGPSIG" => {
                let text = single(key, values)?;
                self.signature = Some(STANDARD.decode(text).map_err(|_| bad(text))?);
            }
            "FILES" => {
                if let Some(escaping) = values.iter().find(|path| !is_inside(path)) {
                    return Err(bad(escaping));
                }
                self.files = values.iter().map(|&path| path.to_owned()).collect();
            }
            _ => {}
        }
        Ok(())
    }

    fn check(&self) -> Result<(), DescriptionError> {
        self.description.check()?;
        if self.filename.is_empty() {
            return Err(DescriptionError::Missing("FILENAME"));
        }
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
        if self.filename.starts_with(['.', '-'])
            || self.filename.len() > 255
            || !self.filename.bytes().all(plain)
        {
            return Err(DescriptionError::Value {
                field: "FILENAME".to_owned(),
                value: shown(&self.filename),
            });
        }
        if self.size == 0 {
            return Err(DescriptionError::Missing("CSIZE"));
        }
        if self.md5.is_none() && self.sha256.is_none() {
            return Err(DescriptionError::Missing("SHA256SUM"));
        }
        Ok(())
    }
}

/// Whether a listed path stays below the root.
pub(super) fn is_inside(path: &str) -> bool {
    !path.starts_with('/') && !path.split('/').any(|part| matches!(part, ".." | "."))
}

/// A digest in hexadecimal digits.
pub(super) fn digest<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut digest = [0; N];
    hex::decode_to_slice(text, &mut digest).ok().map(|()| digest)
}
