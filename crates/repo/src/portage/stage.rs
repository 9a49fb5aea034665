//! Stage archives: the small complete systems that Gentoo publishes, and the signed texts that say which is the newest
//! (`latest-stage3-*.txt`) and what its digests are (`*.DIGESTS`, `*.sha256`).
//!
//! Both are signed messages; only what is inside the signature is read.

use std::collections::BTreeMap;

use crate::openpgp::{CLOCK_SKEW, Keyring, Policy, SignatureError, Signer, verify_cleartext};

/// Lines of either text; real ones have below 60.
const MAX_LINES: usize = 10_000;

/// Why a text about stage archives was refused.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Its signature does not count.
    #[error("the list of stage archives is not signed properly")]
    Signature(#[from] SignatureError),
    /// A line has not the form that it must have.
    #[error("line {line} of the list of stage archives is malformed")]
    Line {
        /// Number of the line within the signed text, from 1.
        line: usize,
    },
    /// It does not say when it was made.
    #[error("the list of stage archives has no date")]
    NoDate,
    /// It names no archive.
    #[error("the list of stage archives is empty")]
    Empty,
    /// Its date lies in the future.
    #[error("the list of stage archives is dated {seconds} seconds in the future")]
    Future {
        /// How far.
        seconds: u64,
    },
    /// It is older than one that was accepted before.
    #[error("the list of stage archives is {} hours older than the one seen before", .seconds / 3600)]
    Rollback {
        /// How much older, in seconds.
        seconds: u64,
    },
    /// Two digests of one kind for one file that differ.
    #[error("two different digests of `{0}`")]
    Conflict(String),
}

/// One archive of [`Latest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Path below the directory `autobuilds/`.
    pub path: String,
    /// Bytes of the archive.
    pub size: u64,
}

/// The newest archives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latest {
    /// When the list was made, in seconds since the Unix epoch: the next watermark.
    pub timestamp: u64,
    /// The archives.
    pub stages: Vec<Stage>,
    /// Who signed the list.
    pub signers: Vec<Signer>,
}

/// What is known of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests {
    /// SHA-256.
    pub sha256: Option<[u8; 32]>,
    /// SHA-512.
    pub sha512: Option<[u8; 64]>,
    /// `BLAKE2b` of 512 bits.
    pub blake2b: Option<[u8; 64]>,
}

/// Reads `latest-stage3-*.txt`. `watermark` is the highest timestamp that was accepted before, in seconds since the Unix
/// epoch.
pub fn latest(
    message: &[u8],
    keyring: &Keyring,
    policy: &Policy,
    watermark: Option<u64>,
) -> Result<Latest, StageError> {
    let (text, signers) = verify_cleartext(message, keyring, policy)?;
    let (mut timestamp, mut stages) = (None, Vec::new());
    for (number, line) in lines(&text)? {
        let malformed = || StageError::Line { line: number };
        if let Some(remark) = line.strip_prefix('#') {
            if let Some(seconds) = remark.trim_ascii().strip_prefix("ts=") {
                timestamp = Some(seconds.parse().map_err(|_| malformed())?);
            }
            continue;
        }
        let (path, size) = line.split_once(' ').ok_or_else(malformed)?;
        if !is_path(path) {
            return Err(malformed());
        }
        let size = size.trim_ascii().parse().map_err(|_| malformed())?;
        stages.push(Stage { path: path.to_owned(), size });
    }
    let timestamp: u64 = timestamp.ok_or(StageError::NoDate)?;
    if let Some(seconds) =
        timestamp.checked_sub(policy.now.saturating_add(CLOCK_SKEW)).filter(|seconds| *seconds > 0)
    {
        return Err(StageError::Future { seconds: seconds + CLOCK_SKEW });
    }
    if let Some(seconds) = watermark.and_then(|mark| mark.checked_sub(timestamp)).filter(|gap| *gap > 0) {
        return Err(StageError::Rollback { seconds });
    }
    if stages.is_empty() { Err(StageError::Empty) } else { Ok(Latest { timestamp, stages, signers }) }
}

/// Reads a `.DIGESTS` or `.sha256` file: digests by name of the file.
pub fn digests(
    message: &[u8],
    keyring: &Keyring,
    policy: &Policy,
) -> Result<BTreeMap<String, Digests>, StageError> {
    let (text, _) = verify_cleartext(message, keyring, policy)?;
    let mut algorithm = "";
    let mut files: BTreeMap<String, Digests> = BTreeMap::new();
    for (number, line) in lines(&text)? {
        let malformed = || StageError::Line { line: number };
        if let Some(remark) = line.strip_prefix('#') {
            algorithm = remark.trim_ascii().strip_suffix(" HASH").unwrap_or_default();
            continue;
        }
        let (digest, name) = line.split_once(char::is_whitespace).ok_or_else(malformed)?;
        let name = name.trim_ascii();
        if !is_path(name) {
            return Err(malformed());
        }
        let file = files.entry(name.to_owned()).or_default();
        let agrees = match algorithm {
            "SHA256" => put(&mut file.sha256, digest),
            "SHA512" => put(&mut file.sha512, digest),
            "BLAKE2B" => put(&mut file.blake2b, digest),
            // Others are no stronger.
            _ => Some(true),
        };
        if !agrees.ok_or_else(malformed)? {
            return Err(StageError::Conflict(name.to_owned()));
        }
    }
    files.retain(|_, file| *file != Digests::default());
    if files.is_empty() { Err(StageError::Empty) } else { Ok(files) }
}

/// The lines that are not empty, each with its number.
fn lines(text: &str) -> Result<impl Iterator<Item = (usize, &str)>, StageError> {
    if text.lines().nth(MAX_LINES).is_some() {
        return Err(StageError::Line { line: MAX_LINES + 1 });
    }
    let numbered = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_ascii()));
    Ok(numbered.filter(|(_, line)| !line.is_empty()))
}

fn is_path(path: &str) -> bool {
    let safe = |part: &str| !part.is_empty() && part != "." && part != "..";
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(&byte);
    path.len() <= 1024 && path.bytes().all(plain) && path.split('/').all(safe)
}

/// Sets a digest; no when another one is there.
fn put<const N: usize>(place: &mut Option<[u8; N]>, text: &str) -> Option<bool> {
    let mut digest = [0; N];
    hex::decode_to_slice(text, &mut digest).ok()?;
    Some(*place.get_or_insert(digest) == digest)
}
