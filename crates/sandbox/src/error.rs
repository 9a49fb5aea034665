//! Why a job could not be started or followed.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A job could not be started.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// The supervisor program did not start.
    #[error("cannot start the sandbox supervisor `{exe}`")]
    Supervisor {
        /// The program.
        exe: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The directory for locks and job records cannot be used.
    #[error("cannot use `{path}` for the sandbox's state")]
    State {
        /// The directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The request contradicts itself.
    #[error("invalid sandbox request: {reason}")]
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
    /// One step of the set-up failed.
    #[error("sandbox set-up failed at `{step}`")]
    Setup {
        /// The step.
        step: String,
        /// What to change on the machine, where it is known.
        hint: Option<String>,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The caller stopped it.
    #[error("stopped on request")]
    Stopped,
    /// The supervisor went away or spoke nonsense.
    #[error("lost the sandbox supervisor")]
    Lost {
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// A job that was started could not be followed to its end.
#[derive(Debug, Error)]
pub enum WaitError {
    /// The supervisor was killed; the job died with it.
    #[error("the sandbox supervisor was killed")]
    SupervisorDied,
    /// Reading from the job failed.
    #[error("cannot read from the sandbox")]
    Read {
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl From<WaitError> for LaunchError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Read { source } => Self::Lost { source },
            WaitError::SupervisorDied => Self::Lost { source: io::ErrorKind::BrokenPipe.into() },
        }
    }
}
