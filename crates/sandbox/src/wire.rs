//! What the library and its supervisor process say to each other. Both are the same binary, so there is no version.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::outcome::Finished;
use crate::preflight::{Isolation, Report};
use crate::spec::{Limits, Mount, Root, Task};

/// The hidden first argument that turns the program into a supervisor. The control socket is its standard input.
pub(crate) const SUBCOMMAND: &str = "__sandbox";

/// The one request of a supervisor's life. Descriptors follow in messages of their own.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    Run { job: Box<Job>, state: PathBuf },
    MakeTree { path: PathBuf },
    DeleteTree { path: PathBuf },
    Look { state: PathBuf },
    Sweep { state: PathBuf },
}

/// [`crate::Spec`] without its descriptors. These come in the order: standard input, output, error, channel (for an
/// agent), then `fds` more for the task.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) root: Root,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) hostname: String,
    pub(crate) limits: Limits,
    pub(crate) task: Task,
    pub(crate) suppress_sync: bool,
    pub(crate) fds: usize,
}

/// What a supervisor answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// The sandbox is closed and the task is running in it.
    Started(Isolation),
    /// The request failed; for a job: before its task was running.
    Failed(Failure),
    /// The job is over and nothing of it is left.
    Finished(Finished),
    /// A request other than `Run` is done.
    Done,
    /// The answer to `Look`.
    Report(Report),
}
