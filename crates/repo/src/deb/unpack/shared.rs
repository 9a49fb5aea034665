//! What all workers of one unpack share.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::base::Base;
use super::claims::Claims;
use super::control::Control;
use super::diversions::Diversions;
use super::types::Placeholder;

/// State of one unpack.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    pub root: BorrowedFd<'a>,
    /// File mode creation mask of the process.
    pub mask: u32,
    pub base: Base,
    pub diversions: RwLock<Diversions>,
    pub claims: Claims,
    /// Top-level symlinks to `usr/NAME`.
    pub aliases: HashSet<Vec<u8>>,
    /// Those of them that this unpack made.
    pub made_aliases: HashSet<Vec<u8>>,
    /// Packages whose control file has been read, by rank.
    pub controls: Mutex<HashMap<u32, Arc<Control>>>,
    /// Paths that a package of this unpack lost to another one.
    pub lost: Mutex<HashSet<(u32, Vec<u8>)>>,
    /// Paths that packages of the existing system lost, by index into [`Base::packages`].
    pub base_lost: Mutex<BTreeSet<(usize, Vec<u8>)>>,
    pub placeholders: Mutex<Vec<Placeholder>>,
    /// Threads for one large package.
    pub threads: u32,
    /// Decompressed bytes that may still be read.
    pub budget: AtomicU64,
    pub bytes: AtomicU64,
    pub files: AtomicUsize,
}

impl Shared<'_> {
    /// The one spelling of a path that may start with an alias: `bin/sh` becomes `usr/bin/sh`.
    pub fn canonical(&self, path: &[u8]) -> Vec<u8> {
        let aliased = path
            .iter()
            .position(|byte| *byte == b'/')
            .is_some_and(|slash| self.aliases.contains(&path[..slash]));
        if aliased { [b"usr/", path].concat() } else { path.to_vec() }
    }

    /// Where `package` has to put what its archive calls `path`.
    pub fn destination(&self, path: &[u8], package: &str) -> Vec<u8> {
        let diversions = self.diversions.read().unwrap_or_else(PoisonError::into_inner);
        match diversions.redirect(path, package) {
            Some(other) => self.canonical(other),
            None => self.canonical(path),
        }
    }

    /// Whether a diversion lets two packages ship one path.
    pub fn separated(&self, path: &[u8], one: &str, other: &str) -> bool {
        self.diversions.read().unwrap_or_else(PoisonError::into_inner).separates(path, one, other)
    }

    /// The control of the package with rank `order`.
    pub fn control(&self, order: u32) -> Option<Arc<Control>> {
        lock(&self.controls).get(&order).cloned()
    }
}

/// Locks; a panic of another worker ends the unpack anyway.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
