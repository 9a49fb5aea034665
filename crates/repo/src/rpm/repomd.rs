//! `repomd.xml`: the table of contents of a repository, with the checksum of every metadata file.

use std::io::{self, BufRead, BufReader};

use super::checksum::{Checked, Checksum, ChecksumError, Promise};
use super::number;
use crate::compress::Capped;
use crate::xml::{Xml, XmlError};

/// Bytes of a `repomd.xml`; those of distributions have a few thousand.
const MAX_BYTES: usize = 4 << 20;
/// Records; distributions have about twenty.
const MAX_RECORDS: usize = 1000;
/// Ways in which a record of plain text may be stored under a name of its own.
const VARIANTS: [&str; 4] = ["_gz", "_xz", "_zst", "_bz2"];

/// Why a table of contents cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepomdError {
    /// More than any table of contents has.
    #[error("repomd.xml is too large")]
    TooLarge,
    /// It is not XML as it should be.
    #[error("repomd.xml is malformed")]
    Xml(#[from] XmlError),
    /// A record lacks a part.
    #[error("record `{kind}` of repomd.xml has no {part}")]
    Missing {
        /// The record, empty when it has no type.
        kind: String,
        /// What is missing.
        part: &'static str,
    },
    /// Two records of the same type.
    #[error("repomd.xml has two records `{0}`")]
    Duplicate(String),
    /// A checksum that cannot be.
    #[error("record `{kind}` of repomd.xml has a bad checksum")]
    Checksum {
        /// The record.
        kind: String,
        /// What is wrong.
        source: ChecksumError,
    },
    /// A number that cannot be.
    #[error("record `{kind}` of repomd.xml has a bad {part}")]
    Number {
        /// The record.
        kind: String,
        /// Which number.
        part: &'static str,
    },
    /// A path that leads out of the repository.
    #[error("record `{kind}` of repomd.xml lies at the impossible place `{path}`")]
    Location {
        /// The record.
        kind: String,
        /// The path.
        path: String,
    },
}

/// Why a metadata file of a repository is not at hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOffered {
    /// The repository has none.
    #[error("the repository has no metadata of type `{0}`")]
    Missing(String),
    /// There is one, but only as zchunk, which nothing here reads.
    #[error("the repository has metadata of type `{0}` only in the zchunk format, which is not supported")]
    OnlyZchunk(String),
}

/// One metadata file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is, such as `primary`.
    pub kind: String,
    /// Path below the repository's directory, or below [`Record::base`].
    pub location: String,
    /// Another place than the repository's directory.
    pub base: Option<String>,
    /// Checksum of the file as it is fetched.
    pub checksum: Checksum,
    /// Checksum of its content once decompressed; for zchunk, of what was put in.
    pub open_checksum: Option<Checksum>,
    /// Bytes of the file as it is fetched.
    pub size: Option<u64>,
    /// Bytes of its content once decompressed.
    pub open_size: Option<u64>,
    /// Seconds since the Unix epoch.
    pub timestamp: u64,
}

/// The table of contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repomd {
    /// The revision, usually the seconds since the Unix epoch at which it was made.
    pub revision: String,
    /// The names (CPE) and titles of the distributions that it is for.
    pub distributions: Vec<(Option<String>, String)>,
    /// The metadata files, in order.
    pub records: Vec<Record>,
}

impl Repomd {
    /// Reads a `repomd.xml`. Its signature is another matter, see [`super::signature`].
    ///
    /// # Errors
    /// When it is malformed, or a record lacks what is needed to fetch and check it.
    pub fn parse(bytes: &[u8]) -> Result<Self, RepomdError> {
        if bytes.len() > MAX_BYTES {
            return Err(RepomdError::TooLarge);
        }
        let mut found = Self::default();
        let mut xml = Xml::new(bytes);
        xml.root("repomd")?;
        while let Some(tag) = xml.child()? {
            match tag.name() {
                "revision" => xml.take_text()?.trim().clone_into(&mut found.revision),
                "tags" => found.read_tags(&mut xml)?,
                "data" => {
                    let kind = tag.attribute("type")?.filter(|kind| !kind.is_empty());
                    let kind = kind.ok_or(RepomdError::Missing { kind: String::new(), part: "type" })?;
                    if found.records.iter().any(|record| record.kind == kind) {
                        return Err(RepomdError::Duplicate(kind));
                    }
                    if found.records.len() == MAX_RECORDS {
                        return Err(RepomdError::TooLarge);
                    }
                    found.records.push(Record::read(&mut xml, kind)?);
                }
                _ => xml.skip()?,
            }
        }
        xml.finish()?;
        Ok(found)
    }

    fn read_tags(&mut self, xml: &mut Xml<&[u8]>) -> Result<(), RepomdError> {
        while let Some(tag) = xml.child()? {
            if tag.name() == "distro" {
                let name = tag.attribute("cpeid")?;
                self.distributions.push((name, xml.take_text()?));
            } else {
                xml.skip()?;
            }
        }
        Ok(())
    }

    /// The record of metadata of type `kind` (`primary`, `group`, ...) in a form that can be read here.
    ///
    /// # Errors
    /// When there is none, or only one in zchunk.
    pub fn record(&self, kind: &str) -> Result<&Record, NotOffered> {
        let of = |wanted: &str| self.records.iter().find(|record| record.kind == wanted);
        let names =
            std::iter::once(kind.to_owned()).chain(VARIANTS.map(|variant| format!("{kind}{variant}")));
        let mut zchunk = of(&format!("{kind}_zck")).is_some();
        for name in names {
            match of(&name) {
                Some(record) if record.is_zchunk() => zchunk = true,
                Some(record) => return Ok(record),
                None => {}
            }
        }
        Err(if zchunk {
            NotOffered::OnlyZchunk(kind.to_owned())
        } else {
            NotOffered::Missing(kind.to_owned())
        })
    }

    /// The newest time of any record, in seconds since the Unix epoch: the next watermark against rollback.
    pub fn newest(&self) -> u64 {
        self.records.iter().map(|record| record.timestamp).max().unwrap_or_default()
    }
}

impl Record {
    fn read(xml: &mut Xml<&[u8]>, kind: String) -> Result<Self, RepomdError> {
        let mut location = None;
        let mut base = None;
        let (mut checksum, mut open_checksum) = (None, None);
        let (mut size, mut open_size, mut timestamp) = (None, None, 0);
        while let Some(tag) = xml.child()? {
            let number = |text: &str, part| {
                number(text).ok_or_else(|| RepomdError::Number { kind: kind.clone(), part })
            };
            match tag.name() {
                "location" => {
                    location = tag.attribute("href")?;
                    base = tag.attribute("base")?;
                    xml.skip()?;
                }
                "checksum" => checksum = Some(read_checksum(xml, &kind)?),
                "open-checksum" => open_checksum = Some(read_checksum(xml, &kind)?),
                "size" => size = Some(number(&xml.take_text()?, "size")?),
                "open-size" => open_size = Some(number(&xml.take_text()?, "open size")?),
                "timestamp" => timestamp = number(&xml.take_text()?, "timestamp")?,
                _ => xml.skip()?,
            }
        }
        let missing = |part| RepomdError::Missing { kind: kind.clone(), part };
        let location = location.ok_or_else(|| missing("location"))?;
        if !is_below(&location) {
            return Err(RepomdError::Location { kind, path: location.chars().take(160).collect() });
        }
        let checksum = checksum.ok_or_else(|| missing("checksum"))?;
        Ok(Self { kind, location, base, checksum, open_checksum, size, open_size, timestamp })
    }

    /// Whether the file is in the zchunk format.
    pub fn is_zchunk(&self) -> bool {
        self.kind.ends_with("_zck") || self.location.to_ascii_lowercase().ends_with(".zck")
    }

    /// Decompresses the file and checks both of its checksums and sizes; the reader fails at its end when one is wrong,
    /// and after `limit` bytes.
    ///
    /// # Errors
    /// When its first bytes cannot be read.
    pub fn open<'a>(
        &self,
        reader: impl BufRead + Send + 'a,
        limit: u64,
    ) -> io::Result<Box<dyn BufRead + Send + 'a>> {
        let outer = Checked::new(reader, Promise { checksum: self.checksum, size: self.size });
        let plain = Capped::new(outer, self.open_size.map_or(limit, |size| size.min(limit)))?;
        Ok(match self.open_checksum {
            Some(checksum) => Box::new(Checked::new(plain, Promise { checksum, size: self.open_size })),
            None => Box::new(BufReader::with_capacity(128 << 10, plain)),
        })
    }
}

fn read_checksum(xml: &mut Xml<&[u8]>, kind: &str) -> Result<Checksum, RepomdError> {
    let algorithm = xml.current().attribute("type")?;
    let digits = xml.take_text()?;
    Checksum::parse(&algorithm.unwrap_or_default(), digits.trim())
        .map_err(|source| RepomdError::Checksum { kind: kind.to_owned(), source })
}

/// Whether `path` is relative and stays below the directory that it is relative to.
pub(super) fn is_below(path: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part != "..";
    let characters = path.bytes().all(|byte| byte >= b' ' && byte != 0x7f && byte != b'\\');
    characters && !path.starts_with('/') && !path.contains("://") && path.split('/').all(plain)
}
