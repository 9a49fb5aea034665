//! Directories that exist only while their maker lives: drafts of trees and scratch space.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{
    StoreError, atomic,
    error::During,
    lock,
    store::DeleteTree,
    usage::{Kind, on_disk},
};

/// A temporary directory on the store's file system. [`Scratch::remove`] deletes it. Dropped, it goes to the trash, which
/// takes no time however much is in it; that is emptied by [`crate::Store::sweep`], as is what a process leaves that
/// dies.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    trash: PathBuf,
    /// Its lock says that the directory is in use.
    _handle: File,
}

impl Scratch {
    pub(crate) fn create(dir: &Path, trash: &Path) -> Result<Self, StoreError> {
        loop {
            let path = dir.join(atomic::unique_name(""));
            fs::create_dir(&path).during("create the directory", &path)?;
            // A sweep that came between creating and locking has removed the directory: try again.
            let Ok(handle) = File::open(&path) else { continue };
            if lock::try_exclusive(&handle).during("lock", &path)? && lock::is_at(&handle, &path) {
                atomic::let_pass(&handle, &path)?;
                return Ok(Self { path, trash: trash.to_path_buf(), _handle: handle });
            }
        }
    }

    /// The directory. Others may pass through it, but not list it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Deletes the directory with everything in it.
    pub fn remove(self, delete: DeleteTree<'_>) -> Result<(), StoreError> {
        delete_fully(&self.path, delete)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // One that was removed or made a tree is not there; one that stays is found by the next sweep where it is.
        let _ = bury(&self.path, &self.trash);
    }
}

/// Gives a directory a name in the trash.
pub(crate) fn bury(path: &Path, trash: &Path) -> Result<(), StoreError> {
    fs::rename(path, trash.join(atomic::unique_name(""))).during("move to the trash", path)
}

/// The directories in `dir` whose lock is free, one after the other, with the lock held.
fn dead(dir: &Path) -> Result<impl Iterator<Item = Result<(PathBuf, File), StoreError>>, StoreError> {
    let look = |path: PathBuf| {
        let handle = File::open(&path).ok()?;
        match lock::try_exclusive(&handle).during("lock", &path) {
            Ok(free) => (free && lock::is_at(&handle, &path)).then_some(Ok((path, handle))),
            Err(error) => Some(Err(error)),
        }
    };
    let entries: Vec<PathBuf> = fs::read_dir(dir)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .during("read", dir)?;
    Ok(entries.into_iter().filter_map(look))
}

/// Deletes `path` with the caller's function and then whatever that left.
pub(crate) fn delete_fully(path: &Path, delete: DeleteTree<'_>) -> Result<(), StoreError> {
    delete(path).during("delete", path)?;
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::from_io("delete", path, error))
        }
        _ => Ok(()),
    }
}

/// Deletes the directories in `dir` whose lock is free, until `stop` holds. Returns how many.
pub(crate) fn sweep(
    dir: &Path,
    delete: DeleteTree<'_>,
    stop: &dyn Fn() -> bool,
) -> Result<usize, StoreError> {
    let mut count = 0;
    for found in dead(dir)? {
        let (path, _lock) = found?;
        let deleted = if stop() { Ok(()) } else { delete_fully(&path, delete) };
        // A deletion that was stopped fails in its own words.
        if stop() {
            return Err(StoreError::Cancelled);
        }
        deleted?;
        count += 1;
    }
    Ok(count)
}

/// Room that the directories in `dir` take whose lock is free, as far as the caller may look into them.
pub(crate) fn usage(dir: &Path) -> Result<Kind, StoreError> {
    let mut kind = Kind::default();
    for found in dead(dir)? {
        let (path, _lock) = found?;
        kind.add(bytes_below(&path));
    }
    Ok(kind)
}

fn bytes_below(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => on_disk(&metadata) + bytes_below(&entry.path()),
        Ok(metadata) => on_disk(&metadata),
        Err(_) => 0,
    };
    entries.map(size).sum()
}
