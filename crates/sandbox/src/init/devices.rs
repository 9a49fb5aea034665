//! The device files of the host that a job may use.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, FileType, StatxFlags, statx};
use rustix::mount::{OpenTreeFlags, open_tree};

use crate::failure::{Failure, Step};

/// A device file of the host as a detached mount.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) name: &'static str,
    pub(super) mount: OwnedFd,
}

/// Name, major and minor number.
const DEVICES: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

/// Opens the devices and checks that they are what their names say.
pub(super) fn open() -> Result<Vec<Device>, Failure> {
    DEVICES
        .iter()
        .map(|&(name, wanted_major, wanted_minor)| {
            let path = format!("/dev/{name}");
            let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
            let mount = open_tree(CWD, &path, flags).step_with(|| format!("open `{path}`"))?;
            let found = statx(mount.as_fd(), "", AtFlags::EMPTY_PATH, StatxFlags::TYPE)
                .step_with(|| format!("look at `{path}`"))?;
            let device = FileType::from_raw_mode(found.stx_mode.into()) == FileType::CharacterDevice
                && (found.stx_rdev_major, found.stx_rdev_minor) == (wanted_major, wanted_minor);
            if !device {
                return Err(Failure::new(format!("check `{path}`"), "it is not the device of that name"));
            }
            Ok(Device { name, mount })
        })
        .collect()
}
