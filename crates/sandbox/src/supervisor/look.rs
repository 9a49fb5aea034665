//! Looking at the machine for [`crate::Launcher::preflight`].

use std::path::Path;

use rustix::process::{Resource, geteuid, getrlimit};

use super::cgroup::Groups;
use super::record::Record;
use crate::failure::Failure;
use crate::preflight::{Finding, Isolation, NAMESPACES_LEVEL, Report};
use crate::spec::Limits;

/// Fewest open files that a job with a descriptor per package gets along with.
const OPEN_FILES: u64 = 4096;

/// Settings of the kernel below which the sandbox holds, but the host behind it is weaker than it has to be.
const SETTINGS: [(&str, &str); 4] = [
    ("fs.protected_symlinks", "/proc/sys/fs/protected_symlinks"),
    ("fs.protected_hardlinks", "/proc/sys/fs/protected_hardlinks"),
    ("fs.protected_regular", "/proc/sys/fs/protected_regular"),
    ("kernel.kptr_restrict", "/proc/sys/kernel/kptr_restrict"),
];

/// What can be seen without running a job.
pub(super) fn look(state: &Path) -> Result<Report, Failure> {
    let [memory_limit, pids_limit, cpu_limit] = limited(state)?;
    let isolation = Isolation {
        level: NAMESPACES_LEVEL.to_owned(),
        root: geteuid().is_root(),
        unique_ids: false,
        landlock: crate::init::landlock_interface(),
        memory_limit,
        pids_limit,
        cpu_limit,
    };
    let mut findings = Vec::new();
    for (limited, what) in
        [(memory_limit, "memory"), (pids_limit, "processes"), (cpu_limit, "processor time")]
    {
        if !limited {
            findings.push(weak(
                format!("no control group limits the {what} of a job"),
                "run as root, or delegate controllers: systemd-run --user --scope -p Delegate=yes lbuild ...",
            ));
        }
    }
    if isolation.landlock < 6 {
        let found = isolation.landlock;
        findings.push(weak(
            format!("landlock has interface {found}, 6 is the one made use of"),
            "use Linux 6.12 or newer",
        ));
    }
    if getrlimit(Resource::Nofile).maximum.is_some_and(|maximum| maximum < OPEN_FILES) {
        findings.push(weak(
            format!("fewer than {OPEN_FILES} open files are allowed"),
            "raise the hard limit: ulimit -Hn",
        ));
    }
    for (name, path) in SETTINGS {
        if std::fs::read_to_string(path).is_ok_and(|value| value.trim() == "0") {
            findings.push(weak(format!("{name} is 0"), format!("sysctl -w {name}=1")));
        }
    }
    Ok(Report { usable: true, isolation, findings })
}

/// Which of memory, processes and processor time a group of a job can limit, found by making one.
fn limited(state: &Path) -> Result<[bool; 3], Failure> {
    let record = Record::create(state)?;
    let groups = Groups::create(&record, &Limits { cpus: Some(1.0), ..Limits::default() })?;
    Ok(groups.limited())
}

fn weak(what: String, hint: impl Into<String>) -> Finding {
    Finding { fatal: false, what, hint: hint.into() }
}
