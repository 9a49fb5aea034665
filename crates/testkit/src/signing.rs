//! Signs fixtures with RSA keys that are published here, and good for nothing else.

use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey, LineEnding};
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use sha1_checked::Sha1;
use sha1_checked::digest::Digest;
use sha1_checked::digest::const_oid::AssociatedOid;

const FIRST: &str = include_str!("signing/first.pem");
const SECOND: &str = include_str!("signing/second.pem");

/// An RSA key of 2048 bits that tests sign with.
#[derive(Debug, Clone)]
pub struct SigningKey {
    key: RsaPrivateKey,
    pem: &'static str,
}

impl SigningKey {
    /// The key that fixtures are signed with.
    ///
    /// # Panics
    /// Never: the key is part of this crate.
    pub fn first() -> Self {
        Self::read(FIRST)
    }

    /// Another key, whose signatures are good but whom nobody trusts.
    ///
    /// # Panics
    /// Never: the key is part of this crate.
    pub fn second() -> Self {
        Self::read(SECOND)
    }

    fn read(pem: &'static str) -> Self {
        let key = RsaPrivateKey::from_pkcs8_pem(pem).expect("a key of this crate");
        Self { key, pem }
    }

    /// The private key, PKCS#8 in PEM, for programs that sign.
    pub fn private_pem(&self) -> &'static str {
        self.pem
    }

    /// The public key in PEM.
    ///
    /// # Panics
    /// Never: every RSA key has this form.
    pub fn public_pem(&self) -> String {
        self.key.to_public_key().to_public_key_pem(LineEnding::LF).expect("a public key")
    }

    /// Signs the SHA-1 digest of `message` (PKCS#1 v1.5), as `abuild-sign` does.
    ///
    /// # Panics
    /// Never: the key is longer than the digest.
    pub fn sign_sha1(&self, message: &[u8]) -> Vec<u8> {
        self.sign::<Sha1>(message)
    }

    /// Signs the SHA-256 digest of `message` (PKCS#1 v1.5).
    ///
    /// # Panics
    /// Never: the key is longer than the digest.
    pub fn sign_sha256(&self, message: &[u8]) -> Vec<u8> {
        self.sign::<rsa::sha2::Sha256>(message)
    }

    fn sign<D: Digest + AssociatedOid>(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(Pkcs1v15Sign::new::<D>(), &D::digest(message)).expect("a signature")
    }
}
