//! Parsed indexes in the store: the part that resolving reads, and apart from it the texts that only people read.

use lbuild_repo::index::Index;
use lbuild_store::{Digest, Hasher};

use crate::engine::Engine;
use crate::error::ResolveError;

impl Engine {
    /// An index that was parsed before, without its details; one that cannot be used is parsed anew.
    pub(crate) fn cached_index(&self, key: Digest) -> Result<Option<Index>, ResolveError> {
        let bytes = self.cached(key)?;
        Ok(bytes.and_then(|bytes| Index::open_cache(bytes).ok()))
    }

    /// The same with its details.
    pub(crate) fn cached_detailed(&self, key: Digest) -> Result<Option<Index>, ResolveError> {
        let (Some(mut index), Some(details)) = (self.cached_index(key)?, self.cached(details_key(key))?)
        else {
            return Ok(None);
        };
        Ok(index.open_details(details).is_ok().then_some(index))
    }

    /// Keeps both parts of an index.
    pub(crate) fn cache_index(&self, key: Digest, index: &Index) -> Result<(), ResolveError> {
        let put = |key, bytes| self.store.indexes().put(key, bytes).map_err(ResolveError::Store);
        put(key, index.write_cache())?;
        put(details_key(key), index.write_details())
    }

    fn cached(&self, key: Digest) -> Result<Option<Vec<u8>>, ResolveError> {
        self.store.indexes().get(key).map_err(ResolveError::Store)
    }
}

/// Where the details of an index are kept.
fn details_key(index: Digest) -> Digest {
    let mut hasher = Hasher::new();
    hasher.field("details of", &index.0);
    hasher.finish()
}
