//! The highest date seen per repository suite: what a mirror that replays old metadata is measured against.
//!
//! This is security state, not a cache: it is flushed to the disk at once, and garbage collection leaves it alone.

use serde::{Deserialize, Serialize};

use crate::{Cancel, Digest, Store, StoreError, atomic::Durability, records, store::layout};

/// The newest state of a suite that was ever verified here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// Date of the signed file, in seconds since the epoch.
    pub date: i64,
    /// SHA-256 of the signed file.
    pub digest: Digest,
}

/// The watermarks of a store. See [`Store::watermarks`].
#[derive(Clone, Copy, Debug)]
pub struct Watermarks<'a> {
    store: &'a Store,
}

impl<'a> Watermarks<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// The watermark called `name`, for example "debian/trixie-security".
    pub fn get(self, name: &str) -> Result<Option<Watermark>, StoreError> {
        records::read(&records::path_for(&self.store.dir(layout::WATERMARKS), name))
    }

    /// Raises the watermark. An older date is [`StoreError::Rollback`]; the same date changes nothing.
    pub fn raise(self, name: &str, new: Watermark) -> Result<(), StoreError> {
        let path = records::path_for(&self.store.dir(layout::WATERMARKS), name);
        let lock = Digest::of(format!("watermark {name}").as_bytes());
        let _guard = self.store.lock(lock, &Cancel::new())?;
        match records::read::<Watermark>(&path)? {
            Some(old) if old.date > new.date => {
                Err(StoreError::Rollback { name: name.to_owned(), date: new.date, watermark: old.date })
            }
            Some(old) if old.date == new.date => Ok(()),
            _ => records::write(self.store, &path, &new, Durability::Synced),
        }
    }
}
