//! `APKINDEX.tar.gz`: what a repository offers for one architecture, signed as a whole.
//!
//! [`Index::open`] is the only way to get an [`Index`]: the signature over everything after the first gzip member is checked
//! first. [`Index::packages`] then reads the text.

use std::collections::HashSet;
use std::io::{self, Read};

use super::segment::{Magic, small_files};
use super::signature::{self, SignatureError, Trust};
use super::stanza::{Builder, Line, Package, StanzaError};
use crate::compress::{CapExceeded, Capped};
use crate::openpgp::CLOCK_SKEW;
use crate::tar::{self, Kind, Policy, TarError};

/// Bytes that a decompressed index may have; Alpine's largest has 8 million.
const MAX_BYTES: u64 = 256 << 20;
/// Gzip members with signatures in front of the index.
const MAX_SIGNATURE_MEMBERS: usize = 8;

/// Why an index was refused.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// An index of format 3.
    #[error("this is an apk v3 index (ADB), which is not read yet")]
    Version3,
    /// Not gzip.
    #[error("not an APKINDEX: it is not compressed with gzip")]
    NotGzip,
    /// The member with the signatures is broken.
    #[error("the signature of the index cannot be read")]
    SignatureMember(#[source] TarError),
    /// Nobody who is trusted has signed it, or it was changed afterwards.
    #[error("the signature of the index is refused")]
    Signature(#[source] SignatureError),
    /// The archive is broken or hostile.
    #[error("the archive of the index is refused")]
    Archive(#[source] TarError),
    /// It is too large once decompressed.
    #[error("the index is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// The archive has no file `APKINDEX`, or another kind of thing by this name.
    #[error("the archive has no file `APKINDEX`")]
    NoIndex,
    /// It is not UTF-8.
    #[error("the index is not UTF-8 after {valid} bytes")]
    NotText {
        /// Bytes that are.
        valid: usize,
    },
    /// A stanza cannot be read.
    #[error("the index is malformed")]
    Stanza(#[from] StanzaError),
    /// It is older than one that was accepted before.
    #[error("the index is {} hours older than the one seen before", .seconds.div_ceil(3600))]
    Rollback {
        /// How much older, in seconds.
        seconds: u64,
    },
    /// It was made in the future.
    #[error("the index is dated {seconds} seconds in the future")]
    Future {
        /// How far.
        seconds: u64,
    },
}

impl From<TarError> for IndexError {
    fn from(error: TarError) -> Self {
        match error {
            TarError::Read(inner) if CapExceeded::of(&inner).is_some() => Self::TooLarge,
            error => Self::Archive(error),
        }
    }
}

impl From<io::Error> for IndexError {
    fn from(error: io::Error) -> Self {
        TarError::from(error).into()
    }
}

/// An index whose signature was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    description: String,
    date: Option<u64>,
    text: String,
    signed_by: Vec<String>,
}

impl Index {
    /// Checks the signature of an index and takes its text out.
    ///
    /// # Errors
    /// When nobody who is trusted has signed it, or it is not an index of format 2.
    pub fn open(bytes: &[u8], trust: Trust<'_>) -> Result<Self, IndexError> {
        match Magic::of(bytes) {
            Magic::Gzip => {}
            Magic::Adb => return Err(IndexError::Version3),
            Magic::Other => return Err(IndexError::NotGzip),
        }
        let (signatures, signed) = signatures(bytes)?;
        let signed_by = signature::check(&signatures, signed, trust).map_err(IndexError::Signature)?;
        let Content { description, date, text } = content(signed)?;
        let text = String::from_utf8(text)
            .map_err(|error| IndexError::NotText { valid: error.utf8_error().valid_up_to() })?;
        Ok(Self { description, date, text, signed_by })
    }

    /// What the repository says about itself, such as `v3.19.3-94-gb7ba4fca0ab`.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// When the index was made, in seconds since the Unix epoch: the time of its file in the signed archive. None for
    /// one that says no time.
    pub fn date(&self) -> Option<u64> {
        self.date
    }

    /// Checks the date against the time `now` and against the latest date that was accepted for this repository
    /// before, all in seconds since the Unix epoch.
    ///
    /// # Errors
    /// When the index is from the future, or older than the one that was accepted, or no longer says when it was made.
    pub fn check_date(&self, now: u64, watermark: Option<u64>) -> Result<(), IndexError> {
        let date = self.date.unwrap_or_default();
        if date > now.saturating_add(CLOCK_SKEW) {
            return Err(IndexError::Future { seconds: date - now });
        }
        match watermark.and_then(|mark| mark.checked_sub(date)) {
            Some(seconds @ 1..) => Err(IndexError::Rollback { seconds }),
            _ => Ok(()),
        }
    }

    /// File names of the keys whose signatures were good; none for an index that nobody had to sign.
    pub fn signed_by(&self) -> &[String] {
        &self.signed_by
    }

    /// The text of `APKINDEX`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The packages, in the order of the index.
    ///
    /// # Errors
    /// When a stanza is malformed, or a package is there twice.
    pub fn packages(&self) -> Result<Vec<Package<'_>>, IndexError> {
        Ok(parse(&self.text)?)
    }
}

/// Reads the text of an `APKINDEX`.
///
/// # Errors
/// When a stanza is malformed, or two have the same name and version.
pub fn parse(text: &str) -> Result<Vec<Package<'_>>, StanzaError> {
    let mut packages = Vec::new();
    let mut builder = Builder::default();
    let mut number = 0;
    for line in text.split('\n') {
        number += 1;
        match Line::parse(number, line)? {
            Some(line) => builder.add(line)?,
            None if builder.is_empty() => {}
            None => packages.push(builder.finish(number)?),
        }
    }
    if !builder.is_empty() {
        packages.push(builder.finish(number)?);
    }
    let mut seen = HashSet::with_capacity(packages.len());
    for package in &packages {
        if !seen.insert((package.name, package.version)) {
            let package = format!("{}-{}", package.name, package.version);
            return Err(StanzaError::Duplicate { package });
        }
    }
    Ok(packages)
}

/// Splits the members with signatures off: what is left is what they sign.
fn signatures(bytes: &[u8]) -> Result<(Vec<signature::Signature>, &[u8]), IndexError> {
    let mut signatures = Vec::new();
    let mut signed = bytes;
    for _ in 0..MAX_SIGNATURE_MEMBERS {
        if !starts_with_signature(signed)? {
            return Ok((signatures, signed));
        }
        let mut rest = signed;
        let files = small_files(&mut rest).map_err(IndexError::SignatureMember)?;
        let Ok(found) = signature::take(files) else {
            return Err(IndexError::SignatureMember(TarError::TrailingData));
        };
        signatures.extend(found);
        signed = rest;
    }
    Err(IndexError::Signature(SignatureError::TooMany))
}

/// Whether the first file of a gzip member is a signature.
fn starts_with_signature(member: &[u8]) -> Result<bool, IndexError> {
    let mut name = [0; 6];
    let mut plain = Capped::gzip_member(member, name.len() as u64 + 1);
    match plain.read_exact(&mut name) {
        Ok(()) => Ok(&name == b".SIGN."),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What the signed archive holds.
struct Content {
    description: String,
    date: Option<u64>,
    text: Vec<u8>,
}

/// Reads the archive.
fn content(bytes: &[u8]) -> Result<Content, IndexError> {
    let plain = Capped::new(bytes, MAX_BYTES)?;
    let policy = Policy { unclosed: true, max_entries: 64, ..Policy::strict() };
    let mut archive = tar::Archive::new(plain, policy);
    let (mut description, mut date, mut text) = (String::new(), None, None);
    while let Some(entry) = archive.next_entry()? {
        if entry.kind != Kind::File {
            continue;
        }
        match &entry.path[..] {
            b"APKINDEX" => {
                let mut content = Vec::new();
                archive.content().read_to_end(&mut content)?;
                date = u64::try_from(entry.mtime).ok().filter(|date| *date > 0);
                text = Some(content);
            }
            b"DESCRIPTION" => {
                let mut content = Vec::new();
                archive.content().take(4096).read_to_end(&mut content)?;
                description = String::from_utf8_lossy(&content).trim().escape_debug().to_string();
            }
            _ => {}
        }
    }
    Ok(Content { description, date, text: text.ok_or(IndexError::NoIndex)? })
}
