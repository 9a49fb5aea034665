//! Validators of small files that were fetched by URL, so that an unchanged one need not be sent again.

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

    /// Remembers a response.
    pub fn put(self, response: &Response) -> Result<(), StoreError> {
        let path = records::path_for(&self.store.dir(layout::RESPONSES), &response.url);
        if records::read::<Response>(&path)?.as_ref() == Some(response) {
            return Ok(());
        }
        records::write(self.store, &path, response, Durability::Lazy)
    }
}
