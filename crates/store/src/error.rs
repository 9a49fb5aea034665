//! What can go wrong in the store, told apart by what the user must do about it.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustix::io::Errno;

use crate::{Digest, space};

/// Why a store operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A write found the file system (or the quota) full.
    #[error(
        "no space left for `{path}`: the file system `{filesystem}` has {available} bytes free{}",
        needed_text(*.needed)
    )]
    Full {
        /// What was being written.
        path: PathBuf,
        /// Mount point of the file system that is full.
        filesystem: PathBuf,
        /// Bytes free for us when the error was made.
        available: u64,
        /// Bytes that are needed, where known.
        needed: Option<u64>,
    },
    /// The file system is mounted read-only.
    #[error("`{path}` is on a read-only file system")]
    ReadOnly {
        /// What was being written.
        path: PathBuf,
    },
    /// The system refused the access.
    #[error("no permission to {action} `{path}`")]
    Permission {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
    },
    /// The content does not have the digest that the caller expects.
    #[error("expected sha256 `{expected}`, but the content has `{found}`")]
    Mismatch {
        /// What was promised.
        expected: Digest,
        /// What the bytes say.
        found: Digest,
    },
    /// A stored blob no longer has the content that its name promises. It has been moved to `quarantine`.
    #[error("the stored blob `{digest}` is damaged (its content has sha256 `{found}`) and was set aside")]
    Damaged {
        /// The name of the blob.
        digest: Digest,
        /// What its bytes say.
        found: Digest,
    },
    /// The store has no such blob.
    #[error("the store has no blob `{digest}`")]
    Missing {
        /// The name that was asked for.
        digest: Digest,
    },
    /// The directory holds something else, or a store of another version.
    #[error("`{path}` is not a store that this program can use: {reason}")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A date watermark would go backwards.
    #[error("`{name}` is dated {date}, older than {watermark}, which was seen before")]
    Rollback {
        /// Name of the watermark.
        name: String,
        /// The refused date, seconds since the epoch.
        date: i64,
        /// The highest date seen, seconds since the epoch.
        watermark: i64,
    },
    /// The reader that supplies a blob's content failed.
    #[error("cannot read the content to be stored")]
    Source(#[source] io::Error),
    /// The caller's cancellation came while waiting.
    #[error("cancelled")]
    Cancelled,
    /// A record could not be turned into JSON.
    #[error("cannot encode the record `{path}`")]
    Encode {
        /// Where it would be stored.
        path: PathBuf,
        /// What serde says.
        #[source]
        source: serde_json::Error,
    },
    /// Anything else that the system reports.
    #[error("cannot {action} `{path}`")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

fn needed_text(needed: Option<u64>) -> String {
    needed.map_or_else(String::new, |bytes| format!(", {bytes} bytes are needed"))
}

impl StoreError {
    /// Sorts a system error by what the user must do about it.
    pub fn from_io(action: &'static str, path: &Path, source: io::Error) -> Self {
        if is_cancelled(&source) {
            return Self::Cancelled;
        }
        let path = path.to_path_buf();
        match source.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOSPC | Errno::DQUOT) => Self::full(&path, None),
            Some(Errno::ROFS) => Self::ReadOnly { path },
            Some(Errno::ACCESS | Errno::PERM) => Self::Permission { action, path },
            _ => Self::Io { action, path, source },
        }
    }

    /// The reader that supplies a blob's content failed, or was stopped.
    pub(crate) fn of_source(source: io::Error) -> Self {
        if is_cancelled(&source) { Self::Cancelled } else { Self::Source(source) }
    }

    /// `path` cannot be written for lack of space.
    pub fn full(path: &Path, needed: Option<u64>) -> Self {
        let (filesystem, available) = space::of(path);
        Self::Full { path: path.to_path_buf(), filesystem, available, needed }
    }

    /// Names how much was going to be written, if this is [`StoreError::Full`].
    #[must_use]
    pub fn needing(mut self, bytes: u64) -> Self {
        if let Self::Full { needed, .. } = &mut self {
            *needed = Some(bytes);
        }
        self
    }
}

/// Whether this is how [`crate::Reading`] ends.
fn is_cancelled(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(inner, Some(StoreError::Cancelled))
}

/// Adds what was being done, and to what, to a system error.
pub(crate) trait During<T> {
    /// Turns the error into a [`StoreError`].
    fn during(self, action: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T, E: Into<io::Error>> During<T> for Result<T, E> {
    fn during(self, action: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::from_io(action, path, error.into()))
    }
}
