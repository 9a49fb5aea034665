//! The bytes that builds made, each under the SHA-256 of its content: on the local disk, or in a bucket of S3.
//!
//! Bytes become visible under their final name all at once, after their digest was checked, and do not change any more.
//! Which of them are somebody's artifacts is the database's to say; see [`lbuild_db::blob`].
//!
//! | module | purpose |
//! |---|---|
//! | [`disk`] | a directory |
//! | [`bucket`] | S3 and what speaks its language |
//! | [`collect`] | removes what nobody needs |

pub mod bucket;
pub mod collect;
pub mod disk;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use lbuild_db::blob::UploadId;
use lbuild_db::{Database, DbError};
use lbuild_engine::Cancel;

use bucket::{Access, Address, Bucket};
use disk::Disk;

/// Bytes of an artifact, as they come.
pub type Content = BoxStream<'static, io::Result<Bytes>>;

/// Where artifacts are kept.
#[derive(Debug, Clone)]
pub enum Location {
    /// In a directory.
    Disk(PathBuf),
    /// In a bucket.
    Bucket(Address, Access),
}

/// The artifacts.
pub enum Artifacts {
    /// In a directory.
    Disk(Disk),
    /// In a bucket.
    Bucket(Bucket),
}

/// Why artifacts cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The disk.
    #[error("cannot use the artifact `{}`", path.display())]
    Disk {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The bucket.
    #[error("the store `{store}` failed")]
    Bucket {
        /// Its address.
        store: String,
        /// Why.
        #[source]
        source: object_store::Error,
    },
    /// The store does not answer.
    #[error("the store `{store}` does not answer")]
    Silent {
        /// Its address.
        store: String,
    },
    /// A file is not what the build said that it is.
    #[error("`{}` does not have the digest that the build gave it", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
    },
    /// The upload was stopped.
    #[error("the upload was stopped")]
    Stopped,
    /// The upload could not be noted.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// An upload that was granted.
pub struct Upload<'a> {
    /// Notes how the store calls it.
    pub db: &'a Database,
    /// Which.
    pub id: UploadId,
    /// Stops it.
    pub cancel: &'a Cancel,
}

/// A file that a build made.
#[derive(Debug, Clone)]
pub struct Made {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Its length in bytes.
    pub size: u64,
}

impl Artifacts {
    /// Opens them; what is absent is made. A bucket must exist.
    pub async fn open(location: &Location) -> Result<Self, ArtifactError> {
        Ok(match location {
            Location::Disk(root) => Self::Disk(Disk::open(root)?),
            Location::Bucket(address, access) => Self::Bucket(Bucket::open(address, access).await?),
        })
    }

    /// Stores a file that a build made, and takes it away where that costs nothing.
    pub async fn keep(&self, made: &Made, upload: &Upload<'_>) -> Result<(), ArtifactError> {
        match self {
            Self::Disk(disk) => {
                let (disk, made) = (disk.clone(), made.clone());
                let kept = tokio::task::spawn_blocking(move || disk.adopt(&made.path, &made.sha256));
                kept.await.unwrap_or(Err(ArtifactError::Stopped))
            }
            Self::Bucket(bucket) => bucket.upload(made, upload).await,
        }
    }

    /// Part of the bytes with this digest. They are read as fast as they are taken, and not faster.
    pub async fn read(&self, sha256: &str, range: Range<u64>) -> Result<Content, ArtifactError> {
        match self {
            Self::Disk(disk) => disk.read(sha256, range).await,
            Self::Bucket(bucket) => bucket.read(sha256, range).await,
        }
    }

    /// Removes bytes. That there are none is no error.
    pub async fn remove(&self, sha256: &str) -> Result<(), ArtifactError> {
        match self {
            Self::Disk(disk) => disk.remove(sha256),
            Self::Bucket(bucket) => bucket.remove(sha256).await,
        }
    }

    /// Removes what there is of an upload that nobody will end.
    pub async fn abort(&self, sha256: &str, multipart: &str) -> Result<(), ArtifactError> {
        match self {
            Self::Disk(_) => Ok(()),
            Self::Bucket(bucket) => bucket.abort(sha256, multipart).await,
        }
    }

    /// Whether the store answers.
    pub async fn check(&self) -> Result<(), ArtifactError> {
        match self {
            Self::Disk(disk) => disk.free().map(drop),
            Self::Bucket(bucket) => bucket.check().await,
        }
    }

    /// Where they are, for people.
    pub fn name(&self) -> String {
        match self {
            Self::Disk(disk) => disk.root().display().to_string(),
            Self::Bucket(bucket) => bucket.name().to_owned(),
        }
    }
}

/// Names of bytes begin with two digits of their own, so that no directory grows too large.
fn shard(sha256: &str) -> &str {
    sha256.get(..2).unwrap_or_default()
}

/// Bytes of disk that are free below a directory.
pub fn free(directory: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(directory)?;
    Ok(disk.f_bavail * disk.f_frsize)
}
