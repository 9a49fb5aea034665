//! The bytes that builds made, each under the SHA-256 of its content.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Artifacts on the local disk.
pub struct Artifacts {
    root: PathBuf,
}

/// Why artifacts cannot be kept or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the artifact `{}`", path.display())]
pub struct ArtifactError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Artifacts {
    /// Opens a directory, which is made when absent.
    pub fn open(root: &Path) -> Result<Self, ArtifactError> {
        fs::create_dir_all(root).map_err(|source| ArtifactError { path: root.to_owned(), source })?;
        Ok(Self { root: root.to_owned() })
    }

    /// Takes over a file that a build made, whose digest the build has checked. It must lie on the same file system.
    pub fn adopt(&self, file: &Path, sha256: &str) -> Result<(), ArtifactError> {
        let path = self.path(sha256);
        let failed = |source| ArtifactError { path: path.clone(), source };
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
        let shard = sha256.get(..2).unwrap_or_default();
        self.root.join(shard).join(sha256)
    }

    /// Bytes of disk that are free for more.
    pub fn free(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.root)?;
        Ok(disk.f_bavail * disk.f_frsize)
    }

    /// Opens the file of these bytes for reading.
    pub async fn read(&self, sha256: &str) -> Result<tokio::fs::File, ArtifactError> {
        let path = self.path(sha256);
        tokio::fs::File::open(&path).await.map_err(|source| ArtifactError { path, source })
    }
}
