//! Who signed an index or a package: files `.SIGN.<algorithm>.<name of the key>` in the first gzip member.
//!
//! The name says which key of the [`Keyring`] to try, so a key is known by its file name, as in `/etc/apk/keys`. One good
//! signature by a known key is enough. Alpine signs with RSA over SHA-1 (`RSA`); `RSA256` and `RSA512` are understood too.

use std::collections::BTreeMap;

use super::segment::SmallFile;
use crate::rsa::{Hash, KeyError, PublicKey, SignatureError as Mismatch};

/// How the name of a signature file starts.
const PREFIX: &str = ".SIGN.";
/// Signatures that are looked at.
const MAX_SIGNATURES: usize = 16;

/// The public keys that a repository may be signed with, by file name.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    keys: BTreeMap<String, PublicKey>,
}

impl Keyring {
    /// A keyring without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key under its file name, such as `alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub`.
    ///
    /// # Errors
    /// When the text is no RSA public key in PEM, or a weak one.
    pub fn add(&mut self, file_name: &str, pem: &[u8]) -> Result<(), KeyError> {
        self.keys.insert(file_name.to_owned(), PublicKey::from_pem(pem)?);
        Ok(())
    }

    /// File names of the keys.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }
}

/// Who has to have signed.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'a> {
    /// One of these keys.
    Keys(&'a Keyring),
    /// Nobody: for a repository that a spec names as unsigned.
    Anybody,
}

/// Why a signature was refused.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// There is none.
    #[error("there is no signature")]
    Missing,
    /// More than anybody needs.
    #[error("there are more than {MAX_SIGNATURES} signatures")]
    TooMany,
    /// None is by a known key with a known algorithm.
    #[error("signed by no known key, only by {}", .signers.join(", "))]
    UnknownKeys {
        /// Names of the signature files after `.SIGN.`, escaped.
        signers: Vec<String>,
    },
    /// A signature by a known key does not fit.
    #[error("signature by key `{key}` is refused")]
    Bad {
        /// File name of the key.
        key: String,
        /// Why.
        source: Mismatch,
    },
}

/// A signature as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    /// The name after `.SIGN.`.
    signer: String,
    bytes: Vec<u8>,
}

impl Signature {
    /// The algorithm and the file name of the key, when the algorithm is known.
    fn parts(&self) -> Option<(Hash, &str)> {
        let (algorithm, key) = self.signer.split_once('.')?;
        let hash = match algorithm {
            "RSA" => Hash::Sha1,
            "RSA256" => Hash::Sha256,
            "RSA512" => Hash::Sha512,
            _ => return None,
        };
        Some((hash, key))
    }
}

/// Takes the signatures out of the files of a gzip member, if these are signatures; else gives the files back.
pub(super) fn take(files: Vec<SmallFile>) -> Result<Vec<Signature>, Vec<SmallFile>> {
    let all = !files.is_empty() && files.iter().all(|file| file.name.starts_with(PREFIX));
    if !all {
        return Err(files);
    }
    let signature =
        |file: SmallFile| Signature { signer: file.name[PREFIX.len()..].to_owned(), bytes: file.content };
    Ok(files.into_iter().map(signature).collect())
}

/// Checks `signatures` over `signed`; returns the file names of the keys whose signatures are good.
///
/// Signatures by unknown keys are passed over, but one by a known key that does not fit is a reason to refuse.
pub(super) fn check(
    signatures: &[Signature],
    signed: &[u8],
    trust: Trust<'_>,
) -> Result<Vec<String>, SignatureError> {
    let Trust::Keys(keyring) = trust else { return Ok(Vec::new()) };
    if signatures.is_empty() {
        return Err(SignatureError::Missing);
    }
    if signatures.len() > MAX_SIGNATURES {
        return Err(SignatureError::TooMany);
    }
    let mut good = Vec::new();
    for signature in signatures {
        let Some((hash, name)) = signature.parts() else { continue };
        let Some(key) = keyring.keys.get(name) else { continue };
        key.verify(hash, signed, &signature.bytes)
            .map_err(|source| SignatureError::Bad { key: name.to_owned(), source })?;
        good.push(name.to_owned());
    }
    if good.is_empty() {
        let signers =
            signatures.iter().map(|signature| signature.signer.escape_debug().to_string()).collect();
        return Err(SignatureError::UnknownKeys { signers });
    }
    Ok(good)
}
