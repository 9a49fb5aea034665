//! The disk space of a job's writable tree. Measuring it takes a walk, so it is done at once when the file system's own
//! counters are suspicious, and else, because others can free space meanwhile, at a pace that costs next to nothing.

use std::collections::HashSet;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, StatxFlags, fstatvfs, openat, statx};
use rustix::io::Errno;

use crate::failure::{Failure, Step};
use crate::outcome::Breach;
use crate::spec::{Limits, Root};

/// Directories nested deeper than this are not looked into.
const MAX_DEPTH: usize = 500;

/// What a walk may cost, as a part of the time: when the counters are suspicious, and when they are not.
const URGENT: u32 = 10;
const ROUTINE: u32 = 100;

/// Least time between two walks without a suspicion.
const ROUTINE_PAUSE: Duration = Duration::from_secs(1);

/// A writable tree under watch.
#[derive(Debug)]
pub(super) struct Disk {
    tree: File,
    free_at_start: Room,
    last: Instant,
    /// How long the last walk took.
    cost: Duration,
}

/// An amount of disk space.
#[derive(Debug, Clone, Copy, Default)]
struct Room {
    bytes: u64,
    inodes: u64,
}

impl Disk {
    /// Starts watching the tree that a job can write to, if there is one.
    pub(super) fn of(root: &Root) -> Result<Option<Self>, Failure> {
        let path: &Path = match root {
            Root::Directory { tree } => tree,
            Root::Overlay { upper, .. } => upper,
            Root::ReadOnly { .. } => return Ok(None),
        };
        let step = || format!("open `{}`", path.display());
        let tree = File::open(path).step_with(step)?;
        let free_at_start = free(&tree).step_with(step)?;
        Ok(Some(Self { tree, free_at_start, last: Instant::now(), cost: Duration::ZERO }))
    }

    /// The limit that the tree exceeds, if it does.
    pub(super) fn breach(&mut self, limits: &Limits) -> Option<Breach> {
        let now = free(&self.tree).ok()?;
        let gone = |start: u64, now: u64| start.saturating_sub(now);
        let suspicious = gone(self.free_at_start.bytes, now.bytes) > limits.disk
            || gone(self.free_at_start.inodes, now.inodes) > limits.inodes;
        let pause = if suspicious { self.cost * URGENT } else { ROUTINE_PAUSE.max(self.cost * ROUTINE) };
        if self.last.elapsed() < pause {
            return None;
        }
        let looked = Instant::now();
        let held = held(&self.tree);
        self.cost = looked.elapsed();
        self.last = Instant::now();
        if held.bytes > limits.disk {
            Some(Breach::Disk)
        } else if held.inodes > limits.inodes {
            Some(Breach::Inodes)
        } else {
            None
        }
    }
}

fn free(tree: &File) -> rustix::io::Result<Room> {
    let found = fstatvfs(tree)?;
    Ok(Room { bytes: found.f_bfree * found.f_frsize, inodes: found.f_ffree })
}

/// What a tree holds; what vanishes meanwhile is not counted.
fn held(tree: &File) -> Room {
    let mut walk = Walk::default();
    if let Ok(top) = open(tree, c".") {
        // A directory that cannot be read is one that the job cannot have filled through it.
        let _ = walk.directory(top, 0);
    }
    walk.room
}

fn open(at: impl AsFd, name: &std::ffi::CStr) -> rustix::io::Result<OwnedFd> {
    openat(at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

#[derive(Default)]
struct Walk {
    room: Room,
    linked: HashSet<u64>,
}

impl Walk {
    fn directory(&mut self, directory: OwnedFd, depth: usize) -> Result<(), Errno> {
        let mut entries = Dir::new(directory)?;
        while let Some(entry) = entries.read() {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let at = entries.fd()?;
            let wanted = StatxFlags::BLOCKS | StatxFlags::INO | StatxFlags::NLINK;
            let Ok(found) = statx(at, name, AtFlags::SYMLINK_NOFOLLOW, wanted) else { continue };
            let directory = entry.file_type() == FileType::Directory;
            if !directory && found.stx_nlink > 1 && !self.linked.insert(found.stx_ino) {
                continue;
            }
            self.room.bytes += found.stx_blocks * 512;
            self.room.inodes += 1;
            if directory && depth < MAX_DEPTH {
                let _ = open(at, name).and_then(|below| self.directory(below, depth + 1));
            }
        }
        Ok(())
    }
}
