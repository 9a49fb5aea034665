//! Files that appear under their final name complete or not at all.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, openat, renameat_with},
    io::Errno,
};

use crate::{StoreError, error::During, lock};

/// A name that no other process and no other call uses.
pub(crate) fn unique_name(prefix: &str) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let nanos = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
    format!("{prefix}{}-{count}-{nanos:x}", std::process::id())
}

/// A file that has no final name yet: without any name where the file system can do that, else under a locked
/// temporary one.
#[derive(Debug)]
pub(crate) struct Unnamed {
    pub(crate) file: File,
    temporary: Option<PathBuf>,
}

impl Unnamed {
    /// Creates the file on the file system of the directory `dir`.
    pub(crate) fn create(dir: &Path) -> Result<Self, StoreError> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match openat(CWD, dir, flags, Mode::from_raw_mode(0o644)) {
            Ok(descriptor) => Ok(Self { file: descriptor.into(), temporary: None }),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => Self::create_named(dir),
            Err(error) => Err(StoreError::from_io("create a file in", dir, error.into())),
        }
    }

    /// As [`Self::create`], for file systems without nameless files.
    fn create_named(dir: &Path) -> Result<Self, StoreError> {
        loop {
            let path = dir.join(unique_name(""));
            let file = File::options()
                .create_new(true)
                .read(true)
                .write(true)
                .open(&path)
                .during("create", &path)?;
            // A sweep that came between creating and locking has removed the name: try again.
            if lock::try_exclusive(&file).during("lock", &path)? && lock::is_at(&file, &path) {
                return Ok(Self { file, temporary: Some(path) });
            }
        }
    }

    /// Gives the file its name. `false` if the name was taken: then the file that was there stays.
    pub(crate) fn link(&mut self, path: &Path) -> Result<bool, StoreError> {
        let linked = match &self.temporary {
            None => {
                let descriptor = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                linkat(CWD, descriptor, CWD, path, AtFlags::SYMLINK_FOLLOW)
            }
            Some(temporary) => move_to_free_name(temporary, path),
        };
        match linked {
            Ok(()) => {
                self.temporary = None;
                Ok(true)
            }
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(StoreError::from_io("name the file", path, error.into())),
        }
    }

    /// Gives the file its name, replacing what is there, by way of a temporary one in `dir`.
    fn replace(mut self, dir: &Path, path: &Path) -> Result<(), StoreError> {
        let temporary = match self.temporary.take() {
            Some(temporary) => temporary,
            None => self.name_locked(dir)?,
        };
        fs::rename(&temporary, path)
            .inspect_err(|_| drop(fs::remove_file(&temporary)))
            .during("replace", path)
    }

    /// Gives the file a temporary name, locked so that no sweep removes it.
    fn name_locked(&mut self, dir: &Path) -> Result<PathBuf, StoreError> {
        loop {
            let path = dir.join(unique_name(""));
            lock::try_exclusive(&self.file).during("lock", &path)?;
            if self.link(&path)? {
                return Ok(path);
            }
        }
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        if let Some(path) = &self.temporary {
            // Nothing better can be done here: the sweep at the next opening takes what stays.
            drop(fs::remove_file(path));
        }
    }
}

/// Renames a file unless the new name is taken.
pub(crate) fn move_to_free_name(from: &Path, to: &Path) -> Result<(), Errno> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system does not know the flag: a hard link refuses a taken name as well.
        Err(Errno::INVAL | Errno::NOSYS) => {
            linkat(CWD, from, CWD, to, AtFlags::empty())?;
            rustix::fs::unlink(from)
        }
        result => result,
    }
}

/// Whether a replaced file must survive a power cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Losing the newest version is harmless.
    Lazy,
    /// On disk before this returns.
    Synced,
}

/// Writes `bytes` as the whole content of `path`, by way of a temporary file in `temporary_dir` on the same file
/// system.
pub(crate) fn replace(
    temporary_dir: &Path,
    path: &Path,
    bytes: &[u8],
    durability: Durability,
) -> Result<(), StoreError> {
    let mut temporary = Unnamed::create(temporary_dir)?;
    let size = bytes.len() as u64;
    let full = |error: StoreError| error.needing(size);
    temporary.file.write_all(bytes).during("write", path).map_err(full)?;
    if durability == Durability::Synced {
        temporary.file.sync_all().during("flush", path).map_err(full)?;
    }
    temporary.replace(temporary_dir, path)?;
    if durability == Durability::Synced
        && let Some(parent) = path.parent()
    {
        File::open(parent).and_then(|dir| dir.sync_all()).during("flush", parent)?;
    }
    Ok(())
}

/// Creates a directory that other users may pass through.
pub(crate) fn make_dir(path: &Path) -> Result<(), StoreError> {
    match fs::create_dir(path) {
        Ok(()) => let_pass(&File::open(path).during("open", path)?, path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::from_io("create the directory", path, error)),
    }
}

/// Lets other users pass through the open directory at `path`, but not list it: trees below belong to mapped uids.
pub(crate) fn let_pass(directory: &File, path: &Path) -> Result<(), StoreError> {
    directory.set_permissions(fs::Permissions::from_mode(0o711)).during("set the mode of", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("name");
        for create in [Unnamed::create, Unnamed::create_named] {
            let mut first = create(dir.path()).unwrap();
            first.file.write_all(b"first").unwrap();
            assert!(first.link(&path).unwrap());
            assert!(!create(dir.path()).unwrap().link(&path).unwrap());
            assert_eq!(fs::read(&path).unwrap(), b"first");
            fs::remove_file(&path).unwrap();
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "no temporary file stays");
        }
    }

    #[test]
    fn replacing_leaves_only_the_new_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("name");
        for (content, durability) in [(b"one", Durability::Lazy), (b"two", Durability::Synced)] {
            replace(dir.path(), &path, content, durability).unwrap();
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
