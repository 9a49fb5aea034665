//! `InRelease`: the signed table of contents of a Debian suite.
//!
//! [`verify`] is the only way to get a [`VerifiedRelease`]: the signature is checked against a [`Keyring`] under
//! our own policy first, and only the signed text is read.

use std::collections::BTreeMap;
use std::time::Duration;

/// The certificates that a suite may be signed with.
#[derive(Debug, Clone)]
pub struct Keyring {}

/// What a release must satisfy besides its signature. The clock is an argument.
#[derive(Debug, Clone)]
pub struct Policy {
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
pub enum ReleaseError {}

/// Checks the signature, the dates and the form of an `InRelease` file.
pub fn verify(text: &[u8], keyring: &Keyring, policy: &Policy) -> Result<VerifiedRelease, ReleaseError> {
    todo!("{} {keyring:?} {policy:?}", text.len())
}
