//! The job's root: one tree, or layers.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, mkdir};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, move_mount,
};

use crate::failure::{Failure, Step};
use crate::plan::RootPlan;

const STORE_HINT: &str =
    "keep the store on ext4, xfs, btrfs or tmpfs with Linux 5.19 or newer; not in a container's overlay";

/// Where init builds the job's root before it moves there: any directory that every host has. Only this process sees
/// what is mounted there.
pub(super) const STAGE: &str = "/tmp";

/// Makes the staging area and an empty layer in it that takes the mount points a layered root lacks.
pub(super) fn stage() -> Result<OwnedFd, Failure> {
    let stage = tmpfs("16m", 65_536, MountAttrFlags::MOUNT_ATTR_NOSUID)?;
    attach(&stage, CWD, STAGE)?;
    for name in ["root", "points", "l"] {
        mkdir(Path::new(STAGE).join(name), Mode::from_raw_mode(0o755)).step("make the staging area")?;
    }
    Ok(stage)
}

/// Mounts the root at its place in the staging area.
/// With `volatile`, nothing is synced when the job ends: what a crash leaves half written is discarded by its owner.
pub(super) fn mount(root: RootPlan<OwnedFd>, volatile: bool) -> Result<(), Failure> {
    let target = format!("{STAGE}/root");
    match root {
        RootPlan::Directory(tree) => attach(&tree, CWD, &target),
        RootPlan::ReadOnly { lowers } => {
            let layers = Layers { below: Some(format!("{STAGE}/points")), lowers, upper: None, volatile };
            attach(&layers.mount("r")?, CWD, &target)
        }
        RootPlan::Overlay { lowers, parent, upper, work } => {
            attach_at_new(&parent, "upper")?;
            let parent = format!("{STAGE}/l/upper");
            let path = |name: std::ffi::OsString| format!("{parent}/{}", name.to_string_lossy());
            let upper = Some((path(upper), fresh_work(&path(work))?));
            let layers = Layers { below: Some(format!("{STAGE}/points")), lowers, upper, volatile };
            attach(&layers.mount("r")?, CWD, &target)
        }
    }
}

/// Trees as one read-only file system, not attached yet.
pub(super) fn union(lowers: Vec<OwnedFd>, name: &str) -> Result<OwnedFd, Failure> {
    match <[OwnedFd; 1]>::try_from(lowers) {
        Ok([only]) => Ok(only),
        Err(lowers) => Layers { below: None, lowers, upper: None, volatile: false }.mount(name),
    }
}

/// An overlay mount to be.
struct Layers {
    below: Option<String>,
    /// Lowest first.
    lowers: Vec<OwnedFd>,
    upper: Option<(String, String)>,
    volatile: bool,
}

impl Layers {
    fn mount(self, name: &str) -> Result<OwnedFd, Failure> {
        let mut paths = Vec::from_iter(self.below.clone());
        for (index, lower) in self.lowers.iter().enumerate() {
            let layer = format!("{name}-{index}");
            attach_at_new(lower, &layer)?;
            paths.push(format!("{STAGE}/l/{layer}"));
        }
        let overlay = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).step("open overlayfs")?;
        let set = |key: &str, value: &str| {
            fsconfig_set_string(overlay.as_fd(), key, value).step_with(|| format!("set overlayfs `{key}`"))
        };
        // overlayfs wants the highest first.
        paths.reverse();
        if paths.iter().any(|path| set("lowerdir+", path).is_err()) {
            // Before Linux 6.8 all in one, of at most 256 bytes.
            set("lowerdir", &paths.join(":"))?;
        }
        if self.below.is_some() {
            // The scratch layer is on another file system than the trees; a file still has its directory's device.
            set("xino", "on")?;
        }
        if let Some((upper, work)) = &self.upper {
            set("upperdir", upper)?;
            set("workdir", work)?;
            if self.volatile {
                fsconfig_set_flag(overlay.as_fd(), "volatile").step("set overlayfs `volatile`")?;
            }
        }
        fsconfig_set_flag(overlay.as_fd(), "userxattr").step("set overlayfs `userxattr`")?;
        fsconfig_create(overlay.as_fd())
            .step("mount the layers as one file system")
            .map_err(|failure| failure.with_hint(STORE_HINT))?;
        let mut attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
        if self.upper.is_none() {
            attributes |= MountAttrFlags::MOUNT_ATTR_RDONLY;
        }
        fsmount(overlay.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
            .step("mount the layers as one file system")
    }
}

/// A scratch directory that no earlier mount has marked as its own.
fn fresh_work(work: &str) -> Result<String, Failure> {
    for attempt in 0.. {
        let path = format!("{work}/{attempt}");
        match mkdir(&path, Mode::from_raw_mode(0o700)) {
            Err(Errno::EXIST) => {}
            made => return made.step("make a scratch directory for overlayfs").map(|()| path),
        }
    }
    unreachable!("the numbers end after the disk does")
}

fn attach_at_new(mount: &OwnedFd, name: &str) -> Result<(), Failure> {
    let path = format!("{STAGE}/l/{name}");
    mkdir(&path, Mode::from_raw_mode(0o755)).step("make the place of a layer")?;
    attach(mount, CWD, &path)
}

/// Attaches a detached mount.
pub(super) fn attach(mount: &OwnedFd, directory: BorrowedFd<'_>, path: &str) -> Result<(), Failure> {
    let mut flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    if path.is_empty() {
        flags |= MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    }
    move_mount(mount.as_fd(), "", directory, path, flags).step_with(|| format!("attach a mount at `{path}`"))
}

/// An empty memory file system, not attached yet.
pub(super) fn tmpfs(size: &str, inodes: u64, attributes: MountAttrFlags) -> Result<OwnedFd, Failure> {
    filesystem("tmpfs", &[("size", size), ("nr_inodes", &inodes.to_string()), ("mode", "0755")], attributes)
}

/// A new file system of the kernel, not attached yet.
pub(super) fn filesystem(
    kind: &str,
    options: &[(&str, &str)],
    attributes: MountAttrFlags,
) -> Result<OwnedFd, Failure> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC).step_with(|| format!("open `{kind}`"))?;
    for (key, value) in options {
        fsconfig_set_string(context.as_fd(), *key, *value)
            .step_with(|| format!("set `{key}` of `{kind}`"))?;
    }
    fsconfig_create(context.as_fd()).step_with(|| format!("create `{kind}`"))?;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
        .step_with(|| format!("mount `{kind}`"))
}
