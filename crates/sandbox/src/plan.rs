//! A job as init will mount it: every path of the host replaced by a mount that is ready, or that init makes itself.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{OpenTreeFlags, open_tree};

use crate::failure::{Failure, Step};
use crate::spec::{Mount, Owner, Root};
use crate::sys;

/// A file or directory of the host.
#[derive(Debug)]
pub(crate) enum Source {
    /// A detached mount of it, with its final attributes.
    Ready(OwnedFd),
    /// For init to mount, while it still has the caller's ids.
    Path { path: PathBuf, writable: bool },
}

impl Source {
    /// Makes a detached mount of `path`: read-only unless `writable`, with ids mapped by `idmap`.
    pub(crate) fn mount(
        path: &Path,
        writable: bool,
        idmap: Option<BorrowedFd<'_>>,
    ) -> Result<OwnedFd, Failure> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let mount = open_tree(CWD, path, flags).step_with(|| format!("open `{}`", path.display()))?;
        let mut attributes = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
        if !writable {
            attributes |= libc::MOUNT_ATTR_RDONLY;
        }
        sys::set_mount_attributes(mount.as_fd(), attributes, 0, idmap)
            .step_with(|| format!("set the mount attributes of `{}`", path.display()))?;
        Ok(mount)
    }

    /// The mount, made now if it was not ready.
    pub(crate) fn take(self) -> Result<OwnedFd, Failure> {
        match self {
            Self::Ready(mount) => Ok(mount),
            Self::Path { path, writable } => Self::mount(&path, writable, None),
        }
    }
}

/// [`Root`] with its sources.
#[derive(Debug)]
pub(crate) enum RootPlan<S> {
    Directory(S),
    /// `parent` holds both the writable layer and overlayfs's scratch directory, which must be in one mount.
    Overlay {
        lowers: Vec<S>,
        parent: S,
        upper: OsString,
        work: OsString,
    },
    ReadOnly {
        lowers: Vec<S>,
    },
}

/// [`Mount`] with its sources.
#[derive(Debug)]
pub(crate) enum MountPlan<S> {
    Bind { source: S, target: PathBuf, file: bool, writable: bool },
    Tree { lowers: Vec<S>, target: PathBuf },
    Tmpfs { target: PathBuf, size: u64 },
}

/// Makes a [`Source`] of a path: `(path, writable, owner)`.
pub(crate) type MakeSource<'a> = &'a dyn Fn(&Path, bool, Owner) -> Result<Source, Failure>;

/// Replaces the paths of a root.
pub(crate) fn root(root: &Root, make: MakeSource<'_>) -> Result<RootPlan<Source>, Failure> {
    match root {
        Root::Directory { tree } => Ok(RootPlan::Directory(make(tree, true, Owner::Tree)?)),
        Root::ReadOnly { lowers } => Ok(RootPlan::ReadOnly { lowers: trees(lowers, make)? }),
        Root::Overlay { lowers, upper, work } => {
            let invalid =
                || Failure::new("check the request", "the upper and work directories must be siblings");
            let parent =
                upper.parent().filter(|&parent| work.parent() == Some(parent)).ok_or_else(invalid)?;
            Ok(RootPlan::Overlay {
                lowers: trees(lowers, make)?,
                parent: make(parent, true, Owner::Tree)?,
                upper: upper.file_name().ok_or_else(invalid)?.to_owned(),
                work: work.file_name().ok_or_else(invalid)?.to_owned(),
            })
        }
    }
}

/// Replaces the paths of the mounts over the root.
pub(crate) fn mounts(mounts: &[Mount], make: MakeSource<'_>) -> Result<Vec<MountPlan<Source>>, Failure> {
    let plan = |mount: &Mount| match mount {
        Mount::Bind { source, target, writable, owner } => {
            let found = source.metadata();
            let file = !found.step_with(|| format!("look at `{}`", source.display()))?.is_dir();
            let source = make(source, *writable, *owner)?;
            Ok(MountPlan::Bind { source, target: target.clone(), file, writable: *writable })
        }
        Mount::Tree { lowers, target } => {
            Ok(MountPlan::Tree { lowers: trees(lowers, make)?, target: target.clone() })
        }
        Mount::Tmpfs { target, size } => Ok(MountPlan::Tmpfs { target: target.clone(), size: *size }),
    };
    mounts.iter().map(plan).collect()
}

fn trees(paths: &[PathBuf], make: MakeSource<'_>) -> Result<Vec<Source>, Failure> {
    paths.iter().map(|path| make(path, false, Owner::Tree)).collect()
}

/// Every source replaced by the mount it stands for.
pub(crate) fn taken(
    root: RootPlan<Source>,
    mounts: Vec<MountPlan<Source>>,
) -> Result<(RootPlan<OwnedFd>, Vec<MountPlan<OwnedFd>>), Failure> {
    let all = |sources: Vec<Source>| sources.into_iter().map(Source::take).collect::<Result<Vec<_>, _>>();
    let root = match root {
        RootPlan::Directory(tree) => RootPlan::Directory(tree.take()?),
        RootPlan::ReadOnly { lowers } => RootPlan::ReadOnly { lowers: all(lowers)? },
        RootPlan::Overlay { lowers, parent, upper, work } => {
            RootPlan::Overlay { lowers: all(lowers)?, parent: parent.take()?, upper, work }
        }
    };
    let take = |mount: MountPlan<Source>| match mount {
        MountPlan::Bind { source, target, file, writable } => {
            Ok(MountPlan::Bind { source: source.take()?, target, file, writable })
        }
        MountPlan::Tree { lowers, target } => Ok(MountPlan::Tree { lowers: all(lowers)?, target }),
        MountPlan::Tmpfs { target, size } => Ok(MountPlan::Tmpfs { target, size }),
    };
    Ok((root, mounts.into_iter().map(take).collect::<Result<_, _>>()?))
}
