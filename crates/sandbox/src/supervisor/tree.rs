//! Making and deleting trees, with the ids of trees and no others, by directory descriptors, following no link.

use std::ffi::{CStr, CString};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Uid, fchown, mkdirat, openat, renameat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, waitid};

use crate::channel::Channel;
use crate::failure::{Failure, Step};
use crate::ids::Ids;
use crate::init::become_root;
use crate::sys::{self, Side};

/// Directories nested deeper than this are moved up before they are deleted, so that no depth exhausts descriptors.
const MAX_DEPTH: usize = 100;

/// How often a directory that fills up again while it is being emptied is emptied again.
const MAX_PASSES: usize = 1000;

/// Entries that are deleted between two looks at whether the caller still wants it.
const LOOK: u32 = 64;

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Makes an empty tree.
pub(super) fn make(ids: Ids, path: &Path) -> Result<(), Failure> {
    let (parent, name) = split(path)?;
    let mode = Mode::from_raw_mode(0o755);
    let result = match ids {
        Ids::User { .. } => with_tree_ids(ids, || mkdirat(&parent, &name, mode).step("make it")),
        Ids::Root => {
            let (uid, gid) = ids.tree();
            mkdirat(&parent, &name, mode)
                .and_then(|()| openat(&parent, &name, DIRECTORY, Mode::empty()))
                .and_then(|tree| fchown(tree, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))))
                .step("make it")
        }
    };
    result.map_err(|failure| about(failure, "make", path))
}

/// Deletes a tree; one that does not exist is deleted already. Stops half-way when the caller says no more on
/// `control`, which is also what its death says.
pub(super) fn delete(path: &Path, control: &Channel) -> Result<(), Failure> {
    let (parent, name) = split(path)?;
    let empty = |tree: &OwnedFd| empty(tree, control);
    let deleted = match openat(&parent, &name, DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        // Closed to the caller, but not to the ids of the tree.
        Err(Errno::ACCESS) => Ids::detect().and_then(|ids| {
            with_tree_ids(ids, || {
                openat(&parent, &name, DIRECTORY, Mode::empty()).step("open it").and_then(|tree| empty(&tree))
            })
        }),
        opened => opened.step("open it").and_then(|tree| with_tree_ids(Ids::detect()?, || empty(&tree))),
    };
    deleted
        .and_then(|()| unlinkat(&parent, &name, AtFlags::REMOVEDIR).step("remove it"))
        .map_err(|failure| about(failure, "delete", path))
}

fn about(mut failure: Failure, verb: &str, path: &Path) -> Failure {
    failure.step = format!("{verb} tree `{}`: {}", path.display(), failure.step);
    failure
}

/// The directory that a path is in, opened, and its name in there.
fn split(path: &Path) -> Result<(OwnedFd, CString), Failure> {
    let step = || format!("open the directory of `{}`", path.display());
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Failure::new(step(), "it is no directory that can be made or deleted"));
    };
    let name = CString::new(name.as_bytes()).map_err(std::io::Error::other).step_with(step)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok((openat(CWD, parent, flags, Mode::empty()).step_with(step)?, name))
}

/// Runs `work` in a process that is root over the ids of trees at rest, and nobody else.
fn with_tree_ids(ids: Ids, work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let (hold, release) = std::io::pipe().step("make a pipe")?;
    let (result, mut telling) = std::io::pipe().step("make a pipe")?;
    match sys::clone_process(libc::CLONE_NEWUSER, None).step("clone a user namespace")? {
        Side::Child => {
            drop((release, result));
            // Ends without the byte when the parent could not map the ids.
            if rustix::io::read(&hold, &mut [0_u8]) != Ok(1) {
                sys::exit_now(1);
            }
            // Unwinding further would run the supervisor's destructors in this process.
            let done = catch_unwind(AssertUnwindSafe(|| become_root().and_then(|()| work())));
            let told = match done.unwrap_or_else(|_| Err(Failure::new("work", "it panicked"))) {
                Ok(()) => "null".to_owned(),
                Err(failure) => serde_json::to_string(&failure).unwrap_or_default(),
            };
            sys::exit_now(i32::from(telling.write_all(told.as_bytes()).is_err()))
        }
        Side::Parent(child) => {
            drop((hold, telling));
            let mapped =
                ids.map_tree(child.pid, true).and_then(|()| (&release).write_all(b"1").step("release it"));
            drop(release);
            let told = std::io::read_to_string(result).step("read the result");
            waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED).step("collect a process")?;
            mapped?;
            match serde_json::from_str::<Option<Failure>>(&told?) {
                Ok(None) => Ok(()),
                Ok(Some(failure)) => Err(failure),
                Err(_) => Err(Failure::new("read the result", "the process was killed")),
            }
        }
    }
}

/// Deletes everything in `top`.
fn empty(top: &OwnedFd, control: &Channel) -> Result<(), Failure> {
    let mut remover = Remover { top: top.as_fd(), control, seen: 0, moved: 0, again: false };
    for _ in 0..MAX_PASSES {
        remover.again = false;
        remover.empty(openat(top, c".", DIRECTORY, Mode::empty()).step("open it")?, 0)?;
        if !remover.again {
            return Ok(());
        }
    }
    Err(Failure::new("empty it", "something keeps filling it"))
}

struct Remover<'a> {
    top: BorrowedFd<'a>,
    control: &'a Channel,
    seen: u32,
    moved: u64,
    /// Whether something was left for another pass.
    again: bool,
}

impl Remover<'_> {
    fn empty(&mut self, directory: OwnedFd, depth: usize) -> Result<(), Failure> {
        let mut entries = Dir::new(directory).step("list a directory")?;
        while let Some(entry) = entries.read() {
            let entry = entry.step("list a directory")?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            self.look()?;
            let at = entries.fd().step("list a directory")?;
            let removed = match entry.file_type() {
                FileType::Directory | FileType::Unknown => self.remove_directory(at, name, depth),
                _ => unlinkat(at, name, AtFlags::empty())
                    .or_else(|errno| self.retry(errno))
                    .step("delete a file"),
            };
            removed.map_err(|mut failure| {
                failure.step = format!("{} `{}`", failure.step, name.to_string_lossy());
                failure
            })?;
        }
        Ok(())
    }

    /// Fails when the caller is gone or has had enough.
    fn look(&mut self) -> Result<(), Failure> {
        self.seen = self.seen.wrapping_add(1);
        if !self.seen.is_multiple_of(LOOK) {
            return Ok(());
        }
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        match poll(&mut [PollFd::new(self.control, PollFlags::IN)], Some(&at_once)) {
            Ok(0) | Err(Errno::INTR) => Ok(()),
            Ok(_) => Err(Failure::new("delete a file", "the caller has stopped it")),
            Err(errno) => Err(errno).step("look at the caller"),
        }
    }

    fn remove_directory(&mut self, at: BorrowedFd<'_>, name: &CStr, depth: usize) -> Result<(), Failure> {
        if depth >= MAX_DEPTH {
            self.moved += 1;
            self.again = true;
            let place = format!(".deep-{}", self.moved);
            return renameat(at, name, self.top, place)
                .or_else(|errno| self.retry(errno))
                .step("move a directory");
        }
        match openat(at, name, DIRECTORY, Mode::empty()) {
            // Not a directory, or no longer one.
            Err(Errno::NOTDIR | Errno::LOOP) => {
                return unlinkat(at, name, AtFlags::empty())
                    .or_else(|errno| self.retry(errno))
                    .step("delete a file");
            }
            Err(errno) => return self.retry(errno).step("open a directory"),
            Ok(directory) => self.empty(directory, depth + 1)?,
        }
        unlinkat(at, name, AtFlags::REMOVEDIR).or_else(|errno| self.retry(errno)).step("delete a directory")
    }

    /// What somebody who still works in the tree can cause is left for another pass.
    fn retry(&mut self, errno: Errno) -> rustix::io::Result<()> {
        match errno {
            Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::ISDIR | Errno::LOOP => {
                self.again = true;
                Ok(())
            }
            other => Err(other),
        }
    }
}
