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

mod types;

pub use types::{
    Options, Package, Placeholder, PlaceholderKind, Preinst, Progress, RunPreinst, UnpackError, Unpacked,
};
