//! RSA signatures of packages and indexes: RSASSA-PKCS1-v1_5 (RFC 8017, 8.2) with public keys in PEM.
//!
//! apk signs the SHA-1, SHA-256 or SHA-512 digest of a file, xbps the SHA-256 one. Keys below [`MIN_BITS`] are refused, and
//! so is text that was made to collide under SHA-1. Only public operations happen here.

use rsa::pkcs8::der::Decode;
use rsa::pkcs8::der::asn1::ObjectIdentifier;
use rsa::pkcs8::{Document, SubjectPublicKeyInfoRef};
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey, pkcs1};
use sha2::{Digest, Sha256, Sha512};

/// Bits of the shortest modulus accepted: what NIST SP 800-57 asks for at least, and what distributions use.
pub const MIN_BITS: usize = 2048;
/// Bits of the longest modulus accepted: longer ones only cost time.
pub const MAX_BITS: usize = 8192;
/// Bytes of the longest PEM text looked at.
const MAX_PEM: usize = 16 << 10;

/// The digest under a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-1, with detection of the known collision attacks.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The object identifier's content octets (RFC 8017, appendix B.1).
    fn oid(self) -> &'static [u8] {
        match self {
            Self::Sha1 => &[0x2b, 0x0e, 0x03, 0x02, 0x1a],
            Self::Sha256 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
            Self::Sha512 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
        }
    }

    /// Bytes of the digest.
    pub fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The digest of `message`.
    ///
    /// # Errors
    /// [`SignatureError::Collision`] for a text that was made to collide under SHA-1.
    pub fn digest(self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        match self {
            Self::Sha1 => {
                let result = sha1_checked::Sha1::try_digest(message);
                if result.has_collision() {
                    return Err(SignatureError::Collision);
                }
                Ok(result.hash().to_vec())
            }
            Self::Sha256 => Ok(Sha256::digest(message).to_vec()),
            Self::Sha512 => Ok(Sha512::digest(message).to_vec()),
        }
    }

    /// The DER of `DigestInfo` up to the digest itself (RFC 8017, 9.2).
    fn prefix(self) -> Vec<u8> {
        let oid = self.oid();
        let byte = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
        let algorithm = [&[0x06, byte(oid.len())], oid, &[0x05, 0x00]].concat();
        let rest = 2 + algorithm.len() + 2 + self.size();
        let head = [0x30, byte(rest), 0x30, byte(algorithm.len())];
        [&head[..], &algorithm, &[0x04, byte(self.size())]].concat()
    }
}

/// Why a public key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Longer than any public key.
    #[error("public key is longer than {MAX_PEM} bytes")]
    TooLong,
    /// Not PEM text.
    #[error("public key is not PEM")]
    Pem(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The PEM text is something else, such as a private key.
    #[error("expected a public key, found `{0}`")]
    Label(String),
    /// The PEM content is not a key.
    #[error("public key is malformed")]
    Form(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A key of another algorithm.
    #[error("public key is not an RSA key")]
    Algorithm,
    /// The modulus is too short or too long.
    #[error("public key has {bits} bits, not {MIN_BITS} to {MAX_BITS}")]
    Bits {
        /// Bits of the modulus.
        bits: usize,
    },
}

/// Why a signature was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is not as long as the key's modulus.
    #[error("signature has {found} bytes, the key wants {expected}")]
    Length {
        /// Bytes of the modulus.
        expected: usize,
        /// Bytes of the signature.
        found: usize,
    },
    /// The text, the signature or the key is another one.
    #[error("signature does not fit")]
    Mismatch,
    /// The digest does not have the length of its kind.
    #[error("digest has {found} bytes, not {expected}")]
    Digest {
        /// Bytes of a digest of this kind.
        expected: usize,
        /// Bytes of the one given.
        found: usize,
    },
    /// The signed text was made to collide under SHA-1.
    #[error("signed data shows a SHA-1 collision attack")]
    Collision,
}

/// A public key that signatures are checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: RsaPublicKey,
}

impl PublicKey {
    /// Reads `-----BEGIN PUBLIC KEY-----` (RFC 5280) or `-----BEGIN RSA PUBLIC KEY-----` (RFC 8017, appendix A.1.1).
    ///
    /// # Errors
    /// When the text is no RSA public key, or its modulus is too short or too long.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        if text.len() > MAX_PEM {
            return Err(KeyError::TooLong);
        }
        let text = std::str::from_utf8(text).map_err(|source| KeyError::Pem(Box::new(source)))?;
        let (label, document) = Document::from_pem(text).map_err(|source| KeyError::Pem(Box::new(source)))?;
        match label {
            "PUBLIC KEY" => Self::from_spki(document.as_bytes()),
            "RSA PUBLIC KEY" => Self::from_pkcs1(document.as_bytes()),
            other => Err(KeyError::Label(other.escape_debug().to_string())),
        }
    }

    fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        const RSA: ObjectIdentifier = pkcs1::ALGORITHM_OID;
        let info =
            SubjectPublicKeyInfoRef::from_der(der).map_err(|source| KeyError::Form(Box::new(source)))?;
        if info.algorithm.oid != RSA {
            return Err(KeyError::Algorithm);
        }
        Self::from_pkcs1(info.subject_public_key.raw_bytes())
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        let parts = pkcs1::RsaPublicKey::from_der(der).map_err(|source| KeyError::Form(Box::new(source)))?;
        let modulus = BigUint::from_bytes_be(parts.modulus.as_bytes());
        let exponent = BigUint::from_bytes_be(parts.public_exponent.as_bytes());
        let bits = modulus.bits();
        if !(MIN_BITS..=MAX_BITS).contains(&bits) {
            return Err(KeyError::Bits { bits });
        }
        let key = RsaPublicKey::new_with_max_size(modulus, exponent, MAX_BITS)
            .map_err(|source| KeyError::Form(Box::new(source)))?;
        Ok(Self { key })
    }

    /// Bits of the modulus.
    pub fn bits(&self) -> usize {
        self.key.n().bits()
    }

    /// The modulus, most significant byte first.
    pub fn modulus(&self) -> Vec<u8> {
        self.key.n().to_bytes_be()
    }

    /// The public exponent, most significant byte first.
    pub fn exponent(&self) -> Vec<u8> {
        self.key.e().to_bytes_be()
    }

    /// Checks `signature` over `message`.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn verify(&self, hash: Hash, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        self.verify_digest(hash, &hash.digest(message)?, signature)
    }

    /// Checks `signature` over a text whose digest is known.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn verify_digest(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        if digest.len() != hash.size() {
            return Err(SignatureError::Digest { expected: hash.size(), found: digest.len() });
        }
        if signature.len() != self.key.size() {
            return Err(SignatureError::Length { expected: self.key.size(), found: signature.len() });
        }
        let scheme = Pkcs1v15Sign { hash_len: Some(hash.size()), prefix: hash.prefix().into() };
        self.key.verify(scheme, digest, signature).map_err(|_| SignatureError::Mismatch)
    }
}

#[cfg(test)]
mod tests;
