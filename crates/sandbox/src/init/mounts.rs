//! Everything mounted over the root, and the move into it. Targets lie in a tree that may be hostile: they are opened
//! below the root without following any link, and mounts go onto the opened directory.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, ResolveFlags, Timespec, Timestamps, mkdirat, openat, openat2, symlinkat,
    utimensat,
};
use rustix::io::Errno;
use rustix::mount::{
    MountAttrFlags, MountPropagationFlags, OpenTreeFlags, UnmountFlags, mount_change, open_tree, unmount,
};
use rustix::process::{chdir, fchdir, pivot_root};

use super::devices::Device;
use super::root::{self, STAGE, attach, filesystem, tmpfs, union};
use crate::failure::{Failure, Step};
use crate::plan::{MountPlan, RootPlan};
use crate::sys;

/// What [`enter`] leaves for later steps.
pub(super) struct Entered {
    /// Whether the root itself can be written to.
    pub(super) writable_root: bool,
    /// Targets below a read-only root that can be written to.
    pub(super) writable: Vec<String>,
    /// The memory file systems of fixed size, to watch.
    pub(super) tmpfs: Vec<OwnedFd>,
}

const PLAIN: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NOSUID.union(MountAttrFlags::MOUNT_ATTR_NODEV);

/// Files and directories of `/proc` that say too much about the host.
const MASKED: [&str; 13] = [
    "acpi",
    "asound",
    "interrupts",
    "kcore",
    "keys",
    "key-users",
    "kmsg",
    "latency_stats",
    "sched_debug",
    "scsi",
    "timer_list",
    "timer_stats",
    "config.gz",
];

/// Directories and files of `/proc` that configure the kernel.
const READ_ONLY: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];

/// Mounts everything and makes the job's root this process's root. Nothing of the host's file systems is left.
pub(super) fn enter(
    root: RootPlan<OwnedFd>,
    mounts: Vec<MountPlan<OwnedFd>>,
    devices: &[Device],
    volatile: bool,
) -> Result<Entered, Failure> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).step("make all mounts private")?;
    let mut entered = Entered {
        writable_root: !matches!(root, RootPlan::ReadOnly { .. }),
        writable: Vec::new(),
        tmpfs: Vec::new(),
    };
    let layered = !matches!(root, RootPlan::Directory(_));
    let _stage = root::stage()?;
    if layered {
        make_points(&mounts, entered.writable_root)?;
    }
    root::mount(root, volatile)?;
    let top = openat(
        CWD,
        format!("{STAGE}/root"),
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .step("open the root")?;
    let place = Places { top: top.as_fd() };
    entered.tmpfs.extend(mount_dev(&place, devices)?);
    mount_proc(&place, devices)?;
    for (index, mount) in mounts.into_iter().enumerate() {
        mount_one(&place, mount, index, &mut entered)?;
    }
    fchdir(&top).step("enter the root")?;
    pivot_root(".", ".").step("pivot into the root")?;
    unmount(".", UnmountFlags::DETACH).step("detach the old root")?;
    chdir("/").step("enter the root")?;
    Ok(entered)
}

/// Makes the mount points of a layered root in the layer below all others, where they never become part of a tree.
/// Directories of every system go into the tree itself if it can be written to, since they belong to it.
fn make_points(mounts: &[MountPlan<OwnedFd>], writable: bool) -> Result<(), Failure> {
    let points = openat(
        CWD,
        format!("{STAGE}/points"),
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .step("open the layer of mount points")?;
    let place = Places { top: points.as_fd() };
    if !writable {
        for name in ["proc", "dev"] {
            place.directory(Path::new(name))?;
        }
    }
    for mount in mounts {
        match mount {
            MountPlan::Bind { target, file: true, .. } => drop(place.file(target)?),
            MountPlan::Bind { target, .. }
            | MountPlan::Tree { target, .. }
            | MountPlan::Tmpfs { target, .. } => {
                drop(place.directory(target)?);
            }
        }
    }
    Ok(())
}

fn mount_one(
    place: &Places<'_>,
    mount: MountPlan<OwnedFd>,
    index: usize,
    entered: &mut Entered,
) -> Result<(), Failure> {
    let (mount, target, file) = match mount {
        MountPlan::Bind { source, target, file, writable } => {
            if writable {
                entered.writable.push(target.to_string_lossy().into_owned());
            }
            (source, target, file)
        }
        MountPlan::Tree { lowers, target } => (union(lowers, &format!("t{index}"))?, target, false),
        MountPlan::Tmpfs { target, size } => {
            let options = [("size", size.to_string()), ("nr_inodes", (size / 4096).max(1024).to_string())];
            let [size, inodes] = &options;
            let options = [(size.0, size.1.as_str()), (inodes.0, inodes.1.as_str()), ("mode", "1777")];
            let mount = filesystem("tmpfs", &options, PLAIN)?;
            entered.tmpfs.push(mount.try_clone().step("copy a descriptor")?);
            entered.writable.push(target.to_string_lossy().into_owned());
            (mount, target, false)
        }
    };
    let point = if file { place.file(&target)? } else { place.directory(&target)? };
    attach(&mount, point.as_fd(), "").map_err(|failure| at(failure, &target))
}

fn at(mut failure: Failure, target: &Path) -> Failure {
    failure.step = format!("mount at `{}`", target.display());
    failure
}

fn mount_proc(place: &Places<'_>, devices: &[Device]) -> Result<(), Failure> {
    let options = [("hidepid", "2")];
    let proc =
        filesystem("proc", &options, PLAIN | MountAttrFlags::MOUNT_ATTR_NOEXEC).map_err(|failure| {
            failure.with_hint(
                "in a container whose /proc is masked, a new one cannot be mounted: run on the host",
            )
        })?;
    attach(&proc, place.directory(Path::new("proc"))?.as_fd(), "")?;
    let place = Places { top: proc.as_fd() };
    forbid_user_namespaces(&place)?;
    let null = devices.iter().find(|device| device.name == "null").map(|device| &device.mount);
    for name in MASKED {
        let Some(found) = place.existing(name)? else { continue };
        let mask = match null {
            Some(null) if !found.directory => copy(null.as_fd())?,
            _ => {
                tmpfs("4k", 2, PLAIN | MountAttrFlags::MOUNT_ATTR_RDONLY | MountAttrFlags::MOUNT_ATTR_NOEXEC)?
            }
        };
        attach(&mask, found.fd.as_fd(), "")?;
    }
    for name in READ_ONLY {
        let Some(found) = place.existing(name)? else { continue };
        let cover = copy(found.fd.as_fd())?;
        sys::set_mount_attributes(cover.as_fd(), libc::MOUNT_ATTR_RDONLY, 0, None)
            .step_with(|| format!("make `/proc/{name}` read-only"))?;
        attach(&cover, found.fd.as_fd(), "")?;
    }
    Ok(())
}

/// The kernel's own switch, beside the filter of system calls.
fn forbid_user_namespaces(proc: &Places<'_>) -> Result<(), Failure> {
    let path = "sys/user/max_user_namespaces";
    let file = openat(proc.top, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
        .step("forbid user namespaces")?;
    rustix::io::write(file, b"0").step("forbid user namespaces")?;
    Ok(())
}

/// `/dev` with a few devices, terminals of its own and shared memory; the memory file systems to watch.
fn mount_dev(place: &Places<'_>, devices: &[Device]) -> Result<Vec<OwnedFd>, Failure> {
    let quiet = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let dev = tmpfs("64k", 256, quiet)?;
    attach(&dev, place.directory(Path::new("dev"))?.as_fd(), "")?;
    let place = Places { top: dev.as_fd() };
    for device in devices {
        attach(&device.mount, place.file(Path::new(device.name))?.as_fd(), "")?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        symlinkat(target, dev.as_fd(), name).step("link a device")?;
    }
    let options = [("ptmxmode", "0666"), ("mode", "0620"), ("gid", "5")];
    let terminals = filesystem("devpts", &options, quiet)?;
    attach(&terminals, place.directory(Path::new("pts"))?.as_fd(), "")?;
    let shared = filesystem("tmpfs", &[("size", "64m"), ("nr_inodes", "16384"), ("mode", "1777")], PLAIN)?;
    attach(&shared, place.directory(Path::new("shm"))?.as_fd(), "")?;
    Ok(vec![dev, shared])
}

/// A detached copy of a mount.
fn copy(mount: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    open_tree(mount, "", flags).step("copy a mount")
}

/// Opens and makes mount points below a directory, never leaving it and never following a link.
struct Places<'a> {
    top: BorrowedFd<'a>,
}

struct Found {
    fd: OwnedFd,
    directory: bool,
}

const RESOLVE: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

impl Places<'_> {
    fn existing(&self, name: &str) -> Result<Option<Found>, Failure> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        match openat2(self.top, name, flags, Mode::empty(), RESOLVE) {
            Err(Errno::NOENT) => Ok(None),
            found => {
                let fd = found.step_with(|| format!("open `{name}`"))?;
                let directory = rustix::fs::fstat(&fd).step("look at a mount point")?.st_mode & libc::S_IFMT
                    == libc::S_IFDIR;
                Ok(Some(Found { fd, directory }))
            }
        }
    }

    /// The directory `path`, made when missing, with its parents.
    fn directory(&self, path: &Path) -> Result<OwnedFd, Failure> {
        let mut at = open_directory(self.top, OsStr::new(".")).step("open a mount point")?;
        for name in names(path)? {
            at = match open_directory(at.as_fd(), name) {
                Err(Errno::NOENT) => {
                    make_directory(at.as_fd(), name).and_then(|()| open_directory(at.as_fd(), name))
                }
                opened => opened,
            }
            .step_with(|| format!("open the mount point `{}`", path.display()))?;
        }
        Ok(at)
    }

    /// The file `path`, made empty when missing, with its parents.
    fn file(&self, path: &Path) -> Result<OwnedFd, Failure> {
        let step = || format!("open the mount point `{}`", path.display());
        let name = path.file_name().ok_or_else(|| Failure::new(step(), "it has no name"))?;
        let parent = self.directory(path.parent().unwrap_or(Path::new("")))?;
        let open = || openat2(&parent, name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), RESOLVE);
        let make = || {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
            openat(&parent, name, flags, Mode::from_raw_mode(0o644))
        };
        match open() {
            Err(Errno::NOENT) => make().and_then(|_| open()),
            opened => opened,
        }
        .step_with(step)
    }
}

/// Without the time of its making: it can become part of a tree, and nothing in a tree tells when it was made.
fn make_directory(at: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<()> {
    mkdirat(at, name, Mode::from_raw_mode(0o755))?;
    let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
    let times = Timestamps { last_access: zero, last_modification: zero };
    utimensat(at, name, &times, AtFlags::SYMLINK_NOFOLLOW)
}

fn open_directory(at: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    openat2(at, name, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty(), RESOLVE)
}

/// The names of a path inside the root.
fn names(path: &Path) -> Result<Vec<&OsStr>, Failure> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(Failure::new(
                    format!("open the mount point `{}`", path.display()),
                    "it contains `..`",
                ));
            }
        }
    }
    Ok(names)
}
