//! Certificates that signatures are checked with.

use pgp::composed::{PublicOrSecret, SignedPublicKey};
use pgp::types::KeyDetails;

use super::KeyringError;

/// More certificates than this are no keyring; Arch Linux, where every packager signs, has about 170.
const MAX_CERTIFICATES: usize = 1024;
/// Bytes of a keyring.
const MAX_KEYRING: usize = 8 << 20;

/// The certificates that something may be signed with.
#[derive(Debug, Clone)]
pub struct Keyring {
    pub(super) certificates: Vec<SignedPublicKey>,
}

impl Keyring {
    /// Reads certificates, binary or armored. There may be several armored blocks one after the other.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyringError> {
        if bytes.len() > MAX_KEYRING {
            return Err(KeyringError::TooLarge);
        }
        let mut certificates = Vec::new();
        for block in blocks(bytes) {
            read_block(block, &mut certificates)?;
        }
        if certificates.is_empty() {
            return Err(KeyringError::Empty);
        }
        Ok(Self { certificates })
    }

    /// Reads several keyrings into one.
    pub fn join(parts: &[&[u8]]) -> Result<Self, KeyringError> {
        let mut certificates = Vec::new();
        for part in parts {
            certificates.append(&mut Self::parse(part)?.certificates);
        }
        if certificates.is_empty() { Err(KeyringError::Empty) } else { Ok(Self { certificates }) }
    }

    /// Fingerprints of the primary keys, in capital hexadecimal digits.
    pub fn fingerprints(&self) -> Vec<String> {
        self.certificates.iter().map(fingerprint).collect()
    }

    /// The certificates for which `keep` says yes to the fingerprint of the primary key. None may be left.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        let kept = self.certificates.iter().filter(|certificate| keep(&fingerprint(certificate)));
        Self { certificates: kept.cloned().collect() }
    }
}

/// The armored blocks of a text, or the whole of what is not armored.
fn blocks(bytes: &[u8]) -> Vec<&[u8]> {
    const BEGIN: &[u8] = b"-----BEGIN PGP ";
    let line_starts = |at: &usize| *at == 0 || bytes[*at - 1] == b'\n';
    let mut starts: Vec<usize> = memchr::memmem::find_iter(bytes, BEGIN).filter(line_starts).collect();
    if starts.is_empty() || bytes.first().is_some_and(|first| first & 0x80 != 0) {
        return vec![bytes];
    }
    starts.push(bytes.len());
    starts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// Reads the certificates of one block.
fn read_block(bytes: &[u8], certificates: &mut Vec<SignedPublicKey>) -> Result<(), KeyringError> {
    let unreadable = |source| KeyringError::Unreadable(Box::new(source));
    let (keys, _) = PublicOrSecret::from_reader_many_buf(bytes).map_err(unreadable)?;
    for key in keys {
        match key.map_err(unreadable)? {
            PublicOrSecret::Public(key) => certificates.push(key),
            PublicOrSecret::Secret(_) => return Err(KeyringError::Secret),
        }
        if certificates.len() > MAX_CERTIFICATES {
            return Err(KeyringError::TooLarge);
        }
    }
    Ok(())
}

/// The fingerprint of a key in capital hexadecimal digits.
pub(super) fn fingerprint(key: &impl KeyDetails) -> String {
    format!("{:X}", key.fingerprint())
}
