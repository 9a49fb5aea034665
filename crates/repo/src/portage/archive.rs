//! Binary packages as files: gpkg (GLEP 78) and the older xpak.
//!
//! [`Package::open`] checks the whole file before anything of it is given out: digests, signatures, form. Then
//! [`Package::metadata`] says what it is, and [`Package::image`] gives the files that it installs.
//!
//! - `gpkg`: a tar with a metadata archive, an image archive, their signatures and a manifest
//! - `manifest`: the digests of the members
//! - `xpak`: a compressed tar with the metadata behind it
//! - `image`: the files, without the directory that gpkg puts them in
//! - `region`: a part of a file as a file of its own

mod gpkg;
mod image;
mod manifest;
mod region;
mod xpak;

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

use crate::openpgp::{Keyring, Policy, SignatureError, Signer};
use crate::tar::TarError;

pub use image::Image;
use region::Region;

/// Bytes that the decompressed metadata of a package may have; the largest is the saved environment, about 1 million.
const MAX_METADATA: u64 = 64 << 20;
/// Files of the metadata; real packages have about 40.
const MAX_METADATA_FILES: usize = 4096;

/// What makes the bytes of a package trustworthy.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'k> {
    /// The caller has checked the file against a digest that it trusts. Digests inside are checked nevertheless.
    ByCaller,
    /// The package must be signed by somebody in the keyring. No xpak ever is.
    Signed {
        /// Who may sign.
        keyring: &'k Keyring,
        /// At what time.
        policy: Policy,
    },
}

/// How a package is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// GLEP 78.
    Gpkg,
    /// A compressed tar with an xpak behind it.
    Xpak,
}

/// Why a binary package was refused.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes cannot be read.
    #[error("cannot read the package")]
    Read(#[source] io::Error),
    /// Neither a gpkg nor an xpak.
    #[error("neither a gpkg nor an xpak")]
    Unknown,
    /// The outer archive is broken.
    #[error("the outer archive is refused")]
    Container(#[source] TarError),
    /// A member of the outer archive that cannot be.
    #[error("the outer archive has the unusable member `{name}`: {reason}")]
    Member {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A member that must be there is not.
    #[error("the outer archive has no member `{0}`")]
    MissingMember(&'static str),
    /// A line of the manifest is malformed, or stands twice.
    #[error("the manifest has a bad line: `{0}`")]
    Manifest(String),
    /// A member is not in the manifest, or a name in the manifest is no member.
    #[error("`{0}` is not both in the manifest and in the archive")]
    Unlisted(String),
    /// The manifest has no digest of a member that is both known and strong.
    #[error("the manifest has no strong digest of `{0}`")]
    NoDigest(String),
    /// A member is not what the manifest says.
    #[error("`{member}` does not have the {what} that the manifest says")]
    Digest {
        /// The member.
        member: String,
        /// `size`, `SHA512` or `BLAKE2B`.
        what: &'static str,
    },
    /// It must be signed and is not.
    #[error("`{0}` is not signed")]
    Unsigned(String),
    /// The signature of a member does not count.
    #[error("the signature of `{member}` does not count")]
    Signature {
        /// The member.
        member: String,
        /// Why.
        source: SignatureError,
    },
    /// A member is compressed in a way that is not read.
    #[error("`{0}` is compressed in an unknown way")]
    Compression(String),
    /// The xpak is malformed.
    #[error("the xpak is malformed: {0}")]
    Xpak(&'static str),
    /// The archive of the metadata is broken or hostile.
    #[error("the metadata is refused")]
    Metadata(#[source] TarError),
    /// A file of the metadata that cannot be, or more of them than any package has.
    #[error("the metadata has the unusable file `{0}`")]
    MetadataFile(String),
    /// The archive of the files is broken or hostile.
    #[error("the image is refused")]
    Image(#[source] TarError),
}

/// What a package says about itself: one file for each variable, such as `SLOT` or `RDEPEND`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    files: BTreeMap<String, Vec<u8>>,
}

impl Metadata {
    fn insert(&mut self, name: &[u8], content: Vec<u8>) -> Result<(), ArchiveError> {
        let shown = || name.escape_ascii().to_string();
        let plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'/';
        let usable = !name.is_empty() && name.len() <= 255 && name.iter().all(plain) && name[0] != b'.';
        if !usable || self.files.len() >= MAX_METADATA_FILES {
            return Err(ArchiveError::MetadataFile(shown()));
        }
        let name_text = String::from_utf8_lossy(name).into_owned();
        match self.files.insert(name_text, content) {
            None => Ok(()),
            Some(_) => Err(ArchiveError::MetadataFile(shown())),
        }
    }

    /// The bytes of a file.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// The text of a variable without white space at its ends; empty when it is not there or no text.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default().trim_ascii()
    }

    /// The names of all files, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Package and version: `dev-libs/glib-2.80.5`; empty when it does not say.
    pub fn cpv(&self) -> String {
        match (self.text("CATEGORY"), self.text("PF")) {
            ("", _) | (_, "") => String::new(),
            (category, file) => format!("{category}/{file}"),
        }
    }
}

/// A package whose bytes have been checked.
#[derive(Debug)]
pub struct Package<R> {
    reader: R,
    format: Format,
    metadata: Metadata,
    image: Part,
    signers: Vec<Signer>,
}

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    start: u64,
    length: u64,
}

/// What the readers of both formats find.
struct Contents {
    metadata: Metadata,
    image: Part,
    signers: Vec<Signer>,
}

impl<R: Read + Seek + Send> Package<R> {
    /// Checks a package from its first byte to its last and reads its metadata.
    ///
    /// # Errors
    /// The first reason to refuse it.
    pub fn open(mut reader: R, trust: &Trust<'_>) -> Result<Self, ArchiveError> {
        let (format, contents) = match sniff(&mut reader)? {
            Format::Gpkg => (Format::Gpkg, gpkg::read(&mut reader, trust)?),
            Format::Xpak => (Format::Xpak, xpak::read(&mut reader, trust)?),
        };
        let Contents { metadata, image, signers } = contents;
        Ok(Self { reader, format, metadata, image, signers })
    }

    /// How it is stored.
    pub fn format(&self) -> Format {
        self.format
    }

    /// What it says about itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Who signed it; nobody when that was not asked for.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// The files that it installs, of at most `limit` bytes once decompressed.
    ///
    /// # Errors
    /// When their archive cannot be opened.
    pub fn image(&mut self, limit: u64) -> Result<Image<'_>, ArchiveError> {
        let region = Region::new(&mut self.reader, self.image).map_err(ArchiveError::Read)?;
        Image::open(region, self.format, limit)
    }
}

/// An xpak says so at its end; a gpkg is a tar that begins with a file `*/gpkg-1`.
fn sniff<R: Read + Seek>(reader: &mut R) -> Result<Format, ArchiveError> {
    let length = reader.seek(SeekFrom::End(0)).map_err(ArchiveError::Read)?;
    let mut end = [0; 4];
    if length >= 8 {
        reader
            .seek(SeekFrom::End(-4))
            .and_then(|_| reader.read_exact(&mut end))
            .map_err(ArchiveError::Read)?;
    }
    let mut head = [0; 512];
    reader.rewind().map_err(ArchiveError::Read)?;
    if length >= 512 {
        reader.read_exact(&mut head).and_then(|()| reader.rewind()).map_err(ArchiveError::Read)?;
    }
    let name = head[..100].split(|byte| *byte == 0).next().unwrap_or_default();
    if name.ends_with(b"/gpkg-1") || matches!(head[156], b'x' | b'L') && &head[257..262] == b"ustar" {
        Ok(Format::Gpkg)
    } else if &end == b"STOP" {
        Ok(Format::Xpak)
    } else {
        Err(ArchiveError::Unknown)
    }
}
