//! `InRelease`: the signed table of contents of a Debian suite.
//!
//! [`verify`] and [`verify_detached`] give a [`VerifiedRelease`]: the signature is checked against a [`Keyring`] under
//! our own policy first, and only the signed text is read. [`unsigned`] is for who says by name that nobody signs.

mod fields;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::time::Duration;

use super::control::ControlError;
use crate::openpgp::{self, CLOCK_SKEW, SignatureError, Signer};
pub use crate::openpgp::{Keyring, KeyringError};

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

/// Why a release was refused.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// More than any release needs.
    #[error("release is too large")]
    TooLarge,
    /// Nobody whom we know has signed it in a way that counts.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It is not UTF-8 text.
    #[error("release is not text")]
    Text,
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

/// Checks the signature, the dates and the form of an `InRelease` file.
///
/// One good signature is enough; signatures by unknown keys are passed over, but one by a known key that does not fit
/// the text is a reason to refuse.
pub fn verify(text: &[u8], keyring: &Keyring, policy: &Policy) -> Result<VerifiedRelease, ReleaseError> {
    let (signed, signers) = openpgp::verify_cleartext(text, keyring, &openpgp::Policy::at(policy.now))?;
    judge(&signed, signers, policy)
}

/// The same for a `Release` file with its signature beside it, `Release.gpg`, as older archives have it.
pub fn verify_detached(
    text: &[u8],
    signature: &[u8],
    keyring: &Keyring,
    policy: &Policy,
) -> Result<VerifiedRelease, ReleaseError> {
    let at = openpgp::Policy::at(policy.now);
    let signers = openpgp::verify_detached(signature, Cursor::new(text), keyring, &at)?;
    judge(utf8(text)?, signers, policy)
}

/// Checks the dates and the form of a `Release` file that nobody signs, for who accepts that by name: whoever stands
/// between the archive and us can have written it. [`VerifiedRelease::signed_by`] stays empty.
pub fn unsigned(text: &[u8], policy: &Policy) -> Result<VerifiedRelease, ReleaseError> {
    judge(utf8(text)?, Vec::new(), policy)
}

fn utf8(text: &[u8]) -> Result<&str, ReleaseError> {
    std::str::from_utf8(text).map_err(|_| ReleaseError::Text)
}

fn judge(text: &str, signers: Vec<Signer>, policy: &Policy) -> Result<VerifiedRelease, ReleaseError> {
    let mut signed_by: Vec<String> = signers.into_iter().map(|signer| signer.certificate).collect();
    signed_by.dedup();
    let release = VerifiedRelease { signed_by, ..fields::read(text)? };
    check_suite(&release, policy)?;
    check_dates(&release, policy)?;
    Ok(release)
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
    if release.date > now + CLOCK_SKEW {
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
