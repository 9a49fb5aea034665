//! Reasons for refusing keyrings and signatures.

use std::io;

/// Why a keyring cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// Not `OpenPGP` certificates.
    #[error("keyring cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It holds no certificate.
    #[error("keyring is empty")]
    Empty,
    /// It holds a secret key, which does not belong into a keyring for verifying.
    #[error("keyring holds a secret key")]
    Secret,
    /// More than any keyring needs.
    #[error("keyring is too large")]
    TooLarge,
}

/// Why a signature does not count.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// More than any signature or signed text needs.
    #[error("signed message is too large")]
    TooLarge,
    /// There is no signature, or something stands outside of what is signed.
    #[error("not a signed message")]
    NotSigned(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A file of signatures holds none.
    #[error("no signature in the signature file")]
    Empty,
    /// The signed content cannot be read.
    #[error("cannot read what is signed")]
    Read(#[source] io::Error),
    /// Nobody in the keyring has signed it.
    #[error("signed by no known key, only by {}", .issuers.join(", "))]
    UnknownKeys {
        /// What the signatures name.
        issuers: Vec<String>,
    },
    /// The content or the signature was changed.
    #[error("signature by key `{key}` does not fit the content")]
    BadSignature {
        /// Fingerprint.
        key: String,
        /// What the verification said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The key has expired.
    #[error("key `{key}` has expired")]
    KeyExpired {
        /// Fingerprint.
        key: String,
    },
    /// The key was revoked.
    #[error("key `{key}` is revoked")]
    KeyRevoked {
        /// Fingerprint.
        key: String,
    },
    /// No good signature ties the key to its certificate.
    #[error("key `{key}` is not bound to its certificate")]
    KeyUnbound {
        /// Fingerprint.
        key: String,
    },
    /// The key may not sign, or the signature is of another kind.
    #[error("key `{key}` was not made for signing this")]
    WrongUse {
        /// Fingerprint.
        key: String,
    },
    /// The key is too short or of a kind that is no longer safe.
    #[error("key `{key}` is too weak")]
    WeakKey {
        /// Fingerprint.
        key: String,
    },
    /// The digest is no longer safe.
    #[error("signature uses the weak digest `{algorithm}`")]
    WeakHash {
        /// Its name.
        algorithm: String,
    },
    /// The signature has no date, one before its key, or one in the future.
    #[error("signature has an impossible date ({created} seconds since 1970)")]
    SignatureDate {
        /// Seconds since the Unix epoch.
        created: u64,
    },
    /// The signature itself was made for a limited time, which is over.
    #[error("signature by key `{key}` has expired")]
    SignatureExpired {
        /// Fingerprint.
        key: String,
    },
    /// The signature has a critical part that is not understood.
    #[error("signature has a critical part of unknown kind {kind}")]
    UnknownCritical {
        /// Number of its kind (RFC 9580, 5.2.3.7).
        kind: u8,
    },
}
