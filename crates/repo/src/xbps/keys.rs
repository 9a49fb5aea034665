//! Keys of repositories, and the signatures of packages: RSA over the SHA-256 digest of the whole file, in `FILE.sig2`.
//!
//! A key is known by the MD5 digest of its SSH form, in pairs of digits with colons between them, and kept in
//! `FINGERPRINT.plist`. MD5 only finds the key among those that are trusted: a signature is checked with the trusted
//! copy, never with one that a repository brings.

use md5::{Digest, Md5};

use super::plist::{self, Dictionary, PlistError, Value};
use crate::rsa::{Hash, KeyError as RsaKeyError, PublicKey, SignatureError as RsaSignatureError};

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file of the key is malformed.
    #[error("key file is malformed")]
    Form(#[from] PlistError),
    /// It holds no public key.
    #[error("there is no public key")]
    Missing,
    /// It is not an RSA key, or one that is too short.
    #[error("public key is refused")]
    Key(#[from] RsaKeyError),
    /// No trusted key has this fingerprint.
    #[error("key `{fingerprint}` of `{owner}` is not trusted")]
    Unknown {
        /// Fingerprint of the key that the repository names.
        fingerprint: String,
        /// Whose the repository says that it is, escaped.
        owner: String,
    },
}

/// Why the signature of a package does not count.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// A `.sig` of before xbps 0.59.2, which calls its digest another than it is.
    #[error("signature `{0}` has the old form of xbps before 0.59.2, which is no longer accepted")]
    Old(String),
    /// The name of the file does not end with `.sig2`.
    #[error("`{0}` is not called like a signature")]
    Name(String),
    /// It does not fit.
    #[error("signature by key `{fingerprint}` is refused")]
    Bad {
        /// Fingerprint of the key.
        fingerprint: String,
        /// Why.
        source: RsaSignatureError,
    },
}

/// The public key of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryKey {
    key: PublicKey,
    owner: String,
    fingerprint: String,
}

impl RepositoryKey {
    /// Reads a `FINGERPRINT.plist`.
    pub fn parse(file: &[u8]) -> Result<Self, KeyError> {
        Self::from_dictionary(&plist::read(file)?)
    }

    /// Takes the key from a dictionary that has it as `public-key`, as the index of a repository does.
    pub(super) fn from_dictionary(dictionary: &Dictionary) -> Result<Self, KeyError> {
        let Some(Value::Data(pem)) = dictionary.get("public-key") else { return Err(KeyError::Missing) };
        let owner = match dictionary.get("signature-by") {
            Some(Value::Text(owner)) => owner.clone(),
            _ => String::new(),
        };
        let key = PublicKey::from_pem(pem)?;
        let fingerprint = fingerprint(&key);
        Ok(Self { key, owner, fingerprint })
    }

    /// The fingerprint, such as `60:ae:0c:d6:f0:95:17:80:bc:93:46:7a:89:af:a3:2d`.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whose it says that it is.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Bits of the key.
    pub fn bits(&self) -> usize {
        self.key.bits()
    }

    /// Checks the content of the signature file called `name` over a package with this SHA-256 digest.
    pub fn verify(&self, name: &str, signature: &[u8], sha256: &[u8; 32]) -> Result<(), SignatureError> {
        let shown = || name.escape_default().to_string();
        match name.rsplit_once('.') {
            Some((_, "sig2")) => {}
            Some((_, "sig")) => return Err(SignatureError::Old(shown())),
            _ => return Err(SignatureError::Name(shown())),
        }
        self.key
            .verify_digest(Hash::Sha256, sha256, signature)
            .map_err(|source| SignatureError::Bad { fingerprint: self.fingerprint.clone(), source })
    }
}

/// The keys that are trusted.
#[derive(Debug, Clone, Default)]
pub struct Trusted {
    keys: Vec<RepositoryKey>,
}

impl Trusted {
    /// Trusts the keys of these `FINGERPRINT.plist` files.
    pub fn parse(files: &[&[u8]]) -> Result<Self, KeyError> {
        let keys = files.iter().map(|file| RepositoryKey::parse(file)).collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// The trusted copy of the key that a repository names.
    pub fn find(&self, named: &RepositoryKey) -> Result<&RepositoryKey, KeyError> {
        let same = |key: &&RepositoryKey| key.fingerprint == named.fingerprint && key.key == named.key;
        self.keys.iter().find(same).ok_or_else(|| KeyError::Unknown {
            fingerprint: named.fingerprint.clone(),
            owner: named.owner.escape_default().to_string(),
        })
    }
}

/// The MD5 digest of the key as SSH writes it (RFC 4253, 6.6).
fn fingerprint(key: &PublicKey) -> String {
    let mut digest = Md5::new();
    let mut part = |bytes: &[u8], number: bool| {
        // A number whose first bit is set has a zero before it, so that it is not negative.
        let sign = number && bytes.first().is_some_and(|first| first & 0x80 != 0);
        let length = u32::try_from(bytes.len() + usize::from(sign)).unwrap_or(u32::MAX);
        digest.update(length.to_be_bytes());
        if sign {
            digest.update([0]);
        }
        digest.update(bytes);
    };
    part(b"ssh-rsa", false);
    part(&key.exponent(), true);
    part(&key.modulus(), true);
    let pairs: Vec<String> = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}
