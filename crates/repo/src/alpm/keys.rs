//! Whom pacman trusts: the keyring of a distribution, as `pacman-key --populate` would make it.
//!
//! A keyring package has the certificates (`archlinux.gpg`), the fingerprints of the master keys (`archlinux-trusted`)
//! and those of keys that are no longer trusted (`archlinux-revoked`). The masters certify the keys of packagers, and a
//! packager whom three masters certify may sign packages. Which masters there are is data of ours, so that a keyring
//! package cannot bring its own.

use crate::openpgp::{Expiry, Keyring, KeyringError, Policy};

/// How many masters must certify a packager (`marginals-needed` of gpg(1)).
pub const VOICES: usize = 3;

/// 2019-01-19: `GnuPG` counts SHA-1 in certifications made before this time, in seconds since the Unix epoch.
pub const SHA1_UNTIL: u64 = 1_547_856_000;

/// Why a keyring cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The certificates cannot be read.
    #[error("the certificates are refused")]
    Certificates(#[from] KeyringError),
    /// A line of a list of fingerprints is malformed.
    #[error("line {line} is no fingerprint")]
    Line {
        /// Number of the line, from 1.
        line: usize,
    },
    /// None of the master keys that we know is among those that the keyring names.
    #[error("the keyring has none of the known master keys")]
    NoMaster,
    /// Too few masters are left to trust anybody.
    #[error("only {found} known master keys are good, {VOICES} are needed")]
    FewMasters {
        /// How many there are.
        found: usize,
    },
}

/// The files of a keyring package.
#[derive(Debug, Clone, Copy)]
pub struct Files<'a> {
    /// `NAME.gpg`: the certificates.
    pub certificates: &'a [u8],
    /// `NAME-trusted`: fingerprints of the masters, as `FINGERPRINT:4:` lines.
    pub trusted: &'a str,
    /// `NAME-revoked`: fingerprints of keys that no longer count.
    pub revoked: &'a str,
}

/// How signatures of packages and databases are judged at the time `now`, in seconds since the Unix epoch.
pub fn policy(now: u64) -> Policy {
    Policy { now, expiry: Expiry::WhenSigned, sha1_on_keys_before: SHA1_UNTIL }
}

/// The certificates that may sign packages: the masters, and whom enough of them certify.
///
/// `masters` are the fingerprints that we know, in hexadecimal digits of any case; a master counts if the keyring names
/// it too. Whether a certificate has expired is judged when it is used.
pub fn trusted(files: Files<'_>, masters: &[&str], now: u64) -> Result<Keyring, KeysError> {
    let all = Keyring::parse(files.certificates)?;
    let named = fingerprints(files.trusted)?;
    let revoked = fingerprints(files.revoked)?;
    let valid = all.filtered(|key| !revoked.iter().any(|revoked| revoked == key));
    let known = |key: &str| masters.iter().any(|master| master.eq_ignore_ascii_case(key));
    let roots = valid.filtered(|key| known(key) && named.iter().any(|name| name == key));
    match roots.fingerprints().len() {
        0 => return Err(KeysError::NoMaster),
        found if found < VOICES => return Err(KeysError::FewMasters { found }),
        _ => {}
    }
    Ok(valid.vouched_by(&roots, VOICES, &policy(now)))
}

/// The fingerprints of a list: one per line, followed by `:` and the owner's trust in `-trusted` files.
fn fingerprints(text: &str) -> Result<Vec<String>, KeysError> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fingerprint = line.split_once(':').map_or(line, |(fingerprint, _)| fingerprint);
        let digits = matches!(fingerprint.len(), 40 | 64);
        if !digits || !fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(KeysError::Line { line: number + 1 });
        }
        found.push(fingerprint.to_ascii_uppercase());
    }
    Ok(found)
}
