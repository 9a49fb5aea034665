//! Validators of small files that were fetched by URL, so that an unchanged one need not be sent again.

use std::{
    fs::File,
    path::Path,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::{BlobRef, Store, StoreError, atomic::Durability, records, store::layout};

/// What a server said about a file, and the blob that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The URL that was asked for.
    pub url: String,
    /// The body.
    pub blob: BlobRef,
    /// The `ETag` header, as it was sent.
    pub etag: Option<String>,
    /// The `Last-Modified` header, as it was sent.
    pub last_modified: Option<String>,
}

/// The remembered responses of a store. See [`Store::responses`].
#[derive(Clone, Copy, Debug)]
pub struct Responses<'a> {
    store: &'a Store,
}

impl<'a> Responses<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// The last response for `url`, if its body is still in the store.
    pub fn get(self, url: &str) -> Result<Option<Response>, StoreError> {
        let path = records::path_for(&self.store.dir(layout::RESPONSES), url);
        let found: Option<Response> = records::read(&path)?;
        Ok(found.filter(|response| response.url == url && self.store.blobs().contains(response.blob.digest)))
    }

    /// As [`Responses::get`], if the server said so less than `age` ago.
    pub fn recent(self, url: &str, age: Duration) -> Result<Option<Response>, StoreError> {
        let path = records::path_for(&self.store.dir(layout::RESPONSES), url);
        let asked = path.metadata().and_then(|metadata| metadata.modified());
        // A time in the future is a clock that was set, and says nothing.
        let passed = asked.ok().and_then(|asked| asked.elapsed().ok());
        if passed.is_some_and(|passed| passed < age) { self.get(url) } else { Ok(None) }
    }

    /// Remembers a response, and that it was given now.
    pub fn put(self, response: &Response) -> Result<(), StoreError> {
        let path = records::path_for(&self.store.dir(layout::RESPONSES), &response.url);
        if records::read::<Response>(&path)?.as_ref() == Some(response) {
            set_asked_now(&path);
            return Ok(());
        }
        records::write(self.store, &path, response, Durability::Lazy)
    }
}

/// The time of an answer is the modification time of its record, so that the same answer need not be written again.
fn set_asked_now(path: &Path) {
    // Where it cannot be set, as in a read-only store, the server is asked once more than needed.
    let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
}
