//! Artifacts in a directory.

use std::fs::{self, File};
use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::{ArtifactError, Content, shard};

/// Bytes that are read at a time.
const BLOCK: usize = 256 << 10;

/// A directory of artifacts.
#[derive(Debug, Clone)]
pub struct Disk {
    root: PathBuf,
}

impl Disk {
    /// Opens a directory, which is made when absent.
    pub fn open(root: &Path) -> Result<Self, ArtifactError> {
        fs::create_dir_all(root).map_err(|source| ArtifactError::Disk { path: root.to_owned(), source })?;
        Ok(Self { root: root.to_owned() })
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Takes over a file that a build made, whose digest the build has checked. It must lie on the same file system.
    pub fn adopt(&self, file: &Path, sha256: &str) -> Result<(), ArtifactError> {
        let path = self.path(sha256);
        let failed = |source| ArtifactError::Disk { path: path.clone(), source };
        if path.exists() {
            return fs::remove_file(file).map_err(failed);
        }
        let directory = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(directory).map_err(failed)?;
        File::open(file).and_then(|file| file.sync_all()).map_err(failed)?;
        // the same bytes under the same name: whoever comes second changes nothing
        fs::rename(file, &path).map_err(failed)?;
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)
    }

    /// The file of these bytes.
    pub fn path(&self, sha256: &str) -> PathBuf {
        self.root.join(shard(sha256)).join(sha256)
    }

    /// Bytes of disk that are free for more.
    pub fn free(&self) -> Result<u64, ArtifactError> {
        super::free(&self.root).map_err(|source| ArtifactError::Disk { path: self.root.clone(), source })
    }

    pub(super) async fn read(&self, sha256: &str, range: Range<u64>) -> Result<Content, ArtifactError> {
        let path = self.path(sha256);
        let failed = |source| ArtifactError::Disk { path: path.clone(), source };
        let mut file = tokio::fs::File::open(&path).await.map_err(failed)?;
        file.seek(SeekFrom::Start(range.start)).await.map_err(failed)?;
        let length = range.end.saturating_sub(range.start);
        Ok(ReaderStream::with_capacity(file.take(length), BLOCK).boxed())
    }

    pub(super) fn remove(&self, sha256: &str) -> Result<(), ArtifactError> {
        let path = self.path(sha256);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ArtifactError::Disk { path, source: error })
            }
            _ => Ok(()),
        }
    }
}
