//! Surviving a power cut without flushing every object.
//!
//! Flushing each blob before naming it costs one disk barrier per package; flushing everything once (`syncfs`) makes
//! the build wait for data that nobody needs on disk yet. Neither buys anything that a build cache needs, because
//! everything in it can be made or fetched again. So:
//!
//! 1. Before a process names its first object it creates a marker, `dirty/<boot id>-<process>`, and flushes that one
//!    small file.
//! 2. Objects are named without flushing. A `kill -9` does not hurt them: the data is in the page cache.
//! 3. [`Journal::sync`] (`syncfs`, then removal of the markers) runs in the background of a later process that writes,
//!    in garbage collection, and whenever the caller likes.
//! 4. Opening a store that has a marker of *another boot* means that the machine went down with unwritten data. What is
//!    younger than the marker is then suspect: blobs are hashed again, trees, steps, indexes, partial downloads and the
//!    records of published files are dropped.
//!
//! Date watermarks, which are security state and not a cache, are flushed at once (see `watermarks`).

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard},
    time::{Duration, SystemTime},
};

use rustix::fs::{FlockOperation, flock};

use crate::{Cancel, StoreError, atomic, error::During, lock, store::layout};

mod recovery;

/// Clocks step back a little when they are set: how much older than the marker an object may look and still be suspect.
const CLOCK_SLACK: Duration = Duration::from_mins(10);

/// Age at which the marker of a dead process is worth a `syncfs`: by then the kernel has written nearly everything.
const SETTLED: Duration = Duration::from_mins(1);

/// Keeps track of whether this process has named objects that may not be on disk yet.
#[derive(Debug)]
pub(crate) struct Journal {
    root: PathBuf,
    boot: String,
    marker: Mutex<Option<Marker>>,
    /// Held for reading while an object is named, for writing while the marker is swapped.
    naming: RwLock<()>,
}

#[derive(Debug)]
struct Marker {
    path: PathBuf,
    _lock: File,
}

impl Journal {
    /// Repairs the store if the machine went down.
    pub(crate) fn open(root: &Path, cancel: &Cancel) -> Result<Self, StoreError> {
        let boot = boot_id();
        let journal =
            Self { root: root.to_path_buf(), boot, marker: Mutex::new(None), naming: RwLock::new(()) };
        let mut markers = journal.markers()?;
        markers.retain(|marker| !is_of_boot(&marker.path, &journal.boot) && marker.is_dead());
        if !markers.is_empty() {
            recovery::run(root, &markers, cancel)?;
        }
        Ok(journal)
    }

    /// To be held while an object gets its name. Makes sure that the marker exists.
    pub(crate) fn naming(&self) -> Result<RwLockReadGuard<'_, ()>, StoreError> {
        let guard = self.naming.read().unwrap_or_else(PoisonError::into_inner);
        let mut marker = self.marker.lock().unwrap_or_else(PoisonError::into_inner);
        if marker.is_none() {
            *marker = Some(self.create_marker()?);
            self.settle()?;
        }
        drop(marker);
        Ok(guard)
    }

    /// See [`crate::Store::sync`].
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        let own = {
            let _all = self.naming.write().unwrap_or_else(PoisonError::into_inner);
            self.marker.lock().unwrap_or_else(PoisonError::into_inner).take()
        };
        let result = write_back(&self.root, &self.boot);
        match (&result, own) {
            (Ok(()), Some(marker)) => fs::remove_file(&marker.path).during("remove", &marker.path),
            (Err(_), own) => {
                let mut marker = self.marker.lock().unwrap_or_else(PoisonError::into_inner);
                *marker = own.or_else(|| marker.take());
                result
            }
            (Ok(()), None) => Ok(()),
        }
    }

    /// Starts writing back what processes left that died a while ago. Done when this process begins to write, because
    /// one that only reads must not be kept from ending by a slow disk.
    fn settle(&self) -> Result<(), StoreError> {
        let old = |marker: &Found| {
            is_of_boot(&marker.path, &self.boot) && marker.age() > SETTLED && marker.is_dead()
        };
        if self.markers()?.iter().any(old) {
            let (root, boot) = (self.root.clone(), self.boot.clone());
            // Not joined: if it fails, the markers simply stay.
            std::thread::spawn(move || write_back(&root, &boot));
        }
        Ok(())
    }

    fn create_marker(&self) -> Result<Marker, StoreError> {
        let dir = self.root.join(layout::DIRTY);
        loop {
            let path = dir.join(atomic::unique_name(&format!("{}-", self.boot)));
            let file = File::create_new(&path).during("create", &path)?;
            flock(&file, FlockOperation::LockExclusive).during("lock", &path)?;
            // Somebody else's sync that came between creating and locking has removed the name: try again.
            if lock::is_at(&file, &path) {
                file.sync_all().during("flush", &path)?;
                File::open(&dir).and_then(|dir| dir.sync_all()).during("flush", &dir)?;
                return Ok(Marker { path, _lock: file });
            }
        }
    }

    fn markers(&self) -> Result<Vec<Found>, StoreError> {
        let dir = self.root.join(layout::DIRTY);
        let mut markers = Vec::new();
        for entry in fs::read_dir(&dir).during("read", &dir)? {
            let path = entry.during("read", &dir)?.path();
            // Another process may be removing its marker at this moment.
            if let Ok(made) = path.metadata().and_then(|metadata| metadata.modified()) {
                markers.push(Found { path, made });
            }
        }
        Ok(markers)
    }
}

/// A marker on disk.
struct Found {
    path: PathBuf,
    made: SystemTime,
}

impl Found {
    fn is_dead(&self) -> bool {
        File::open(&self.path).is_ok_and(|file| lock::try_exclusive(&file).unwrap_or(false))
    }

    fn age(&self) -> Duration {
        self.made.elapsed().unwrap_or_default()
    }
}

/// Without a boot id nothing can tell a new boot from this one, so that every marker means a repair.
fn is_of_boot(path: &Path, boot: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    boot != UNKNOWN_BOOT && name.starts_with(boot)
}

const UNKNOWN_BOOT: &str = "unknown";

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| UNKNOWN_BOOT.to_owned(), |text| text.trim().to_owned())
}

/// Flushes the file system and removes the markers of dead processes that this covers: those listed before.
fn write_back(root: &Path, boot: &str) -> Result<(), StoreError> {
    let dir = root.join(layout::DIRTY);
    let dead: Vec<_> = fs::read_dir(&dir)
        .during("read", &dir)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_of_boot(path, boot))
        .filter_map(|path| Some((File::open(&path).ok()?, path)))
        .filter(|(file, _)| lock::try_exclusive(file).unwrap_or(false))
        .collect();
    let handle = File::open(root).during("open", root)?;
    rustix::fs::syncfs(&handle).during("flush", root)?;
    for (_, path) in dead {
        // Two processes may do this at once; who comes second finds nothing.
        drop(fs::remove_file(path));
    }
    Ok(())
}
