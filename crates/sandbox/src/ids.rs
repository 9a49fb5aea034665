//! Ranges of user and group ids: of trees at rest, of a running job, and the user namespaces that map them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getegid, geteuid, getpid, pidfd_send_signal, waitid,
};

use crate::failure::{Failure, Step};
use crate::sys::{self, Side};

/// How many ids a tree and a job have.
pub(crate) const RANGE: u32 = 65_536;

/// First id of trees at rest when root runs the builds: the foreign range that systemd reserves for such trees.
const FOREIGN: u32 = 0x7ffe_0000;

/// First id of the ranges for running jobs, and how many there are.
const FIRST_SLOT: u32 = 0x0800_0000;
const SLOTS: u32 = 1024;

const UIDMAP_HINT: &str = "install the package `uidmap` (newuidmap, newgidmap), or run as root";

/// Whose ids the trees have, which depends on who runs the builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    /// Root: trees have the foreign range, running jobs a range of their own.
    Root,
    /// An ordinary user: trees and jobs have the range delegated in `/etc/subuid` and `/etc/subgid`.
    User { uid: u32, gid: u32 },
}

impl Ids {
    /// The ids to use for this process.
    pub(crate) fn detect() -> Result<Self, Failure> {
        let uid = geteuid().as_raw();
        if uid == 0 {
            return Ok(Self::Root);
        }
        let delegated = |file: &str| {
            let names = fs::read_to_string("/etc/passwd").unwrap_or_default();
            let text = fs::read_to_string(file).unwrap_or_default();
            subordinate(&text, uid, user_name(&names, uid)).ok_or_else(|| {
                Failure::new(
                    "find a range of ids",
                    format!("`{file}` delegates no {RANGE} ids to you"),
                )
                .with_hint(format!("as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER (user id {uid})"))
            })
        };
        Ok(Self::User { uid: delegated("/etc/subuid")?, gid: delegated("/etc/subgid")? })
    }

    /// First user id and group id of trees at rest.
    pub(crate) fn tree(self) -> (u32, u32) {
        match self {
            Self::Root => (FOREIGN, FOREIGN),
            Self::User { uid, gid } => (uid, gid),
        }
    }

    /// Maps the ids `0..65536` of the user namespace of `pid` to those of trees at rest. With `own`, its id 65536 is
    /// the caller, so that root inside can work in a directory of the caller.
    pub(crate) fn map_tree(self, pid: Pid, own: bool) -> Result<(), Failure> {
        let (uid, gid) = self.tree();
        match self {
            Self::Root => write_maps(pid, &[(0, uid, RANGE)], &[(0, gid, RANGE)]),
            Self::User { .. } => {
                let mut uids = vec![(0, uid, RANGE)];
                let mut gids = vec![(0, gid, RANGE)];
                if own {
                    uids.push((RANGE, geteuid().as_raw(), 1));
                    gids.push((RANGE, getegid().as_raw(), 1));
                }
                run_mapper("newuidmap", pid, &uids)?;
                run_mapper("newgidmap", pid, &gids)
            }
        }
    }
}

/// A range that no other running job has, for as long as this value and its copies in child processes live.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) first: u32,
    path: PathBuf,
    _lock: File,
}

impl Slot {
    /// Claims a free range. Searching starts at a place of its own, so that ids are not reused at once.
    pub(crate) fn claim(state: &Path) -> Result<Self, Failure> {
        let directory = state.join("slots");
        match fs::DirBuilder::new().mode(0o700).create(&directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error).step("make lock directory");
            }
            _ => {}
        }
        let start = getpid().as_raw_nonzero().get().cast_unsigned();
        for offset in 0..SLOTS {
            let slot = (start + offset) % SLOTS;
            let path = directory.join(slot.to_string());
            let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
            let lock = lock.step("open a range lock")?;
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() && names(&path, &lock) {
                return Ok(Self { first: FIRST_SLOT + slot * RANGE, path, _lock: lock });
            }
        }
        Err(Failure::new("claim a range of ids", format!("all {SLOTS} ranges are in use")))
    }

    /// Maps the ids `0..65536` of the user namespace of `pid` to this range.
    pub(crate) fn map(&self, pid: Pid) -> Result<(), Failure> {
        let map = [(0, self.first, RANGE)];
        write_maps(pid, &map, &map)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Still locked. A name that stays behind is free to be locked again.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether a file still has the name it was opened by: its last owner may have removed it in between.
fn names(path: &Path, file: &File) -> bool {
    let identity = |metadata: io::Result<fs::Metadata>| metadata.map(|found| (found.dev(), found.ino())).ok();
    identity(path.metadata()).is_some_and(|named| Some(named) == identity(file.metadata()))
}

/// A user namespace that stands for "ids `from..` on disk are ids `to..` in the mount", for id-mapped mounts.
pub(crate) fn mapping_namespace(from: u32, to: u32) -> Result<OwnedFd, Failure> {
    let (hold, release) = std::io::pipe().step("make a pipe")?;
    match sys::clone_process(libc::CLONE_NEWUSER, None).step("clone a user namespace")? {
        Side::Child => {
            drop(release);
            // Ends with the parent or by its signal, whichever is first.
            let _ = std::io::copy(&mut &hold, &mut std::io::sink());
            sys::exit_now(0)
        }
        Side::Parent(child) => {
            let map = [(from, to, RANGE)];
            let namespace = write_maps(child.pid, &map, &map).and_then(|()| {
                File::open(format!("/proc/{}/ns/user", child.pid)).step("open a user namespace")
            });
            // It has nothing to lose and is collected below.
            let _ = pidfd_send_signal(&child.pidfd, Signal::KILL);
            waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED).step("collect a process")?;
            namespace.map(OwnedFd::from)
        }
    }
}

type Line = (u32, u32, u32);

fn write_maps(pid: Pid, uids: &[Line], gids: &[Line]) -> Result<(), Failure> {
    let text = |lines: &[Line]| {
        let lines: Vec<_> =
            lines.iter().map(|(inside, outside, count)| format!("{inside} {outside} {count}")).collect();
        lines.join(
            "
",
        )
    };
    fs::write(format!("/proc/{pid}/uid_map"), text(uids)).step("write the user id map")?;
    fs::write(format!("/proc/{pid}/gid_map"), text(gids)).step("write the group id map")
}

fn run_mapper(program: &str, pid: Pid, lines: &[Line]) -> Result<(), Failure> {
    let numbers =
        lines.iter().flat_map(|(inside, outside, count)| [inside, outside, count]).map(u32::to_string);
    let output = Command::new(program)
        .arg(pid.to_string())
        .args(numbers)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .output()
        .step_with(|| format!("run `{program}`"))
        .map_err(|failure| failure.with_hint(UIDMAP_HINT))?;
    if output.status.success() {
        return Ok(());
    }
    let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::new(format!("map ids with `{program}`"), reason).with_hint(UIDMAP_HINT))
}

/// The name of a user in the text of `/etc/passwd`.
fn user_name(passwd: &str, uid: u32) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

/// The first id of a large enough range in the text of `/etc/subuid`.
fn subordinate(text: &str, uid: u32, name: Option<&str>) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        let first = fields.next()?.parse().ok()?;
        let count: u32 = fields.next()?.trim().parse().ok()?;
        let mine = Some(owner) == name || owner.parse() == Ok(uid);
        (mine && count >= RANGE).then_some(first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subordinate_ranges_are_found_by_name_and_by_number() {
        let text = "other:100000:65536\nsmall:1:10\nme:200000:65536\n1001:300000:65536\n";
        let cases =
            [(1000, Some("me"), Some(200_000)), (1001, None, Some(300_000)), (7, Some("small"), None)];
        for (uid, name, expected) in cases {
            assert_eq!(subordinate(text, uid, name), expected, "{uid} {name:?}");
        }
    }

    #[test]
    fn user_names_are_found_by_id() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nme:x:1000:1000::/home/me:/bin/sh\n";
        assert_eq!(user_name(passwd, 1000), Some("me"));
        assert_eq!(user_name(passwd, 1001), None);
    }
}
