//! Backups of a service: its SQLite database and its key files, as one archive. Artifacts and the store are not in it.
//!
//! The archive is a tar. Its first entry, `backup.json`, says what the others are and has their digests.
//!
//! | module | purpose |
//! |---|---|
//! | [`write`](mod@write) | makes one, while the service runs |
//! | [`mod@restore`] | puts one into an empty data directory |

pub mod restore;
pub mod write;

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use lbuild_engine::Cancel;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use restore::{RestoreError, Restored, restore};
pub use write::{BackupError, write};

/// Version of the archive.
const FORMAT: u32 = 1;

/// The entry that describes the others.
const MANIFEST: &str = "backup.json";

/// Largest description.
const MANIFEST_MAX: u64 = 1 << 20;

/// Bytes copied at a time.
const CHUNK: usize = 1 << 20;

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// Version of the archive.
    format: u32,
    /// Version of the program that wrote it.
    pub version: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Migrations that the database has had.
    pub schema: Vec<String>,
    /// The files, in their order.
    pub files: Vec<Part>,
}

/// A file in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Part {
    /// Its name in the data directory.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Its digest, in hexadecimal.
    pub sha256: String,
}

/// A file or directory that goes unless it is kept.
struct Unkept {
    path: PathBuf,
    kept: bool,
}

impl Unkept {
    fn new(path: PathBuf) -> Self {
        Self { path, kept: false }
    }

    /// Leaves it.
    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Unkept {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // there is nobody left to tell, and what failed before was told
        let _ = if self.path.is_dir() { fs::remove_dir_all(&self.path) } else { fs::remove_file(&self.path) };
    }
}

/// Copies to the end, or until somebody asks to stop; bytes and their digest.
fn copy(from: &mut impl Read, to: &mut impl Write, cancel: &Cancel) -> io::Result<(u64, String)> {
    let (mut buffer, mut hasher, mut size) = (vec![0; CHUNK], Sha256::new(), 0);
    loop {
        if cancel.is_cancelled() {
            return Err(io::Error::other("somebody asked to stop"));
        }
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok((size, hex::encode(hasher.finalize())));
        }
        hasher.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        size += read as u64;
    }
}

/// Makes the names in a directory last.
fn sync_directory(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}
