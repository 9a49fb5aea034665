//! What running processes use, so that garbage collection leaves it alone.
//!
//! Each process that touches an object appends its name to a file of its own, which it keeps locked. It does so under
//! the shared `collection` lock and *before* it looks whether the object exists; collection reads these files and
//! removes names under the exclusive lock. So an object that was found stays.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use rustix::fs::{FlockOperation, flock};

use crate::{Digest, StoreError, atomic, error::During, lock, store::layout};

/// What is pinned: digests name blobs, keys name trees and steps, and the two cannot collide.
pub(crate) type Pins = HashSet<Digest>;

#[derive(Debug)]
pub(crate) struct Session {
    root: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pinned: Pins,
    files: Option<Files>,
}

#[derive(Debug)]
struct Files {
    pins: File,
    path: PathBuf,
    collection: File,
}

impl Session {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf(), state: Mutex::default() }
    }

    /// Announces that this process uses `name`.
    ///
    /// A store that cannot be written (read-only, full) cannot be told; nothing can be collected from a read-only
    /// store, and on a full one the time of last use still protects what was touched.
    pub(crate) fn pin(&self, name: Digest) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.pinned.insert(name) && self.write_pin(&mut state, name).is_err() {
            state.pinned.remove(&name);
        }
    }

    fn write_pin(&self, state: &mut State, name: Digest) -> Result<(), StoreError> {
        if state.files.is_none() {
            state.files = Some(self.start()?);
        }
        let Some(files) = &mut state.files else { return Ok(()) };
        flock(&files.collection, FlockOperation::LockShared).during("lock", &self.root)?;
        let written = files.pins.write_all(format!("{name}\n").as_bytes());
        flock(&files.collection, FlockOperation::Unlock).during("unlock", &self.root)?;
        written.during("write", &files.path)
    }

    fn start(&self) -> Result<Files, StoreError> {
        let dir = self.root.join(layout::SESSIONS);
        let collection = open_collection(&self.root)?;
        loop {
            let path = dir.join(atomic::unique_name(""));
            let pins = File::options().create_new(true).append(true).open(&path).during("create", &path)?;
            if lock::try_exclusive(&pins).during("lock", &path)? && lock::is_at(&pins, &path) {
                return Ok(Files { pins, path, collection });
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = &state.files {
            // If this fails, the next collection removes the file: its lock is free then.
            drop(fs::remove_file(&files.path));
        }
    }
}

/// The lock file between pinning and collection.
pub(crate) fn open_collection(root: &Path) -> Result<File, StoreError> {
    let path = root.join(layout::LOCKS).join("collection");
    File::options().create(true).truncate(false).write(true).open(&path).during("open the lock file", &path)
}

/// Everything pinned by live processes. Files of dead ones are removed.
pub(crate) fn pins(root: &Path) -> Result<Pins, StoreError> {
    let dir = root.join(layout::SESSIONS);
    crate::store::sweep_files(&dir)?;
    let mut pins = Pins::new();
    for entry in fs::read_dir(&dir).during("read", &dir)? {
        let path = entry.during("read", &dir)?.path();
        // A session that ended since the listing pins nothing.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        pins.extend(text.lines().filter_map(|line| line.parse::<Digest>().ok()));
    }
    Ok(pins)
}
