//! Advisory locks on files and directories (`flock`): released by the kernel when their holder dies, however it dies.

use std::{
    fs::File,
    io,
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::Path,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use crate::{Cancel, StoreError, error::During};

/// Pause between two tries while another process holds a lock: short against any step, long against a system call.
const PAUSE: Duration = Duration::from_millis(20);

/// A held lock. Dropping it, or the death of the process, releases it.
#[derive(Debug)]
#[must_use = "dropping the guard releases the lock"]
pub struct Guard {
    _file: File,
}

/// Takes the lock of the file `path`, waiting until it is free or `cancel` is raised.
pub(crate) fn acquire(path: &Path, cancel: &Cancel) -> Result<Guard, StoreError> {
    loop {
        if let Some(guard) = try_acquire(path)? {
            return Ok(guard);
        }
        pause(cancel)?;
    }
}

/// Takes the lock of the file `path` if nobody holds it.
pub(crate) fn try_acquire(path: &Path) -> Result<Option<Guard>, StoreError> {
    loop {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .during("open the lock file", path)?;
        if !try_exclusive(&file).during("lock", path)? {
            return Ok(None);
        }
        // Garbage collection may have removed the name between our opening and locking it.
        if is_at(&file, path) {
            return Ok(Some(Guard { _file: file }));
        }
    }
}

/// One wait between two tries.
pub(crate) fn pause(cancel: &Cancel) -> Result<(), StoreError> {
    if cancel.is_cancelled() {
        return Err(StoreError::Cancelled);
    }
    std::thread::sleep(PAUSE);
    Ok(())
}

/// Whether the exclusive lock of `file` could be taken at once.
pub(crate) fn try_exclusive(file: &impl AsFd) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether `path` still names the open `file`.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(open), Ok(named)) => identity(open) == identity(named),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_excludes_until_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let guard = acquire(&path, &Cancel::new()).unwrap();
        assert!(try_acquire(&path).unwrap().is_none());
        drop(guard);
        assert!(try_acquire(&path).unwrap().is_some());
    }

    #[test]
    fn waiting_ends_when_cancelled() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let _guard = acquire(&path, &Cancel::new()).unwrap();
        let cancel = Cancel::new();
        cancel.cancel();
        assert!(matches!(acquire(&path, &cancel), Err(StoreError::Cancelled)));
    }
}
