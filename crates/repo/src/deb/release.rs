//! `InRelease`: the signed table of contents of a Debian suite.
//!
//! [`verify`] is the only way to get a [`VerifiedRelease`]: the signature is checked against a [`Keyring`] under
//! our own policy first, and only the signed text is read.

mod fields;
mod keys;

use std::collections::BTreeMap;
use std::time::Duration;

use pgp::armor::DearmorOptions;
use pgp::composed::{CleartextSignedMessage, SignedPublicKey};

use super::control::ControlError;
use keys::Verdict;

/// The certificates that a suite may be signed with.
#[derive(Debug, Clone)]
pub struct Keyring {
    certificates: Vec<SignedPublicKey>,
}

/// What a release must satisfy besides its signature. The clock is an argument.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// The suite or codename that was asked for.
    pub suite: Option<String>,
    /// The present, in seconds since the Unix epoch.
    pub now: u64,
    /// The highest `Date` (seconds since the Unix epoch) that was accepted for this suite before: an older release
    /// is a rollback.
    pub watermark: Option<u64>,
    /// Refuse a release whose `Date` is further in the past than this, even when it has no `Valid-Until`.
    pub max_age: Option<Duration>,
    /// Accept a release past its `Valid-Until` or older than the watermark: for a spec that pins this very snapshot.
    pub pinned_snapshot: bool,
}

/// One file that the release vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseFile {
    /// Path below the suite's directory, such as `main/binary-amd64/Packages.xz`.
    pub path: String,
    /// Length in bytes.
    pub size: u64,
    /// Digest of the content.
    pub sha256: [u8; 32],
}

/// The fields of a release whose signature, dates and form were all accepted.
#[derive(Debug, Clone, Default)]
pub struct VerifiedRelease {
    /// `Origin`, such as `Debian`.
    pub origin: String,
    /// `Label`, such as `Debian` or `Debian-Security`.
    pub label: String,
    /// `Suite`, such as `stable`.
    pub suite: String,
    /// `Codename`, such as `trixie`.
    pub codename: String,
    /// `Version`, such as `13.5`; empty for suites that have none.
    pub version: String,
    /// `Date` in seconds since the Unix epoch: the next watermark.
    pub date: u64,
    /// `Valid-Until` in seconds since the Unix epoch.
    pub valid_until: Option<u64>,
    /// `Components`.
    pub components: Vec<String>,
    /// `Architectures`.
    pub architectures: Vec<String>,
    /// `Acquire-By-Hash`: files can be fetched by digest.
    pub by_hash: bool,
    /// `NotAutomatic`: never chosen unless asked for.
    pub not_automatic: bool,
    /// `ButAutomaticUpgrades`: with `NotAutomatic`, priority 100 instead of 1.
    pub but_automatic_upgrades: bool,
    /// Fingerprints (hex) of the primary keys whose signatures were good.
    pub signed_by: Vec<String>,
    /// Every file in the `SHA256` list, by path.
    pub files: BTreeMap<String, ReleaseFile>,
}

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

/// Why a release was refused.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// More than any release needs.
    #[error("release is too large")]
    TooLarge,
    /// There is no signature around the text, or something stands outside of it.
    #[error("release is not a signed message")]
    NotSigned(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nobody in the keyring has signed it.
    #[error("release is signed by no known key, only by {}", .issuers.join(", "))]
    UnknownKeys {
        /// What the signatures name.
        issuers: Vec<String>,
    },
    /// The text or the signature was changed.
    #[error("signature by key `{key}` does not fit the text")]
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
    /// The signed text is not deb822.
    #[error("release is malformed")]
    Form(#[source] ControlError),
    /// A field that it must have is not there.
    #[error("release has no field `{field}`")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field has a value that it cannot have, or stands twice.
    #[error("release has a bad or repeated field `{field}`")]
    Field {
        /// The field.
        field: String,
    },
    /// A line of the list of files.
    #[error("release lists a file that cannot be: `{line}`")]
    File {
        /// The line.
        line: String,
    },
    /// It is about another suite than the one that was asked for.
    #[error("release is of suite `{found}`, not `{wanted}`")]
    OtherSuite {
        /// What was asked for.
        wanted: String,
        /// What it says.
        found: String,
    },
    /// Its `Valid-Until` has passed: the mirror stands still, or somebody holds updates back.
    #[error("release expired {} hours ago", .seconds / 3600)]
    Expired {
        /// Seconds since then.
        seconds: u64,
    },
    /// Its `Date` is older than the policy allows.
    #[error("release is {} days old", .seconds / 86400)]
    TooOld {
        /// Its age in seconds.
        seconds: u64,
    },
    /// Its `Date` lies in the future.
    #[error("release is dated {seconds} seconds in the future")]
    Future {
        /// How far.
        seconds: u64,
    },
    /// It is older than one that was accepted before.
    #[error("release is {} hours older than the one seen before", .seconds / 3600)]
    Rollback {
        /// How much older, in seconds.
        seconds: u64,
    },
}

/// Bytes of an `InRelease`; Debian's largest has 150,000.
const MAX_BYTES: usize = 32 << 20;
/// Signatures that are looked at.
const MAX_SIGNATURES: usize = 16;

/// Checks the signature, the dates and the form of an `InRelease` file.
///
/// One good signature is enough; signatures by unknown keys are passed over, but one by a known key that does not fit
/// the text is a reason to refuse.
pub fn verify(text: &[u8], keyring: &Keyring, policy: &Policy) -> Result<VerifiedRelease, ReleaseError> {
    if text.len() > MAX_BYTES {
        return Err(ReleaseError::TooLarge);
    }
    let (message, _) = CleartextSignedMessage::from_armor_buf(text, DearmorOptions::default())
        .map_err(|source| ReleaseError::NotSigned(Box::new(source)))?;
    let signed = message.signed_text();
    let signed_by = signers(&message, signed.as_bytes(), keyring, policy.now)?;
    let release = VerifiedRelease { signed_by, ..fields::read(&signed)? };
    check_suite(&release, policy)?;
    check_dates(&release, policy)?;
    Ok(release)
}

/// The certificates that have signed the text.
fn signers(
    message: &CleartextSignedMessage,
    text: &[u8],
    keyring: &Keyring,
    now: u64,
) -> Result<Vec<String>, ReleaseError> {
    let mut good = Vec::new();
    let mut unknown = Vec::new();
    let mut refused = None;
    if message.signatures().len() > MAX_SIGNATURES {
        return Err(ReleaseError::TooLarge);
    }
    for signature in message.signatures() {
        match keys::judge(keyring, signature, text, now) {
            Verdict::Good(fingerprint) => good.push(fingerprint),
            Verdict::Unknown(issuer) => unknown.push(issuer),
            Verdict::Refused(error @ ReleaseError::BadSignature { .. }) => return Err(error),
            Verdict::Refused(error) => refused = refused.or(Some(error)),
        }
    }
    good.sort();
    good.dedup();
    match refused {
        _ if !good.is_empty() => Ok(good),
        Some(error) => Err(error),
        None => Err(ReleaseError::UnknownKeys { issuers: unknown }),
    }
}

/// Whether the release is of the suite that was asked for: a mirror could hand out a good release of another one.
fn check_suite(release: &VerifiedRelease, policy: &Policy) -> Result<(), ReleaseError> {
    if let Some(wanted) = &policy.suite
        && *wanted != release.suite
        && *wanted != release.codename
    {
        return Err(ReleaseError::OtherSuite { wanted: wanted.clone(), found: release.codename.clone() });
    }
    Ok(())
}

fn check_dates(release: &VerifiedRelease, policy: &Policy) -> Result<(), ReleaseError> {
    let now = policy.now;
    if release.date > now + keys::CLOCK_SKEW {
        return Err(ReleaseError::Future { seconds: release.date - now });
    }
    if policy.pinned_snapshot {
        return Ok(());
    }
    if let Some(seconds) =
        policy.watermark.and_then(|mark| mark.checked_sub(release.date)).filter(|gap| *gap > 0)
    {
        return Err(ReleaseError::Rollback { seconds });
    }
    if let Some(seconds) = release.valid_until.and_then(|until| now.checked_sub(until)) {
        return Err(ReleaseError::Expired { seconds });
    }
    let age = now.saturating_sub(release.date);
    if policy.max_age.is_some_and(|most| age > most.as_secs()) {
        return Err(ReleaseError::TooOld { seconds: age });
    }
    Ok(())
}
