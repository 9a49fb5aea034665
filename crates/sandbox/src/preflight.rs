//! What this machine offers a sandbox, and what it lacks.

use serde::{Deserialize, Serialize};

/// The answer of [`crate::Launcher::preflight`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whether jobs can run at all.
    pub usable: bool,
    /// What protects the host from a job and jobs from each other, for provenance.
    pub isolation: Isolation,
    /// What is missing or weak, most serious first.
    pub findings: Vec<Finding>,
}

/// The layers that hold on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Isolation {
    /// `ns`: namespaces of the host's kernel.
    pub level: String,
    /// Whether the caller is the host's root, which allows ranges of ids per job.
    pub root: bool,
    /// Whether every running job has ids of its own (id-mapped mounts work); else jobs of one user share a range.
    pub unique_ids: bool,
    /// Landlock ABI, 0 when the kernel has none.
    pub landlock: i32,
    /// Whether memory is limited per job.
    pub memory_limit: bool,
    /// Whether the number of processes is limited per job.
    pub pids_limit: bool,
    /// Whether processor time is limited per job.
    pub cpu_limit: bool,
}

/// Something missing or weak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Whether no job can run because of it.
    pub fatal: bool,
    /// What was found.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

/// Looks at this machine.
pub(crate) fn probe() -> Report {
    let root = rustix::process::geteuid().is_root();
    let isolation = Isolation {
        level: "ns".to_owned(),
        root,
        unique_ids: root,
        landlock: 0,
        memory_limit: false,
        pids_limit: false,
        cpu_limit: false,
    };
    Report { usable: true, isolation, findings: Vec::new() }
}
