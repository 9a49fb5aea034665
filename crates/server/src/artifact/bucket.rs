//! Artifacts in a bucket of S3, or of what speaks its language.
//!
//! Credentials and endpoint come from the usual variables: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
//! `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, and those of web identities and containers.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{
    ClientOptions, Error, GetOptions, MultipartId, ObjectStore as _, ObjectStoreExt as _, PutPayload,
    RetryConfig,
};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;

use super::{ArtifactError, Content, Made, Upload, shard};
use crate::failpoint;

/// Bytes of a part of an upload, unless the file is so long that there would be too many.
const PART: u64 = 8 << 20;

/// Most parts of one upload. S3 takes 10,000.
const PARTS: u64 = 9_000;

/// Parts that are sent at the same time.
const TOGETHER: usize = 3;

/// How long the store may take to begin to answer a question that costs it nothing.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a connection may be silent while the other end is to speak.
const SILENCE: Duration = Duration::from_mins(1);

/// How often, and for how long, a request that failed is sent again before the build is told.
const RETRIES: (usize, Duration) = (4, Duration::from_secs(15));

/// What every store of ours has. That it can be written shows at the start, and not when a build has ended.
const MARKER: &str = "lbuild-store";

/// The address of a place in a bucket: `s3://bucket` or `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    bucket: String,
    prefix: String,
}

/// A text is not the address of a place in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not s3://BUCKET or s3://BUCKET/PREFIX")]
pub struct AddressError(String);

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError(text.to_owned());
        let rest = text.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let in_bucket = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        let in_prefix = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/');
        let prefix = prefix.trim_end_matches('/');
        let parts = || prefix.split('/').filter(|_| !prefix.is_empty());
        let good = (3..=63).contains(&bucket.len())
            && bucket.chars().all(in_bucket)
            && prefix.chars().all(in_prefix)
            && parts().all(|part| !matches!(part, "" | "." | ".."));
        if good { Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

/// The `AWS_...` variables: how to reach the store, and by which right.
#[derive(Clone, Default)]
pub struct Access(Vec<(String, String)>);

impl Access {
    /// Those of this process.
    pub fn of_process() -> Self {
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        std::env::vars_os().filter_map(text).collect()
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl FromIterator<(String, String)> for Access {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().filter(|(name, _)| name.starts_with("AWS_")).collect())
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the values are secrets
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// A place in a bucket.
pub struct Bucket {
    store: Arc<AmazonS3>,
    prefix: Path,
    name: String,
}

impl Bucket {
    /// Connects, and sees whether the store can be written.
    pub async fn open(address: &Address, access: &Access) -> Result<Self, ArtifactError> {
        let name = address.to_string();
        let failed = |source| ArtifactError::Bucket { store: name.clone(), source };
        let store = Arc::new(client(address, access).map_err(failed)?);
        let bucket = Self { store, prefix: Path::from(address.prefix.as_str()), name: name.clone() };
        let marker = bucket.prefix.clone().join(MARKER);
        let written = bucket.store.put(&marker, PutPayload::from_static(b"artifacts of lbuild\n"));
        // requests of the first moment are the only ones that may look for credentials on the network
        match tokio::time::timeout(PATIENCE * 5, written).await {
            Ok(written) => written.map_err(failed)?,
            Err(_) => return Err(ArtifactError::Silent { store: name }),
        };
        Ok(bucket)
    }

    /// Its address.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn check(&self) -> Result<(), ArtifactError> {
        let marker = self.prefix.clone().join(MARKER);
        let head = self.store.head(&marker);
        let silent = |_| ArtifactError::Silent { store: self.name.clone() };
        tokio::time::timeout(PATIENCE, head)
            .await
            .map_err(silent)?
            .map(drop)
            .map_err(|error| self.failed(error))
    }

    pub(super) async fn read(&self, sha256: &str, range: Range<u64>) -> Result<Content, ArtifactError> {
        if range.is_empty() {
            return Ok(stream::empty().boxed());
        }
        let options = GetOptions::new().with_range(Some(range));
        let found = self.store.get_opts(&self.path(sha256), options).await;
        let content = found.map_err(|error| self.failed(error))?.into_stream();
        Ok(content.map_err(io::Error::other).boxed())
    }

    pub(super) async fn remove(&self, sha256: &str) -> Result<(), ArtifactError> {
        match self.store.delete(&self.path(sha256)).await {
            Err(Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    pub(super) async fn abort(&self, sha256: &str, multipart: &str) -> Result<(), ArtifactError> {
        match self.store.abort_multipart(&self.path(sha256), &multipart.to_owned()).await {
            // it was ended, or aborted before
            Err(Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Sends a file. It is there when all of it has arrived and is what it should be, and not before.
    pub(super) async fn upload(&self, made: &Made, upload: &Upload<'_>) -> Result<(), ArtifactError> {
        let path = self.path(&made.sha256);
        match self.store.head(&path).await {
            Ok(there) if there.size == made.size => return Ok(()),
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(self.failed(error)),
        }
        failpoint::reach("upload");
        if made.size <= PART {
            let mut source = Source::open(made)?;
            let bytes = source.next(PART)?;
            source.check()?;
            self.store.put(&path, bytes.into()).await.map_err(|error| self.failed(error))?;
            return Ok(());
        }
        let id = self.store.create_multipart(&path).await.map_err(|error| self.failed(error))?;
        let sent = match upload.db.note_multipart(upload.id, Some(&id)).await {
            Ok(()) => self.send(&path, &id, made, upload).await,
            Err(error) => Err(error.into()),
        };
        match sent {
            Ok(parts) => {
                let ended = self.store.complete_multipart(&path, &id, parts).await;
                ended.map_err(|error| self.failed(error))?;
                Ok(upload.db.note_multipart(upload.id, None).await?)
            }
            Err(error) => {
                // what cannot be removed now is removed when the lease is gone
                let _ = self.abort(&made.sha256, &id).await;
                Err(error)
            }
        }
    }

    /// Sends every part, a few at the same time.
    async fn send(
        &self,
        path: &Path,
        id: &MultipartId,
        made: &Made,
        upload: &Upload<'_>,
    ) -> Result<Vec<PartId>, ArtifactError> {
        let length = PART.max(made.size.div_ceil(PARTS));
        let count = usize::try_from(made.size.div_ceil(length)).unwrap_or(usize::MAX);
        let mut source = Source::open(made)?;
        let mut sending = JoinSet::new();
        let mut sent = Vec::new();
        for index in 0..count {
            if upload.cancel.is_cancelled() {
                // what arrives after the upload was aborted would stay
                sending.join_all().await;
                return Err(ArtifactError::Stopped);
            }
            if sending.len() == TOGETHER {
                sent.extend(sending.join_next().await);
            }
            let bytes = tokio::task::block_in_place(|| source.next(length))?;
            let (store, path, id) = (Arc::clone(&self.store), path.clone(), id.clone());
            sending.spawn(async move { (index, store.put_part(&path, &id, index, bytes.into()).await) });
            if index == count / 2 {
                failpoint::reach("upload-half");
            }
        }
        sent.extend(sending.join_all().await.into_iter().map(Ok));
        source.check()?;
        let mut parts = Vec::with_capacity(count);
        for part in sent {
            let (index, part) = part.map_err(|_| ArtifactError::Stopped)?;
            parts.push((index, part.map_err(|error| self.failed(error))?));
        }
        parts.sort_unstable_by_key(|(index, _)| *index);
        Ok(parts.into_iter().map(|(_, part)| part).collect())
    }

    fn path(&self, sha256: &str) -> Path {
        self.prefix.clone().join("sha256").join(shard(sha256)).join(sha256)
    }

    fn failed(&self, source: Error) -> ArtifactError {
        ArtifactError::Bucket { store: self.name.clone(), source }
    }
}

/// A file that is read once, from its beginning to its end.
struct Source {
    file: File,
    path: PathBuf,
    expected: String,
    digest: Sha256,
}

impl Source {
    fn open(made: &Made) -> Result<Self, ArtifactError> {
        let path = made.path.clone();
        let file = File::open(&path).map_err(|source| ArtifactError::Disk { path: path.clone(), source })?;
        Ok(Self { file, path, expected: made.sha256.clone(), digest: Sha256::new() })
    }

    /// The next bytes, fewer than `length` only at the end.
    fn next(&mut self, length: u64) -> Result<Bytes, ArtifactError> {
        let mut bytes = Vec::new();
        let read = (&mut self.file).take(length).read_to_end(&mut bytes);
        read.map_err(|source| ArtifactError::Disk { path: self.path.clone(), source })?;
        self.digest.update(&bytes);
        Ok(bytes.into())
    }

    /// What was read is all of it, and what it should be.
    fn check(self) -> Result<(), ArtifactError> {
        if hex::encode(self.digest.finalize()) == self.expected {
            Ok(())
        } else {
            Err(ArtifactError::Digest { path: self.path })
        }
    }
}

fn client(address: &Address, access: &Access) -> Result<AmazonS3, Error> {
    // the store's client has no cryptography of its own; that another part chose one already is fine
    let _ = rustls::crypto::ring::default_provider().install_default();
    let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];
    let endpoint = endpoint.into_iter().find_map(|name| access.get(name));
    // whoever names an address without TLS means it
    let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    let options = ClientOptions::new()
        .with_connect_timeout(CONNECT)
        .with_read_timeout(SILENCE)
        // a download lasts as long as its reader takes
        .with_timeout_disabled()
        .with_allow_http(plain);
    let (max_retries, retry_timeout) = RETRIES;
    let retry = RetryConfig { max_retries, retry_timeout, ..RetryConfig::default() };
    let known =
        |(name, value): &(String, String)| Some((name.to_ascii_lowercase().parse().ok()?, value.clone()));
    let builder = access
        .0
        .iter()
        .filter_map(known)
        .fold(AmazonS3Builder::new(), |builder, (key, value): (AmazonS3ConfigKey, String)| {
            builder.with_config(key, value)
        });
    builder.with_client_options(options).with_bucket_name(&address.bucket).with_retry(retry).build()
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses_are_read_strictly() {
        for good in ["s3://images", "s3://images/a/b", "s3://my.images-1/builds"] {
            assert_eq!(good.parse::<Address>().expect(good).to_string(), good);
        }
        assert_eq!("s3://images/a/".parse::<Address>().expect("one").to_string(), "s3://images/a");
        for bad in [
            "",
            "s3:",
            "s3://",
            "s3:///a",
            "s3://ab",
            "s3://Images",
            "s3://images/../x",
            "s3://images//x",
            "s3://images?x",
            "s3://user@images",
            "http://images",
            "s3://images/a b",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
