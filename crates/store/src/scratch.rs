//! Directories that exist only while their maker lives: drafts of trees and scratch space.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{StoreError, atomic, error::During, lock, store::DeleteTree};

/// A temporary directory on the store's file system. [`Scratch::remove`] deletes it; if the process dies or the value
/// is dropped first, [`crate::Store::sweep`] does.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// Its lock says that the directory is in use.
    _handle: File,
}

impl Scratch {
    pub(crate) fn create(dir: &Path) -> Result<Self, StoreError> {
        loop {
            let path = dir.join(atomic::unique_name(""));
            atomic::make_dir(&path)?;
            let Ok(handle) = File::open(&path) else { continue };
            // A sweep that came between creating and locking has removed the directory: try again.
            if lock::try_exclusive(&handle).during("lock", &path)? && lock::is_at(&handle, &path) {
                return Ok(Self { path, _handle: handle });
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

/// Deletes the directories in `dir` whose lock is free. Returns how many.
pub(crate) fn sweep(dir: &Path, delete: DeleteTree<'_>) -> Result<usize, StoreError> {
    let mut count = 0;
    for entry in fs::read_dir(dir).during("read", dir)? {
        let path = entry.during("read", dir)?.path();
        let Ok(handle) = File::open(&path) else { continue };
        if lock::try_exclusive(&handle).during("lock", &path)? && lock::is_at(&handle, &path) {
            delete_fully(&path, delete)?;
            count += 1;
        }
    }
    Ok(count)
}
