//! Leaves a tree as every build of the same inputs leaves it: what the build made gets the epoch as its time, and
//! what only this run needed is removed.
//!
//! Packages' own files keep the times of their archives: compiled Python code, for one, is valid only as long as its
//! source keeps its time.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use lbuild_image::hygiene::{self, Policy, Scope};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use serde::{Deserialize, Serialize};

use super::chain;

/// File systems that the sandbox mounts over the tree.
const MOUNTED: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Whether the sandbox has mounted something here.
pub(super) fn is_mounted(path: &Path) -> bool {
    MOUNTED.iter().any(|mounted| Path::new(mounted) == path)
}

/// How to leave a tree.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Seal {
    /// The time of everything that the build made, in seconds since 1970.
    pub(crate) epoch: i64,
    /// When the build of this tree began, in seconds since 1970: what is younger was made by it.
    pub(crate) began: i64,
    /// What may stay.
    pub(crate) policy: Policy,
    /// How much of the rest is cleaned away and not left for the gate to report.
    pub(crate) scope: Scope,
}

/// Cleans the tree, then sets the times.
pub(crate) fn seal(seal: &Seal) -> Result<(), String> {
    let root = File::open("/").map_err(|error| format!("cannot open the root: {error}"))?;
    hygiene::clean(root.as_fd(), &seal.policy, seal.scope).map_err(|error| chain(&error))?;
    let epoch = Timespec { tv_sec: seal.epoch, tv_nsec: 0 };
    let times = Timestamps { last_access: epoch, last_modification: epoch };
    settle(Path::new("/"), seal.began, &times).map_err(|error| format!("cannot set times: {error}"))
}

/// Sets the times of what is younger than `began`, children before their directory.
fn settle(path: &Path, began: i64, times: &Timestamps) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let metadata = path.symlink_metadata()?;
        if metadata.is_dir() && !is_mounted(&path) {
            settle(&path, began, times)?;
        }
        set(&path, &metadata, began, times)?;
    }
    set(path, &path.symlink_metadata()?, began, times)
}

fn set(path: &Path, metadata: &Metadata, began: i64, times: &Timestamps) -> io::Result<()> {
    if metadata.mtime() < began || is_mounted(path) {
        return Ok(());
    }
    utimensat(CWD, path, times, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_keeps_its_time() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("new"), "").unwrap();
        let epoch = Timespec { tv_sec: 1000, tv_nsec: 0 };
        let times = Timestamps { last_access: epoch, last_modification: epoch };
        let old = Timespec { tv_sec: 2000, tv_nsec: 0 };
        let old = Timestamps { last_access: old, last_modification: old };
        fs::write(dir.path().join("old"), "").unwrap();
        utimensat(CWD, dir.path().join("old"), &old, AtFlags::empty()).unwrap();
        settle(dir.path(), 3000, &times).unwrap();
        let time = |name: &str| dir.path().join(name).metadata().unwrap().mtime();
        assert_eq!((time("new"), time("old")), (1000, 2000));
        assert_eq!(dir.path().metadata().unwrap().mtime(), 1000);
    }
}
