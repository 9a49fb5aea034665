//! The system calls that a job may not make, as a BPF program.
//!
//! A deny-list for the world of package scripts, generated from numeric tables, because no library on a stable
//! distribution knows the newest calls. What came after the newest call known here does not exist for a job.

use rustix::io::Errno;
use seccompiler::{BpfProgram, sock_filter};

use super::syscalls::{AUDIT_ARCH, DENIED, DENIED_LEGACY, NEWEST, SYNCING, number};

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const JUMP_ABOVE: u16 = 0x25; // BPF_JMP | BPF_JGT | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

const ALLOW: u32 = 0x7fff_0000;
const KILL_PROCESS: u32 = 0x8000_0000;
const ERRNO: u32 = 0x0005_0000;

/// Offsets in `struct seccomp_data`; of an argument, the low half on a little-endian machine.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const fn argument(index: u32) -> u32 {
    16 + 8 * index
}

/// Numbers from here on are the x32 ABI on `x86_64`, and do not exist elsewhere.
const X32: u32 = 0x4000_0000;

/// Every `CLONE_NEW*` flag that `clone` takes.
const CLONE_NEW: u32 = 0x7e02_0000;

/// The filter of every job. With `suppress_sync`, syncing succeeds without effect.
pub(crate) fn program(suppress_sync: bool) -> BpfProgram {
    let mut filter = Assembler::default();
    filter.load(ARCHITECTURE);
    filter.unless_equal(AUDIT_ARCH, KILL_PROCESS);
    filter.load(NUMBER);
    filter.when(JUMP_AT_LEAST, X32, KILL_PROCESS);
    filter.when(JUMP_ABOVE, number(NEWEST), errno(Errno::NOSYS));
    // A filter cannot see the flags of clone3, which are behind a pointer; C libraries fall back to clone.
    filter.when(JUMP_EQUAL, number(libc::SYS_clone3), errno(Errno::NOSYS));
    for &denied in DENIED.iter().chain(DENIED_LEGACY) {
        filter.when(JUMP_EQUAL, number(denied), errno(Errno::PERM));
    }
    let syncing = if suppress_sync { SYNCING } else { &[] };
    for &call in syncing {
        filter.when(JUMP_EQUAL, number(call), ERRNO);
    }
    filter.group(libc::SYS_clone, &clone_rules());
    filter.group(libc::SYS_ioctl, &ioctl_rules());
    filter.group(libc::SYS_personality, &personality_rules());
    filter.group(libc::SYS_socket, &socket_rules());
    filter.group(libc::SYS_socketpair, &socketpair_rules());
    filter.give(ALLOW);
    filter.0
}

/// No new namespaces.
fn clone_rules() -> Assembler {
    let mut rules = Assembler::default();
    rules.load(argument(0));
    rules.push(AND, 0, 0, CLONE_NEW);
    rules.when(JUMP_EQUAL, 0, ALLOW);
    rules.give(errno(Errno::PERM));
    rules
}

/// No typing into the terminal of the caller.
fn ioctl_rules() -> Assembler {
    const TIOCSTI: u32 = 0x5412;
    const TIOCLINUX: u32 = 0x541c;
    let mut rules = Assembler::default();
    rules.load(argument(1));
    rules.when(JUMP_EQUAL, TIOCSTI, errno(Errno::PERM));
    rules.when(JUMP_EQUAL, TIOCLINUX, errno(Errno::PERM));
    rules.give(ALLOW);
    rules
}

/// Only what `uname -m` of a 32-bit system needs, and asking.
fn personality_rules() -> Assembler {
    const PER_LINUX32: u32 = 8;
    let mut rules = Assembler::default();
    rules.load(argument(0));
    for allowed in [0, PER_LINUX32, u32::MAX] {
        rules.when(JUMP_EQUAL, allowed, ALLOW);
    }
    rules.give(errno(Errno::PERM));
    rules
}

/// Only local, internet (of an empty network namespace) and two kinds of netlink sockets. `AF_VSOCK` reaches a
/// hypervisor from any network namespace; the others have a history of kernel bugs.
fn socket_rules() -> Assembler {
    const ROUTE: u32 = 0;
    const AUDIT: u32 = 9;
    let mut rules = Assembler::default();
    rules.load(argument(0));
    for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6] {
        rules.when(JUMP_EQUAL, family.cast_unsigned(), ALLOW);
    }
    rules.unless_equal(libc::AF_NETLINK.cast_unsigned(), errno(Errno::AFNOSUPPORT));
    rules.load(argument(2));
    rules.when(JUMP_EQUAL, ROUTE, ALLOW);
    rules.when(JUMP_EQUAL, AUDIT, ALLOW);
    rules.give(errno(Errno::AFNOSUPPORT));
    rules
}

fn socketpair_rules() -> Assembler {
    let mut rules = Assembler::default();
    rules.load(argument(0));
    rules.when(JUMP_EQUAL, libc::AF_UNIX.cast_unsigned(), ALLOW);
    rules.give(errno(Errno::AFNOSUPPORT));
    rules
}

fn errno(errno: Errno) -> u32 {
    ERRNO | errno.raw_os_error().cast_unsigned()
}

/// A program under construction.
#[derive(Default)]
struct Assembler(BpfProgram);

impl Assembler {
    fn push(&mut self, code: u16, jt: u8, jf: u8, k: u32) {
        self.0.push(sock_filter { code, jt, jf, k });
    }

    fn load(&mut self, offset: u32) {
        self.push(LOAD, 0, 0, offset);
    }

    fn give(&mut self, verdict: u32) {
        self.push(RETURN, 0, 0, verdict);
    }

    fn when(&mut self, condition: u16, value: u32, verdict: u32) {
        self.push(condition, 0, 1, value);
        self.give(verdict);
    }

    fn unless_equal(&mut self, value: u32, verdict: u32) {
        self.push(JUMP_EQUAL, 1, 0, value);
        self.give(verdict);
    }

    /// Rules for the arguments of one call; they end with a verdict.
    fn group(&mut self, call: i64, rules: &Self) {
        let length = u8::try_from(rules.0.len()).expect("a group is a few instructions long");
        self.push(JUMP_EQUAL, 0, length, number(call));
        self.0.extend_from_slice(&rules.0);
    }
}
