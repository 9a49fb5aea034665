//! What running processes use, so that garbage collection leaves it alone.
//!
//! A process begins as a *reader*: it holds the `collection` lock shared from its first look at an object, so that no
//! collection begins. Soon after, a thread makes it a *session*: a file of its own, kept locked, that names every
//! object it has looked at, and the lock is free again. Collection reads these files and removes names under the
//! exclusive lock, and each further name is added under the shared one *before* the object is looked for. So an object
//! that was found stays.
//!
//! The detour saves short processes every write: a disk that is busy lets a new file wait for a tenth of a second.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};

use crate::{Digest, StoreError, atomic, error::During, lock, store::layout};

/// What is pinned: digests name blobs, keys name trees and steps, and the two cannot collide.
pub(crate) type Pins = HashSet<Digest>;

/// How long a process is a reader: longer than answering a build from the store takes, and what a collection may wait.
const READER: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub(crate) struct Session {
    root: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    pinned: Pins,
    phase: Phase,
}

#[derive(Debug, Default)]
enum Phase {
    /// Nothing was looked at.
    #[default]
    Idle,
    /// Holds the collection lock shared.
    Reader { collection: File },
    /// Has said what it uses.
    Session(Files),
}

#[derive(Debug)]
struct Files {
    pins: File,
    path: PathBuf,
    collection: File,
}

impl Session {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf(), state: Arc::default() }
    }

    /// Announces that this process uses `name`.
    ///
    /// A store that cannot be written (read-only, full) cannot be told; nothing can be collected from a read-only
    /// store, and on a full one the time of last use still protects what was touched.
    pub(crate) fn pin(&self, name: Digest) {
        let mut state = locked(&self.state);
        if state.pinned.insert(name) && self.announce(&mut state, name).is_err() {
            state.pinned.remove(&name);
        }
    }

    fn announce(&self, state: &mut State, name: Digest) -> Result<(), StoreError> {
        match &mut state.phase {
            Phase::Idle => {
                let collection = open_collection(&self.root)?;
                flock(&collection, FlockOperation::LockShared).during("lock", &self.root)?;
                state.phase = Phase::Reader { collection };
                if self.end_reading_later().is_err() {
                    become_session(&self.root, state);
                }
                Ok(())
            }
            Phase::Reader { .. } => Ok(()),
            Phase::Session(files) => files.add(&self.root, &[name]),
        }
    }

    fn end_reading_later(&self) -> io::Result<()> {
        let (root, state) = (self.root.clone(), Arc::downgrade(&self.state));
        let wait = move || {
            thread::sleep(READER);
            if let Some(state) = state.upgrade() {
                become_session(&root, &mut locked(&state));
            }
        };
        thread::Builder::new().name("session".to_owned()).spawn(wait).map(drop)
    }

    /// Says now what this process uses, so that it can collect the rest.
    pub(crate) fn end_reading(&self) {
        become_session(&self.root, &mut locked(&self.state));
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes down what a reader has looked at; its lock ends after that.
fn become_session(root: &Path, state: &mut State) {
    let Phase::Reader { collection } = std::mem::take(&mut state.phase) else { return };
    let names: Vec<Digest> = state.pinned.iter().copied().collect();
    let started = Files::start(root).and_then(|mut files| files.write(&names).map(|()| files));
    match started {
        Ok(files) => state.phase = Phase::Session(files),
        // As in `Session::pin`: nobody can be told.
        Err(_) => state.pinned.clear(),
    }
    drop(collection);
}

impl Files {
    fn start(root: &Path) -> Result<Self, StoreError> {
        let dir = root.join(layout::SESSIONS);
        let collection = open_collection(root)?;
        loop {
            let path = dir.join(atomic::unique_name(""));
            let pins = File::options().create_new(true).append(true).open(&path).during("create", &path)?;
            if lock::try_exclusive(&pins).during("lock", &path)? && lock::is_at(&pins, &path) {
                return Ok(Self { pins, path, collection });
            }
        }
    }

    /// Adds names, when no collection is running.
    fn add(&mut self, root: &Path, names: &[Digest]) -> Result<(), StoreError> {
        flock(&self.collection, FlockOperation::LockShared).during("lock", root)?;
        let written = self.write(names);
        flock(&self.collection, FlockOperation::Unlock).during("unlock", root)?;
        written
    }

    fn write(&mut self, names: &[Digest]) -> Result<(), StoreError> {
        // A trailing line break ends the last name, so that the next write begins a line.
        let lines: Vec<String> = names.iter().map(Digest::to_string).chain([String::new()]).collect();
        self.pins.write_all(lines.join("\n").as_bytes()).during("write", &self.path)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // If this fails, the next collection removes the file: its lock is free then.
        drop(fs::remove_file(&self.path));
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
