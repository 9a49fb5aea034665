//! Which package of the running unpack has which path.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks to share among workers; far more than workers, so that they rarely meet.
const SHARDS: usize = 64;

/// Rank of a directory that no package has asked for, only something below it.
pub(super) const IMPLICIT: u32 = u32::MAX;

/// Who has a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// A file, symlink or other node, of the package with this rank.
    Node(u32),
    /// A directory. Its owner, mode and time are those that the package with the lowest rank gives.
    Directory {
        /// The lowest rank.
        order: u32,
        /// It was not there before this unpack.
        created: bool,
        /// Time that the lowest rank gives, seconds since 1970.
        mtime: i64,
    },
}

type Shard = HashMap<Box<[u8]>, Claim>;

/// All claims.
#[derive(Debug)]
pub(super) struct Claims {
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
}

impl Claims {
    pub fn new() -> Self {
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// Locks the part of the map that holds `path`.
    pub fn lock(&self, path: &[u8]) -> MutexGuard<'_, Shard> {
        let shard = usize::try_from(self.hasher.hash_one(path) % SHARDS as u64).unwrap_or_default();
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a package has a file, symlink or other node at `path`.
    pub fn has_node(&self, path: &[u8]) -> bool {
        matches!(self.lock(path).get(path), Some(Claim::Node(_)))
    }

    /// Directories made by this unpack that have nothing in them, with their times.
    pub fn empty_directories(&self) -> Vec<(Vec<u8>, i64)> {
        let shards: Vec<_> =
            self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner)).collect();
        let parents: std::collections::HashSet<&[u8]> =
            shards.iter().flat_map(|shard| shard.keys()).map(|path| parent(path)).collect();
        let claims = shards.iter().flat_map(|shard| shard.iter());
        let mut empty: Vec<(Vec<u8>, i64)> = claims
            .filter_map(|(path, claim)| match claim {
                Claim::Directory { created: true, mtime, order }
                    if *order != IMPLICIT && !parents.contains(&**path) =>
                {
                    Some((path.to_vec(), *mtime))
                }
                _ => None,
            })
            .collect();
        empty.sort();
        empty
    }
}

/// The directory part of `path`, empty for a top-level name.
pub(super) fn parent(path: &[u8]) -> &[u8] {
    &path[..path.iter().rposition(|byte| *byte == b'/').unwrap_or(0)]
}

/// The last component of `path`.
pub(super) fn file_name(path: &[u8]) -> &[u8] {
    &path[path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1)..]
}

impl Default for Claims {
    fn default() -> Self {
        Self::new()
    }
}
