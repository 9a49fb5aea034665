//! What each spec's last build refers to: the starting points of garbage collection.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::{Digest, Store, StoreError, atomic::Durability, error::During, records, store::layout};

/// Everything that the last build of a spec used or made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Name of the spec, as people know it.
    pub spec: String,
    /// Digests of blobs, and keys of trees and steps.
    pub objects: Vec<Digest>,
}

/// The roots of a store. See [`Store::roots`].
#[derive(Clone, Copy, Debug)]
pub struct Roots<'a> {
    store: &'a Store,
}

impl<'a> Roots<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Replaces the root of `root.spec`.
    pub fn put(self, root: &Root) -> Result<(), StoreError> {
        let path = records::path_for(&self.store.dir(layout::ROOTS), &root.spec);
        if records::read::<Root>(&path)?.as_ref() == Some(root) {
            // Only the time of the build is new, and to the minute is close enough: a write could have to wait for the
            // disk.
            let fresh = path
                .metadata()
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|modified| modified.elapsed().is_ok_and(|passed| passed < Duration::from_mins(1)));
            if fresh {
                return Ok(());
            }
            return File::open(&path)
                .and_then(|file| file.set_modified(SystemTime::now()))
                .during("touch", &path);
        }
        records::write(self.store, &path, root, Durability::Lazy)
    }

    /// All roots with the time of the build, newest first.
    pub fn list(self) -> Result<Vec<(SystemTime, Root)>, StoreError> {
        let mut roots = Vec::new();
        for (_, path) in records::keys(&self.store.dir(layout::ROOTS))? {
            let made = path.metadata().and_then(|metadata| metadata.modified()).during("inspect", &path)?;
            if let Some(root) = records::read(&path)? {
                roots.push((made, root));
            }
        }
        roots.sort_by_key(|(made, _)| std::cmp::Reverse(*made));
        Ok(roots)
    }
}
