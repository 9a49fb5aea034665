//! The system calls that no crate wraps: the only `unsafe` code of the project.
#![deny(unsafe_op_in_unsafe_fn)]
#![expect(unsafe_code, reason = "clone3, fork, mount_setattr, close_range and dup3 have no safe wrapper")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::process::Pid;

/// Which of the two processes this is, after [`clone_process`] or [`fork`].
#[derive(Debug)]
pub(crate) enum Side<T> {
    Child,
    Parent(T),
}

/// A child by [`clone_process`].
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) pid: Pid,
    pub(crate) pidfd: OwnedFd,
}

/// `CLONE_INTO_CGROUP`, which `libc` cuts to 32 bits.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Copies this process into new namespaces (`CLONE_NEW*` flags) and, when given, into a version 2 control group.
/// Only for a process that has one thread: in another the child could find a lock held by nobody.
pub(crate) fn clone_process(namespaces: i32, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Side<Child>> {
    debug_assert_eq!(threads(), 1, "a process with threads must not be copied");
    let mut pidfd: RawFd = -1;
    let into = if cgroup.is_some() { CLONE_INTO_CGROUP } else { 0 };
    // SAFETY: `clone_args` is plain integers, for which zero is a valid value.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = u64::from((namespaces | libc::CLONE_PIDFD).cast_unsigned()) | into;
    args.pidfd = std::ptr::from_mut(&mut pidfd) as u64;
    args.exit_signal = libc::SIGCHLD as u64;
    args.cgroup = cgroup.map_or(0, |fd| u64::from(fd.as_raw_fd().cast_unsigned()));
    // SAFETY: without CLONE_VM the child gets a copy of the address space, as with fork; the caller has one thread, so
    // no lock of another thread is copied. `args` and `pidfd` live across the call and have the layout of the kernel.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, size_of::<libc::clone_args>()) };
    match i32::try_from(pid).ok().filter(|&pid| pid >= 0) {
        None => Err(io::Error::last_os_error()),
        Some(pid) => match Pid::from_raw(pid) {
            None => Ok(Side::Child),
            // SAFETY: on success the kernel stored a new descriptor there that nobody else owns.
            Some(pid) => Ok(Side::Parent(Child { pid, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } })),
        },
    }
}

/// Copies this process. Only for a process that has one thread.
pub(crate) fn fork() -> io::Result<Side<Pid>> {
    // SAFETY: the callers are the supervisor and init, which never start a thread, so no lock of another thread is
    // copied.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid).map_or(Side::Child, Side::Parent)),
    }
}

/// How many threads this process has.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

/// Ends the process at once, without running what the copied address space has registered to run at exit.
pub(crate) fn exit_now(status: i32) -> ! {
    // SAFETY: `_exit` has no precondition.
    unsafe { libc::_exit(status) }
}

/// Closes the descriptors `first..=last`.
pub(crate) fn close_range(first: RawFd, last: RawFd) -> io::Result<()> {
    // SAFETY: the callers close descriptors that they did not open or whose owners never run again in this process
    // (it ends by `exit_now` or `execve`), so that no owned descriptor is closed twice.
    check(unsafe { libc::syscall(libc::SYS_close_range, first.cast_unsigned(), last.cast_unsigned(), 0_u32) })
}

/// Makes `target` another name of `fd`, kept across `execve`.
pub(crate) fn duplicate_to(fd: RawFd, target: RawFd) -> io::Result<()> {
    // SAFETY: whoever owned `target` never uses it again: the process is about to run its task.
    check(unsafe { libc::dup2(fd, target) }.into())
}

/// Moves this process into new namespaces.
pub(crate) fn unshare(namespaces: i32) -> io::Result<()> {
    // SAFETY: none of the flags in use (CLONE_NEWCGROUP) changes what descriptors or memory mean.
    check(unsafe { libc::unshare(namespaces) }.into())
}

/// Changes the attributes of the mount behind `mount`; with `idmap`, maps the ids of its files by that user namespace.
pub(crate) fn set_mount_attributes(
    mount: BorrowedFd<'_>,
    set: u64,
    clear: u64,
    idmap: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: set | if idmap.is_some() { libc::MOUNT_ATTR_IDMAP } else { 0 },
        attr_clr: clear,
        propagation: 0,
        userns_fd: idmap.map_or(0, |fd| u64::from(fd.as_raw_fd().cast_unsigned())),
    };
    // SAFETY: the empty path is a C string and `attributes` has the layout and the size that are passed.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    })
}

/// `IFF_UP | IFF_RUNNING`, in the type of the field.
const IFF_UP_RUNNING: libc::c_short = 0x41;

/// Brings the loopback interface of this network namespace up.
pub(crate) fn loopback_up(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: `ifreq` is plain data, for which zero is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l'.cast_signed();
    request.ifr_name[1] = b'o'.cast_signed();
    request.ifr_ifru.ifru_flags = IFF_UP_RUNNING;
    // SAFETY: SIOCSIFFLAGS reads an `ifreq`, which lives across the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw mut request) }.into())
}

/// Processor time of the children that were collected, and the memory in bytes of the largest of them.
pub(crate) fn children_usage() -> (Duration, u64) {
    // SAFETY: `rusage` is plain data, for which zero is a valid value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the call fills a `rusage`, which lives across it.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    let time = |value: libc::timeval| {
        Duration::new(value.tv_sec.cast_unsigned(), 0) + Duration::from_micros(value.tv_usec.cast_unsigned())
    };
    (time(usage.ru_utime) + time(usage.ru_stime), usage.ru_maxrss.cast_unsigned() * 1024)
}

/// The kernel's landlock interface; 0 when it has none.
pub(crate) fn landlock_interface() -> i32 {
    const CREATE_RULESET_VERSION: u32 = 1;
    let nothing = std::ptr::null::<libc::c_void>();
    // SAFETY: with this flag the call takes no attributes and only tells its version.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0_usize, CREATE_RULESET_VERSION) };
    i32::try_from(version).unwrap_or(0).max(0)
}

fn check(result: i64) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
