//! Parsed package indexes, in whatever form their parser loads fastest.

use std::{fs, io, path::PathBuf};

use crate::{
    Digest, Store, StoreError,
    atomic::{self, Durability},
    store::layout,
    trees,
};

/// The parsed indexes of a store, named by a key over what they were parsed from and by which version of the parser.
/// See [`Store::indexes`].
#[derive(Clone, Copy, Debug)]
pub struct Indexes<'a> {
    store: &'a Store,
}

impl<'a> Indexes<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Where the index is, or would be.
    pub fn path(self, key: Digest) -> PathBuf {
        self.store.dir(layout::INDEX).join(key.to_string())
    }

    /// The index as it was stored. Not hashed: it is written whole or not at all, and dropped after a power cut.
    pub fn get(self, key: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(key);
        match fs::read(&path) {
            Ok(bytes) => {
                if let Ok(metadata) = path.metadata() {
                    trees::touch(&path, &metadata);
                }
                Ok(Some(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::from_io("read", &path, error)),
        }
    }

    /// Stores an index.
    pub fn put(self, key: Digest, bytes: &[u8]) -> Result<(), StoreError> {
        let _naming = self.store.journal().naming()?;
        atomic::replace(&self.store.dir(layout::TMP), &self.path(key), bytes, Durability::Lazy)
    }
}
