//! A `.rpm`: a lead, a header of signatures, a header about the package, and a compressed cpio archive.
//!
//! [`Rpm::open`] reads up to the archive and checks the digests of the header. [`Rpm::verify`] judges signatures over the
//! header, which holds the digest of the archive; [`verify_whole`] those of old packages over header and archive.
//! [`Rpm::info`], [`Rpm::files`] and [`Rpm::scripts`] say what the header tells; [`Rpm::payload`] gives the contents.

mod files;
mod header;
mod info;
mod payload;
mod scripts;
mod tags;
mod verify;

use std::io::{self, Read};

use super::checksum::{Algorithm, Checksum, Mismatch, Promise};
use super::cpio::CpioError;
use super::version::VersionError;
use crate::tar::TarError;
use header::{ReadError, Role};
use tags::{Tag, signature};

pub use files::{FileFlags, PackageFile};
pub use header::{Header, HeaderError};
pub use info::Info;
pub use payload::{Content, Payload};
pub use scripts::{Script, ScriptKind, Scripts, Trigger, TriggerKind};
pub use verify::{VerifyError, verify_whole};

/// Bytes of the lead.
const LEAD: usize = 96;

/// Why a package cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The first bytes are not those of a package.
    #[error("not an RPM package")]
    Magic,
    /// The format is not 3, 4 or 6.
    #[error("unknown package format {0}")]
    Format(u64),
    /// The header with the signatures is malformed.
    #[error("the signature header is refused")]
    Signature(#[source] HeaderError),
    /// The header about the package is malformed.
    #[error("the package header is refused")]
    Header(#[source] HeaderError),
    /// The header was changed: it does not have the digest that is written beside it.
    #[error("the package header does not fit its digest")]
    HeaderDigest(#[source] Mismatch),
    /// A version of the package or of a dependency cannot be.
    #[error("`{name}` has a bad version `{version}`")]
    Version {
        /// The package or the dependency.
        name: String,
        /// The version.
        version: String,
        /// What is wrong.
        source: VersionError,
    },
    /// A path of the package leads out of the system or is malformed.
    #[error("the package has an impossible path")]
    Path(#[source] TarError),
    /// The contents are stored in a form that nobody here knows.
    #[error("unknown form of contents `{0}`")]
    PayloadForm(String),
    /// The archive of contents is malformed.
    #[error("the archive of contents is refused")]
    Cpio(#[from] CpioError),
    /// The archive has an entry that the header does not list, lists otherwise, or has had before.
    #[error("the archive of contents has `{path}`, which does not fit the header: {reason}")]
    Unexpected {
        /// The path.
        path: String,
        /// What does not fit.
        reason: &'static str,
    },
    /// The archive lacks a file that the header lists.
    #[error("the archive of contents lacks `{0}`")]
    Absent(String),
    /// The contents are not those that the header promises.
    #[error("the contents do not fit their digest")]
    PayloadDigest(#[source] Mismatch),
    /// The bytes cannot be read.
    #[error("cannot read the package")]
    Read(#[source] io::Error),
}

impl ArchiveError {
    /// Gives a failure to read the name that it has inside.
    fn reading(error: io::Error) -> Self {
        match Mismatch::of(&error) {
            Some(mismatch) => Self::PayloadDigest(mismatch.clone()),
            None => Self::Read(error),
        }
    }
}

/// A package whose headers have been read; the archive of contents comes next.
#[derive(Debug)]
pub struct Rpm<R> {
    is_source: bool,
    signature: Header,
    header: Header,
    header_start: u64,
    reader: R,
}

impl<R: Read> Rpm<R> {
    /// Reads the headers and checks the digests of the package header.
    ///
    /// # Errors
    /// When it is no package, a header is malformed, or the package header was changed.
    pub fn open(mut reader: R) -> Result<Self, ArchiveError> {
        let mut lead = [0; LEAD];
        reader.read_exact(&mut lead).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::Magic,
            _ => ArchiveError::Read(error),
        })?;
        // Magic number, major version, and the kind of signature: a header.
        if lead[..4] != [0xed, 0xab, 0xee, 0xdb] || lead[78..80] != [0, 5] {
            return Err(ArchiveError::Magic);
        }
        if !matches!(lead[4], 3 | 4) {
            return Err(ArchiveError::Format(u64::from(lead[4])));
        }
        let named = |wrap: fn(HeaderError) -> ArchiveError| {
            move |error| match error {
                ReadError::Header(error) => wrap(error),
                ReadError::Read(error) => ArchiveError::Read(error),
            }
        };
        let signature = Header::read(&mut reader, Role::Signature).map_err(named(ArchiveError::Signature))?;
        let padding = signature.bytes().len().wrapping_neg() % 8;
        let mut zeros = [0; 8];
        reader.read_exact(&mut zeros[..padding]).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::Signature(HeaderError::Truncated),
            _ => ArchiveError::Read(error),
        })?;
        let header_start = (LEAD + signature.bytes().len() + padding) as u64;
        let header = Header::read(&mut reader, Role::Main).map_err(named(ArchiveError::Header))?;
        let package = Self { is_source: lead[7] == 1, signature, header, header_start, reader };
        package.check_format()?;
        package.check_header()?;
        Ok(package)
    }

    /// The header about the package.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The header with signatures and digests.
    pub fn signature_header(&self) -> &Header {
        &self.signature
    }

    /// Whether it is a source package, which is for building and not for installing.
    pub fn is_source(&self) -> bool {
        self.is_source
    }

    /// First byte of the package header in the file.
    pub fn header_start(&self) -> u64 {
        self.header_start
    }

    fn check_format(&self) -> Result<(), ArchiveError> {
        match self.header.number(tags::RPMFORMAT).map_err(ArchiveError::Header)? {
            None | Some(3 | 4 | 6) => Ok(()),
            Some(other) => Err(ArchiveError::Format(other)),
        }
    }

    fn check_header(&self) -> Result<(), ArchiveError> {
        for (tag, algorithm) in [(signature::SHA256, Algorithm::Sha256), (signature::SHA1, Algorithm::Sha1)] {
            let Some(digits) = self.signature.text(tag).map_err(ArchiveError::Signature)? else { continue };
            let expected = Checksum::from_hex(algorithm, digits)
                .map_err(|_| ArchiveError::Signature(HeaderError::Type(tag.name)))?;
            let found = Checksum::of(algorithm, self.header.bytes());
            if found != expected {
                return Err(ArchiveError::HeaderDigest(Mismatch::checksum(expected, found)));
            }
        }
        Ok(())
    }

    /// What the header promises about the compressed archive of contents: packages since 2017 have it.
    fn promise(&self) -> Result<Option<Promise>, ArchiveError> {
        let bad = |tag: Tag| ArchiveError::Header(HeaderError::Type(tag.name));
        let Some(digits) = self.header.text(tags::PAYLOADSHA256).map_err(ArchiveError::Header)? else {
            return Ok(None);
        };
        let algorithm = self.header.number(tags::PAYLOADSHA256ALGO).map_err(ArchiveError::Header)?;
        let algorithm = u32::try_from(algorithm.unwrap_or(8)).ok().and_then(Algorithm::numbered);
        let algorithm = algorithm.ok_or_else(|| bad(tags::PAYLOADSHA256ALGO))?;
        let checksum = Checksum::from_hex(algorithm, digits).map_err(|_| bad(tags::PAYLOADSHA256))?;
        let size = self.header.number(tags::PAYLOADSIZE).map_err(ArchiveError::Header)?;
        Ok(Some(Promise { checksum, size }))
    }

    /// What the signature header promises about package header and compressed archive together.
    fn old_promise(&self) -> Result<Option<Promise>, ArchiveError> {
        let Some(bytes) = self.signature.binary(signature::MD5).map_err(ArchiveError::Signature)? else {
            return Ok(None);
        };
        let checksum = Checksum::from_hex(Algorithm::Md5, &hex::encode(bytes))
            .map_err(|_| ArchiveError::Signature(HeaderError::Type(signature::MD5.name)))?;
        let size = |tag| self.signature.number(tag).map_err(ArchiveError::Signature);
        let size = size(signature::LONG_SIZE)?.or(size(signature::SIZE)?);
        Ok(Some(Promise { checksum, size }))
    }
}
