//! Signatures of packages.
//!
//! A signature over the package header is enough when the header has a strong digest of the archive. Old packages have
//! a signature over header and archive together instead, for which the whole file must be read.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use base64::Engine as _;

use super::header::HeaderError;
use super::tags::signature;
use super::{ArchiveError, Rpm};
use crate::openpgp::{Keyring, Policy, SignatureError, Signer, verify_detached};

/// Signatures that are looked at.
const MAX_SIGNATURES: usize = 16;

/// Why a package's signature does not count.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It has none of the kind that was asked for.
    #[error("package has no signature")]
    Unsigned,
    /// The signed header does not protect the archive of contents, or not all of itself.
    #[error("the signed header of the package has no strong digest of the contents")]
    ContentsUnprotected,
    /// A signature was made for something else, by nobody who is known, or by a key that does not count.
    #[error("the package's signature is refused")]
    Signature(#[from] SignatureError),
    /// The signature header is malformed.
    #[error("the signature header is refused")]
    Header(#[from] HeaderError),
    /// The package cannot be read.
    #[error("the package is refused")]
    Package(#[source] Box<ArchiveError>),
    /// A signature is not base64.
    #[error("signature {0} is not base64")]
    Base64(usize),
    /// More signatures than a package has.
    #[error("package has more than {MAX_SIGNATURES} signatures")]
    TooMany,
}

impl<R: Read> Rpm<R> {
    /// Checks the signatures over the package header, and that the header protects the contents. The contents
    /// themselves are checked while they are read.
    ///
    /// One good signature is enough; those by unknown keys are passed over, but one by a known key that does not fit is
    /// a reason to refuse.
    ///
    /// # Errors
    /// When there is no such signature, or none counts.
    pub fn verify(&self, keyring: &Keyring, policy: &Policy) -> Result<Vec<Signer>, VerifyError> {
        let header = self.signature_header();
        let mut signatures = Vec::new();
        for (at, text) in header.texts(signature::OPENPGP)?.into_iter().enumerate() {
            let bytes = base64::prelude::BASE64_STANDARD.decode(text.trim());
            signatures.push(bytes.map_err(|_| VerifyError::Base64(at))?);
        }
        for tag in [signature::RSA, signature::DSA] {
            signatures.extend(header.binary(tag)?.map(<[u8]>::to_vec));
        }
        let signers = judge(&signatures, &mut Cursor::new(self.header().bytes()), keyring, policy)?;
        let promise = self.promise().map_err(|error| VerifyError::Package(Box::new(error)))?;
        let is_strong = promise.is_some_and(|promise| promise.checksum.algorithm().is_strong());
        if is_strong && self.header().has_region() {
            Ok(signers)
        } else {
            Err(VerifyError::ContentsUnprotected)
        }
    }
}

/// Checks the signatures over package header and archive together, as packages have that were made before 2017.
///
/// # Errors
/// When the package is malformed, has no such signature, or none counts.
pub fn verify_whole(
    mut package: impl Read + Seek,
    keyring: &Keyring,
    policy: &Policy,
) -> Result<Vec<Signer>, VerifyError> {
    let opened = Rpm::open(&mut package).map_err(|error| VerifyError::Package(Box::new(error)))?;
    let (start, header) = (opened.header_start(), opened.signature_header().clone());
    let mut signatures = Vec::new();
    for tag in [signature::PGP, signature::GPG] {
        signatures.extend(header.binary(tag)?.map(<[u8]>::to_vec));
    }
    judge(&signatures, &mut Tail { inner: package, start }, keyring, policy)
}

/// Judges signatures that each stand alone.
fn judge<C: Read + Seek>(
    signatures: &[Vec<u8>],
    content: &mut C,
    keyring: &Keyring,
    policy: &Policy,
) -> Result<Vec<Signer>, VerifyError> {
    if signatures.len() > MAX_SIGNATURES {
        return Err(VerifyError::TooMany);
    }
    let mut good = Vec::new();
    let mut refused = None;
    for signature in signatures {
        match verify_detached(signature, &mut *content, keyring, policy) {
            Ok(signers) => good.extend(signers),
            Err(error @ (SignatureError::BadSignature { .. } | SignatureError::Read(_))) => {
                return Err(error.into());
            }
            Err(error) => {
                // What a known key did says more than that another is unknown.
                let is_better = matches!(refused, None | Some(SignatureError::UnknownKeys { .. }));
                refused = if is_better { Some(error) } else { refused };
            }
        }
    }
    good.sort();
    good.dedup();
    match refused {
        _ if !good.is_empty() => Ok(good),
        Some(error) => Err(error.into()),
        None => Err(VerifyError::Unsigned),
    }
}

/// A file from some byte on.
#[derive(Debug)]
struct Tail<R> {
    inner: R,
    start: u64,
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl<R: Seek> Seek for Tail<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => SeekFrom::Start(self.start.saturating_add(at)),
            other => other,
        };
        Ok(self.inner.seek(to)?.saturating_sub(self.start))
    }
}
