//! What a job inherits as a process: host name, network, resource limits.

use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
use rustix::system::sethostname;

use crate::failure::{Failure, Step};
use crate::sys;
use crate::wire::Job;

/// Stack of a process in bytes.
const STACK: u64 = 64 << 20;

/// Sets what init and the task after it have in common.
///
/// Without a control group that counts processes, `count_processes` has the kernel count those of each id.
pub(super) fn configure(job: &Job, count_processes: bool) -> Result<(), Failure> {
    sethostname(job.hostname.as_bytes()).step("set the host name")?;
    loopback()?;
    limit(Resource::Core, 0)?;
    limit(Resource::Stack, STACK)?;
    limit(Resource::Nofile, job.limits.open_files)?;
    limit(Resource::Fsize, job.limits.file_size)?;
    limit(Resource::Memlock, 8 << 20)?;
    if count_processes {
        limit(Resource::Nproc, job.limits.pids.into())?;
    }
    // Nobody inside can open this program through `/proc`, trace it or read its memory.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).step("hide init")
}

fn loopback() -> Result<(), Failure> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None);
    match socket {
        // A kernel without internet protocols has no loopback that a job could miss.
        Err(Errno::AFNOSUPPORT) => Ok(()),
        socket => {
            sys::loopback_up(socket.step("bring up the loopback")?.as_fd()).step("bring up the loopback")
        }
    }
}

/// Lowers a limit; a lower one that is already there stays, because raising needs a privilege.
fn limit(resource: Resource, value: u64) -> Result<(), Failure> {
    let now = getrlimit(resource);
    let value = now.maximum.map_or(value, |maximum| maximum.min(value));
    setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) }).step("set a resource limit")
}
