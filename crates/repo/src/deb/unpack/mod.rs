//! Unpacks packages into a tree as `dpkg --unpack` would, in parallel, and writes dpkg's database.
//!
//! The code runs inside the sandbox, as uid 0 of a user namespace, on a descriptor of the root directory. Afterwards
//! every package is in state `install ok unpacked` and `dpkg --configure -a` finishes the job. What differs from dpkg:
//! conffiles of a package that is new to the tree are put in place at once, with their digest in `status`, because
//! `dpkg --configure` accepts that and is spared a rename and two digests for each.

//!
//! A package with a preinst is handled in two steps when the caller can run scripts: a worker stages its files beside the
//! database, in parallel with everything else; when all other packages are in place its preinst runs, and then the staged
//! files are renamed to where they belong. In a fresh tree the Essential packages and what they depend on come first and
//! their preinst runs after, since no script can run without them.

mod base;
mod claims;
mod conffiles;
mod control;
mod database;
mod diversions;
mod driver;
mod package;
mod place;
mod preinst;
mod shared;
mod status;
mod tree;
mod triggers;
mod types;

pub use types::{
    Options, Package, Placeholder, PlaceholderKind, Preinst, Progress, RunPreinst, UnpackError, Unpacked,
};

use std::os::fd::BorrowedFd;

/// Unpacks `packages` below the directory `root` and records them in its dpkg database.
///
/// Packages may arrive over time: `packages` is pulled from the calling thread while [`Options::threads`] workers unpack
/// what has arrived. The result does not depend on the order of arrival, only on [`Package::order`].
///
/// With `preinst` scripts run as dpkg would run them; without, packages are only put in place.
///
/// # Errors
/// The first failure stops all workers. The tree is then incomplete and has to be thrown away.
pub fn unpack(
    root: BorrowedFd<'_>,
    packages: impl Iterator<Item = Package>,
    options: &Options,
    preinst: Option<&mut RunPreinst<'_>>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Unpacked, UnpackError> {
    driver::run(root, packages, options, preinst, progress)
}
