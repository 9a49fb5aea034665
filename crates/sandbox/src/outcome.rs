//! How a job ended.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a job ended and what it used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// What it used.
    pub usage: Usage,
}

/// What a job used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Time by the clock, set-up included.
    pub wall: Duration,
    /// Processor time of all of its processes.
    pub cpu: Duration,
    /// Largest memory use in bytes: of the whole job where a memory control group exists, else of its largest process.
    pub peak_memory: u64,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The program ended with this status; an agent that succeeded has status 0.
    Exited(i32),
    /// The program was killed by this signal.
    Signaled(i32),
    /// The agent returned this error or panicked with it.
    AgentFailed(String),
    /// It used up more than its [`crate::Limits`] allow.
    Limit(Breach),
    /// It made a system call of a foreign architecture (i386, x32).
    ForbiddenAbi,
    /// The caller stopped it.
    Killed,
}

impl Outcome {
    /// Whether the task did what it was asked to.
    pub fn success(&self) -> bool {
        *self == Self::Exited(0)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(0) => write!(f, "succeeded"),
            Self::Exited(status) => write!(f, "exited with status {status}"),
            Self::Signaled(signal) => write!(f, "killed by signal {signal}"),
            Self::AgentFailed(reason) => write!(f, "{reason}"),
            Self::Limit(breach) => write!(f, "stopped: {breach}"),
            Self::ForbiddenAbi => write!(f, "killed for a system call of a forbidden ABI"),
            Self::Killed => write!(f, "stopped by the caller"),
        }
    }
}

/// The limit that was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Breach {
    /// `Limits::memory`
    Memory,
    /// `Limits::pids`
    Pids,
    /// `Limits::wall`
    Wall,
    /// `Limits::output_bytes`
    Output,
    /// `Limits::file_size`
    FileSize,
    /// `Limits::disk`
    Disk,
    /// `Limits::inodes`
    Inodes,
    /// The size of a memory file system.
    Tmpfs,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "it used more memory than allowed",
            Self::Pids => "it started more processes than allowed",
            Self::Wall => "it took more time than allowed",
            Self::Output => "it wrote more log than allowed",
            Self::FileSize => "it wrote a larger file than allowed",
            Self::Disk => "it used more disk space than allowed",
            Self::Inodes => "it created more files than allowed",
            Self::Tmpfs => "it filled a memory file system",
        })
    }
}
