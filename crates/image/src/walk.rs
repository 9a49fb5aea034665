//! Walks a tree by directory descriptors: sorted, never through a link, never by a path that could be swapped.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RawDir, Stat};

/// Deeper nesting than this is refused: every level holds a descriptor, and no real system comes near.
const MAX_DEPTH: usize = 256;

/// One entry of the tree. Lent to the visitor.
pub(crate) struct Found<'a> {
    /// Path relative to the root of the walk, without leading slash; empty for the root itself.
    pub path: &'a [u8],
    pub stat: Stat,
    pub parent: BorrowedFd<'a>,
    pub name: &'a CStr,
}

impl Found<'_> {
    pub fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    /// Opens a regular file or a directory for reading.
    pub fn open(&self) -> rustix::io::Result<OwnedFd> {
        // Should the entry have become a fifo meanwhile, the open must not wait for its other end.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        fs::openat(self.parent, self.name, flags, Mode::empty())
    }

    /// The target of a symbolic link.
    pub fn read_link(&self) -> rustix::io::Result<CString> {
        fs::readlinkat(self.parent, self.name, Vec::with_capacity(256))
    }
}

/// Whether the walk enters a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Into,
    Over,
}

/// Calls `visit` for the root and then for everything below it: each directory before its entries, names in
/// byte order. `visit` makes its own errors; those of the walk itself go through `failed` with their path.
pub(crate) fn walk<E>(
    root: BorrowedFd<'_>,
    visit: &mut dyn FnMut(&Found<'_>) -> Result<Step, E>,
    failed: &dyn Fn(&[u8], io::Error) -> E,
) -> Result<(), E> {
    let stat = fs::fstat(root).map_err(|error| failed(b"", error.into()))?;
    let found = Found { path: b"", stat, parent: root, name: c"." };
    if visit(&found)? == Step::Over {
        return Ok(());
    }
    let opened = found.open().map_err(|error| failed(b"", error.into()))?;
    descend(&opened, &mut Vec::with_capacity(4096), 0, visit, failed)
}

fn descend<E>(
    dir: &OwnedFd,
    path: &mut Vec<u8>,
    depth: usize,
    visit: &mut dyn FnMut(&Found<'_>) -> Result<Step, E>,
    failed: &dyn Fn(&[u8], io::Error) -> E,
) -> Result<(), E> {
    if depth == MAX_DEPTH {
        return Err(failed(path, io::Error::other("directories are nested too deeply")));
    }
    let names = names(dir).map_err(|error| failed(path, error.into()))?;
    let base = path.len();
    for name in &names {
        if base > 0 {
            path.push(b'/');
        }
        path.extend_from_slice(name.to_bytes());
        let stat =
            fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| failed(path, error.into()))?;
        let found = Found { path: path.as_slice(), stat, parent: rustix::fd::AsFd::as_fd(dir), name };
        if visit(&found)? == Step::Into && found.kind() == FileType::Directory {
            let opened = found.open().map_err(|error| failed(path, error.into()))?;
            descend(&opened, path, depth + 1, visit, failed)?;
        }
        path.truncate(base);
    }
    Ok(())
}

/// The names in a directory, sorted by their bytes.
pub(crate) fn names(dir: &OwnedFd) -> rustix::io::Result<Vec<CString>> {
    let mut buffer = [MaybeUninit::uninit(); 16 << 10];
    let mut entries = RawDir::new(dir, &mut buffer);
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}
