//! Secrets of tenants at rest: sealed with a key that is in a file of its own and not in the database.
//!
//! AES-256-GCM (NIST SP 800-38D) with a random nonce, bound to the tenant and the name: a row that somebody moves to
//! another tenant does not open.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit as _, Nonce};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lbuild_db::TenantId;

/// Bytes of the key.
const KEY: usize = 32;

/// Bytes of a nonce.
const NONCE: usize = 12;

/// Seals and opens secrets.
pub struct Sealer {
    cipher: Aes256Gcm,
}

/// A secret does not open: it was sealed with another key, for another tenant or name, or it was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret does not open with this service's key")]
pub struct Broken;

impl Sealer {
    /// Reads the key, or makes one that only this user can read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut key = [0; KEY];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(mut file) => {
                file.write_all(hex::encode(key).as_bytes())?;
                file.sync_all()?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
                    return Err(io::Error::other("others can read the key: give it the mode 0600"));
                }
                hex::decode_to_slice(fs::read_to_string(path)?.trim(), &mut key).map_err(|_| {
                    io::Error::other(
                        "the key is not 64 hexadecimal digits; secrets need the one they were sealed with",
                    )
                })?;
            }
            Err(error) => return Err(error),
        }
        Ok(Self { cipher: Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(&key)) })
    }

    /// Seals a secret of a tenant.
    pub fn seal(&self, tenant: TenantId, name: &str, secret: &[u8]) -> Result<String, getrandom::Error> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce)?;
        let payload = Payload { msg: secret, aad: &bound_to(tenant, name) };
        let sealed = self.cipher.encrypt(Nonce::from_slice(&nonce), payload);
        let sealed = sealed.expect("a secret is much shorter than what AES-GCM takes");
        Ok(BASE64_STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens a secret of a tenant.
    pub fn reveal(&self, tenant: TenantId, name: &str, sealed: &str) -> Result<Vec<u8>, Broken> {
        let bytes = BASE64_STANDARD.decode(sealed).map_err(|_| Broken)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE).ok_or(Broken)?;
        let payload = Payload { msg: sealed, aad: &bound_to(tenant, name) };
        self.cipher.decrypt(Nonce::from_slice(nonce), payload).map_err(|_| Broken)
    }
}

fn bound_to(tenant: TenantId, name: &str) -> Vec<u8> {
    format!("{tenant}\n{name}").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use lbuild_db::TenantId;

    use super::{Broken, Sealer};

    #[test]
    fn a_secret_opens_for_its_tenant_and_name_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("key");
        let sealer = Sealer::open(&path).expect("a key");
        assert_eq!(fs::metadata(&path).expect("the key").permissions().mode() & 0o777, 0o600);
        let (tenant, other) = (TenantId::new(), TenantId::new());
        let secret = sealer.seal(tenant, "a", b"hush").expect("random numbers");
        assert_ne!(secret, sealer.seal(tenant, "a", b"hush").expect("random numbers"));
        let again = Sealer::open(&path).expect("the same key");
        assert_eq!(again.reveal(tenant, "a", &secret).as_deref(), Ok(&b"hush"[..]));
        assert_eq!(again.reveal(other, "a", &secret), Err(Broken));
        assert_eq!(again.reveal(tenant, "b", &secret), Err(Broken));
        assert_eq!(again.reveal(tenant, "a", &secret[..10]), Err(Broken));
        let another = Sealer::open(&directory.path().join("other")).expect("another key");
        assert_eq!(another.reveal(tenant, "a", &secret), Err(Broken));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("it is changed");
        assert!(Sealer::open(&path).is_err(), "a key that others can read is refused");
    }
}
