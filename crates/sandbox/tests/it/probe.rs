//! System calls as hostile code would make them, from an agent or from a program inside.
#![expect(unsafe_code, reason = "the calls have no safe wrapper, which is the point of refusing them")]

use std::fmt::Write as _;
use std::io;

use lbuild_sandbox::AgentIo;

/// Name, number and arguments of the calls that must be refused whatever their arguments are.
#[cfg(target_arch = "x86_64")]
const CALLS: &[(&str, i64, [u64; 5])] = &[
    ("mount", libc::SYS_mount, [0; 5]),
    ("umount2", libc::SYS_umount2, [0; 5]),
    ("pivot_root", libc::SYS_pivot_root, [0; 5]),
    ("unshare NEWUSER", libc::SYS_unshare, [0x1000_0000, 0, 0, 0, 0]),
    ("unshare nothing", libc::SYS_unshare, [0; 5]),
    ("setns", libc::SYS_setns, [0; 5]),
    ("open_tree", libc::SYS_open_tree, [0; 5]),
    ("move_mount", libc::SYS_move_mount, [0; 5]),
    ("fsopen", libc::SYS_fsopen, [0; 5]),
    ("fsconfig", libc::SYS_fsconfig, [0; 5]),
    ("fsmount", libc::SYS_fsmount, [0; 5]),
    ("fspick", libc::SYS_fspick, [0; 5]),
    ("mount_setattr", libc::SYS_mount_setattr, [0; 5]),
    ("open_tree_attr", 467, [0; 5]),
    ("listns", 470, [0; 5]),
    ("clone NEWUSER", libc::SYS_clone, [0x1000_0000, 0, 0, 0, 0]),
    ("clone NEWNS", libc::SYS_clone, [0x0002_0000, 0, 0, 0, 0]),
    ("clone3", libc::SYS_clone3, [0; 5]),
    ("keyctl", libc::SYS_keyctl, [0; 5]),
    ("add_key", libc::SYS_add_key, [0; 5]),
    ("request_key", libc::SYS_request_key, [0; 5]),
    ("bpf", libc::SYS_bpf, [0; 5]),
    ("perf_event_open", libc::SYS_perf_event_open, [0; 5]),
    ("userfaultfd", libc::SYS_userfaultfd, [1, 0, 0, 0, 0]),
    ("io_uring_setup", libc::SYS_io_uring_setup, [0; 5]),
    ("io_uring_enter", libc::SYS_io_uring_enter, [0; 5]),
    ("io_uring_register", libc::SYS_io_uring_register, [0; 5]),
    ("ptrace", libc::SYS_ptrace, [0; 5]),
    ("process_vm_readv", libc::SYS_process_vm_readv, [0; 5]),
    ("process_vm_writev", libc::SYS_process_vm_writev, [0; 5]),
    ("pidfd_getfd", libc::SYS_pidfd_getfd, [0; 5]),
    ("kcmp", libc::SYS_kcmp, [0; 5]),
    ("open_by_handle_at", libc::SYS_open_by_handle_at, [0; 5]),
    ("name_to_handle_at", libc::SYS_name_to_handle_at, [0; 5]),
    ("fanotify_init", libc::SYS_fanotify_init, [0; 5]),
    ("lookup_dcookie", libc::SYS_lookup_dcookie, [0; 5]),
    ("kexec_load", libc::SYS_kexec_load, [0; 5]),
    ("kexec_file_load", libc::SYS_kexec_file_load, [0; 5]),
    ("init_module", libc::SYS_init_module, [0; 5]),
    ("finit_module", libc::SYS_finit_module, [0; 5]),
    ("delete_module", libc::SYS_delete_module, [0; 5]),
    ("reboot", libc::SYS_reboot, [0; 5]),
    ("swapon", libc::SYS_swapon, [0; 5]),
    ("swapoff", libc::SYS_swapoff, [0; 5]),
    ("acct", libc::SYS_acct, [0; 5]),
    ("quotactl", libc::SYS_quotactl, [0; 5]),
    ("quotactl_fd", libc::SYS_quotactl_fd, [0; 5]),
    ("syslog", libc::SYS_syslog, [0; 5]),
    ("settimeofday", libc::SYS_settimeofday, [0; 5]),
    ("clock_settime", libc::SYS_clock_settime, [0; 5]),
    ("adjtimex", libc::SYS_adjtimex, [0; 5]),
    ("clock_adjtime", libc::SYS_clock_adjtime, [0; 5]),
    ("nfsservctl", libc::SYS_nfsservctl, [0; 5]),
    ("vhangup", libc::SYS_vhangup, [0; 5]),
    ("move_pages", libc::SYS_move_pages, [0; 5]),
    ("migrate_pages", libc::SYS_migrate_pages, [0; 5]),
    ("mbind", libc::SYS_mbind, [0; 5]),
    ("set_mempolicy", libc::SYS_set_mempolicy, [0; 5]),
    ("lsm_get_self_attr", 459, [0; 5]),
    ("lsm_set_self_attr", 460, [0; 5]),
    ("lsm_list_modules", 461, [0; 5]),
    ("ioperm", libc::SYS_ioperm, [0; 5]),
    ("iopl", libc::SYS_iopl, [0; 5]),
    ("modify_ldt", libc::SYS_modify_ldt, [0; 5]),
    ("uselib", libc::SYS_uselib, [0; 5]),
    ("personality UNAME26", libc::SYS_personality, [0x0002_0000, 0, 0, 0, 0]),
    ("personality ask", libc::SYS_personality, [0xffff_ffff, 0, 0, 0, 0]),
    ("ioctl TIOCSTI", libc::SYS_ioctl, [0, 0x5412, 0, 0, 0]),
    ("ioctl TIOCLINUX", libc::SYS_ioctl, [0, 0x541c, 0, 0, 0]),
    ("a call of the future", 471, [0; 5]),
    ("another call of the future", 100_000, [0; 5]),
    ("fsync", libc::SYS_fsync, [9999, 0, 0, 0, 0]),
    ("syncfs", libc::SYS_syncfs, [9999, 0, 0, 0, 0]),
    ("getpid", libc::SYS_getpid, [0; 5]),
];

/// Socket families and protocols: name, family, kind, protocol.
const SOCKETS: &[(&str, i32, i32, i32)] = &[
    ("AF_UNIX", libc::AF_UNIX, libc::SOCK_STREAM, 0),
    ("AF_INET", libc::AF_INET, libc::SOCK_STREAM, 0),
    ("AF_INET6", libc::AF_INET6, libc::SOCK_STREAM, 0),
    ("NETLINK_ROUTE", libc::AF_NETLINK, libc::SOCK_RAW, 0),
    ("NETLINK_AUDIT", libc::AF_NETLINK, libc::SOCK_RAW, 9),
    ("NETLINK_XFRM", libc::AF_NETLINK, libc::SOCK_RAW, 6),
    ("NETLINK_NETFILTER", libc::AF_NETLINK, libc::SOCK_RAW, 12),
    ("NETLINK_KOBJECT_UEVENT", libc::AF_NETLINK, libc::SOCK_RAW, 15),
    ("NETLINK_CRYPTO", libc::AF_NETLINK, libc::SOCK_RAW, 21),
    ("AF_VSOCK", libc::AF_VSOCK, libc::SOCK_STREAM, 0),
    ("AF_ALG", libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
    ("AF_PACKET", libc::AF_PACKET, libc::SOCK_RAW, 0),
    ("AF_XDP", libc::AF_XDP, libc::SOCK_RAW, 0),
    ("AF_KEY", libc::AF_KEY, libc::SOCK_RAW, 2),
    ("AF_RXRPC", libc::AF_RXRPC, libc::SOCK_DGRAM, 0),
    ("AF_BLUETOOTH", libc::AF_BLUETOOTH, libc::SOCK_RAW, 0),
    ("AF_CAN", libc::AF_CAN, libc::SOCK_RAW, 1),
];

/// An agent that makes the calls and sends the table of what came back.
pub(crate) fn syscalls(io: &mut AgentIo) -> Result<(), String> {
    let mut table = String::new();
    for (name, number, [a, b, c, d, e]) in CALLS {
        // SAFETY: none of the calls gets a valid pointer, and those that succeed do nothing.
        let result = unsafe { libc::syscall(*number, *a, *b, *c, *d, *e, 0_u64) };
        let result = if result == -1 { errno() } else { "ok".to_owned() };
        let _ = writeln!(table, "{name:<28}{result}");
    }
    io.send(table.as_bytes()).map_err(|error| error.to_string())
}

/// An agent that opens sockets and sends the table of what came back.
pub(crate) fn sockets(io: &mut AgentIo) -> Result<(), String> {
    let mut table = String::new();
    for &(name, family, kind, protocol) in SOCKETS {
        // SAFETY: no pointers; the descriptor is closed with the process.
        let result = unsafe { libc::socket(family, kind, protocol) };
        let result = if result == -1 { errno() } else { "ok".to_owned() };
        let _ = writeln!(table, "{name:<28}{result}");
    }
    io.send(table.as_bytes()).map_err(|error| error.to_string())
}

fn errno() -> String {
    match io::Error::last_os_error().raw_os_error().unwrap_or(0) {
        libc::EPERM => "EPERM".to_owned(),
        libc::ENOSYS => "ENOSYS".to_owned(),
        libc::EAFNOSUPPORT => "EAFNOSUPPORT".to_owned(),
        other => format!("errno {other}"),
    }
}

/// A call of a foreign architecture.
pub(crate) fn foreign(kind: &str) -> Result<(), String> {
    match kind {
        // SAFETY: getpid of i386, which takes no argument.
        "int80" => unsafe { int80(20) },
        // SAFETY: socketcall of i386 with call number 0, which is none.
        "socketcall" => unsafe { int80(102) },
        // SAFETY: getpid of x32.
        "x32" => unsafe {
            libc::syscall(0x4000_0000 + libc::SYS_getpid);
        },
        other => return Err(format!("no such kind: {other}")),
    }
    Ok(())
}

#[cfg(target_arch = "x86_64")]
unsafe fn int80(number: u32) {
    // SAFETY: the caller's; RBX is saved because the compiler keeps it for itself.
    unsafe {
        std::arch::asm!(
            "push rbx", "xor ebx, ebx", "int 0x80", "pop rbx",
            inout("eax") number => _, in("ecx") 0, in("edx") 0
        );
    }
}

/// The descriptors that are open, found without `/proc`.
pub(crate) fn open_descriptors() -> Vec<i32> {
    // SAFETY: F_GETFD takes no pointer.
    (0..4096).filter(|&fd| unsafe { libc::fcntl(fd, libc::F_GETFD) } != -1).collect()
}

/// Opens a file as a descriptor that children inherit.
pub(crate) fn leak_descriptor(number: i32) {
    // SAFETY: the path is a C string; the new descriptors are owned by nobody.
    unsafe {
        let fd = libc::open(c"/etc/passwd".as_ptr(), libc::O_RDONLY);
        libc::dup2(fd, number);
    }
}
