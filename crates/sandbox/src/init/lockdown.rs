//! Giving up everything that building the job's view needed.

use std::os::fd::RawFd;

use rustix::process::{Gid, Uid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::mounts::Entered;
use super::{landlock, seccomp};
use crate::failure::{Failure, Step};
use crate::sys;
use crate::wire::Job;

/// The capabilities that installing packages needs, as measured; they count inside the job's user namespace only.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::SETFCAP);

/// Becomes root of the user namespace.
pub(crate) fn become_root() -> Result<(), Failure> {
    set_thread_groups(&[]).step("drop the groups")?;
    set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT).step("become root inside")?;
    set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).step("become root inside")
}

/// Closes the sandbox, in the order in which each step still allows the next; returns the interface of landlock that
/// is enforced.
pub(super) fn close(job: &Job, entered: &Entered) -> Result<i32, Failure> {
    drop_capabilities()?;
    set_no_new_privs(true).step("forbid new privileges")?;
    let landlock = landlock::restrict(entered)?;
    seccompiler::apply_filter_all_threads(&seccomp::program(job.suppress_sync))
        .map_err(std::io::Error::other)
        .step("install the filter of system calls")?;
    Ok(landlock)
}

fn drop_capabilities() -> Result<(), Failure> {
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if KEPT.contains(capability) {
            continue;
        }
        match remove_capability_from_bounding_set(capability) {
            // The kernel knows no more capabilities than the last one.
            Err(rustix::io::Errno::INVAL) if number > 40 => break,
            removed => removed.step("drop a capability")?,
        }
    }
    let sets = CapabilitySets { effective: KEPT, permitted: KEPT, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).step("drop the capabilities")?;
    clear_ambient_capability_set().step("clear the ambient capabilities")
}

/// Closes every descriptor that is not in `keep`.
pub(super) fn close_descriptors(keep: &[RawFd]) -> Result<(), Failure> {
    let mut keep = keep.to_vec();
    keep.sort_unstable();
    let mut next = 3;
    for fd in keep {
        if fd > next {
            sys::close_range(next, fd - 1).step("close descriptors")?;
        }
        next = next.max(fd + 1);
    }
    sys::close_range(next, RawFd::MAX).step("close descriptors")
}
