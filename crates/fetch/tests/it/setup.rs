//! Stores, fetchers and downloads for tests.

use std::time::Duration;

use lbuild_fetch::{Cancel, Download, FetchError, FetchOptions, Fetcher, ProxySetting, TransferError};
use lbuild_store::{BlobRef, Digest, Store};

/// A fetcher into a fresh store that is impatient enough for tests.
pub struct Setup {
    pub store: Store,
    pub fetcher: Fetcher,
    _dir: tempfile::TempDir,
}

pub fn options() -> FetchOptions {
    FetchOptions {
        connect_timeout: Duration::from_secs(2),
        idle_timeout: Duration::from_millis(500),
        total_timeout: Duration::from_secs(20),
        min_rate: 1000,
        rate_window: Duration::from_millis(600),
        retries: 1,
        backoff: Duration::from_millis(20),
        max_size: 1 << 20,
        proxy: ProxySetting::Direct,
        ..FetchOptions::default()
    }
}

impl Setup {
    pub fn new() -> Self {
        Self::with(options())
    }

    pub fn with(options: FetchOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let fetcher = Fetcher::new(store.clone(), options).unwrap();
        Self { store, fetcher, _dir: dir }
    }

    pub fn fetch(&self, download: &Download) -> Result<BlobRef, FetchError> {
        self.fetcher.fetch_all(std::slice::from_ref(download), &(), &Cancel::new()).map(|blobs| blobs[0])
    }

    /// Fetches something that must not work, and gives the reason. Nothing wrong may be stored.
    pub fn refuse(&self, download: &Download) -> TransferError {
        let error = self.fetch(download).expect_err("this must not work");
        assert!(!self.store.blobs().contains(download.digest));
        match error {
            FetchError::Transfer { source, .. } => *source,
            other => panic!("{other:?}"),
        }
    }
}

/// Content that does not repeat, so that a piece in the wrong place shows.
pub fn content(size: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..size)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        })
        .collect()
}

pub fn download(content: &[u8], urls: &[String]) -> Download {
    let size = Some(content.len() as u64);
    Download { name: "file".into(), urls: urls.to_vec(), size, digest: Digest::of(content) }
}
