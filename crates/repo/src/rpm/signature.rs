//! The signature of a repository: `repomd.xml.asc` beside `repomd.xml`, and the protection against rollback.

use std::io::Cursor;

use super::repomd::{Repomd, RepomdError};
use crate::openpgp::{CLOCK_SKEW, Keyring, Policy, SignatureError, Signer, verify_detached};

/// Why a table of contents is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// Its signature does not count.
    #[error("the signature of repomd.xml is refused")]
    Signature(#[from] SignatureError),
    /// It is malformed.
    #[error("the signed repomd.xml is refused")]
    Form(#[from] RepomdError),
    /// It is older than one that was accepted before.
    #[error("the repository is {} hours older than the one seen before", .seconds / 3600)]
    Rollback {
        /// How much older, in seconds.
        seconds: u64,
    },
    /// Its records lie in the future.
    #[error("the repository is dated {seconds} seconds in the future")]
    Future {
        /// How far.
        seconds: u64,
    },
}

/// A table of contents whose signature was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRepomd {
    /// The table of contents.
    pub repomd: Repomd,
    /// Who signed it.
    pub signers: Vec<Signer>,
    /// The newest time of its records, in seconds since the Unix epoch: the next watermark.
    pub date: u64,
}

/// Checks the detached signature of a `repomd.xml`, then reads it.
///
/// `watermark` is the highest date that was accepted for this repository before, in seconds since the Unix epoch. The
/// format has no date until which it is valid; a mirror that stands still is noticed only by what it offers.
///
/// # Errors
/// When the signature does not count, the text is malformed, or its date is before the watermark or in the future.
pub fn verify_repomd(
    text: &[u8],
    signature: &[u8],
    keyring: &Keyring,
    policy: &Policy,
    watermark: Option<u64>,
) -> Result<VerifiedRepomd, RepositoryError> {
    let signers = verify_detached(signature, Cursor::new(text), keyring, policy)?;
    let repomd = Repomd::parse(text)?;
    let date = repomd.newest();
    if date > policy.now + CLOCK_SKEW {
        return Err(RepositoryError::Future { seconds: date - policy.now });
    }
    if let Some(seconds) = watermark.and_then(|mark| mark.checked_sub(date)).filter(|gap| *gap > 0) {
        return Err(RepositoryError::Rollback { seconds });
    }
    Ok(VerifiedRepomd { repomd, signers, date })
}
