//! Short-lived addresses of artifacts: whoever has one may fetch one file of one build until it expires.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use lbuild_db::BuildId;
use sha2::Sha256;

/// How long an address is good for.
const VALID: Duration = Duration::from_mins(15);

/// Bytes of the secret.
const SECRET: usize = 32;

/// Signs with a secret that stays in the service's data directory, or in the database that its processes share.
pub struct Signer {
    secret: Vec<u8>,
}

impl Signer {
    /// Reads the secret, or makes one that only this user can read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut secret = vec![0; SECRET];
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(mut file) => {
                file.write_all(hex::encode(&secret).as_bytes())?;
                file.sync_all()?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                secret = hex::decode(fs::read_to_string(path)?.trim()).map_err(io::Error::other)?;
            }
            Err(error) => return Err(error),
        }
        if secret.len() < SECRET {
            return Err(io::Error::other(
                "the secret is too short; restore the file from a backup, or remove it, and webhooks get new secrets",
            ));
        }
        Ok(Self { secret })
    }

    /// A secret for some purpose, always the same one.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes keys of every length");
        mac.update(format!("derive\n{purpose}").as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Signs with a secret, in hexadecimal, that other processes have as well.
    pub fn shared(secret: &str) -> io::Result<Self> {
        let secret = hex::decode(secret).map_err(io::Error::other)?;
        if secret.len() < SECRET {
            return Err(io::Error::other("the secret is too short"));
        }
        Ok(Self { secret })
    }

    /// The secret of a file, in hexadecimal; a new one, when there is none.
    pub fn kept(path: &Path) -> io::Result<String> {
        match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut secret = [0; SECRET];
                getrandom::fill(&mut secret).map_err(io::Error::other)?;
                Ok(hex::encode(secret))
            }
            found => Ok(found?.trim().to_owned()),
        }
    }

    /// The query that makes the address of an artifact good for a while.
    pub fn query(&self, build: BuildId, name: &str) -> String {
        let expires = seconds_now() + VALID.as_secs();
        let signature = hex::encode(self.mac(build, name, expires).finalize().into_bytes());
        format!("expires={expires}&signature={signature}")
    }

    /// Whether such a query is ours and still good.
    pub fn verify(&self, build: BuildId, name: &str, expires: u64, signature: &str) -> bool {
        let Ok(signature) = hex::decode(signature) else { return false };
        expires > seconds_now() && self.mac(build, name, expires).verify_slice(&signature).is_ok()
    }

    /// A signature of a text, in hexadecimal. What it is for stands at the beginning of the text.
    pub fn sign(&self, text: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes keys of every length");
        mac.update(text.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    fn mac(&self, build: BuildId, name: &str, expires: u64) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes keys of every length");
        mac.update(format!("{build}\n{expires}\n{name}").as_bytes());
        mac
    }
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::Signer;
    use lbuild_db::BuildId;

    #[test]
    fn an_address_is_good_for_one_file_of_one_build_and_not_for_long() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("secret");
        let signer = Signer::open(&path).expect("a secret");
        let build = BuildId::new();
        let query = signer.query(build, "a.iso");
        let (expires, signature) = query.split_once('&').expect("two parts");
        let expires: u64 = expires.trim_start_matches("expires=").parse().expect("a number");
        let signature = signature.trim_start_matches("signature=");
        let again = Signer::open(&path).expect("the same secret");
        assert!(again.verify(build, "a.iso", expires, signature));
        assert!(!again.verify(build, "b.iso", expires, signature));
        assert!(!again.verify(BuildId::new(), "a.iso", expires, signature));
        assert!(!again.verify(build, "a.iso", expires + 1, signature));
        assert!(!again.verify(build, "a.iso", 1, signature));
        assert!(!again.verify(build, "a.iso", expires, "00"));
    }
}
