//! Where QEMU runs: behind a trait, so that the check does not know the sandbox.

use std::time::Duration;

use super::machine::Invocation;

/// Runs QEMU somewhere.
pub trait RunQemu {
    /// Starts one QEMU, which may live for at most `limit`.
    ///
    /// # Errors
    /// When no process could be started.
    fn start(&self, invocation: Invocation, limit: Duration) -> Result<Box<dyn Guest>, StartError>;
}

/// A running QEMU. Dropping it kills it and waits until nothing of it is left.
pub trait Guest {
    /// Kills it.
    fn kill(&self);

    /// Waits for its end.
    fn wait(self: Box<Self>) -> Exit;
}

/// How QEMU ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// How the process ended, in words.
    pub status: String,
    /// Last lines that it printed.
    pub messages: Vec<String>,
}

/// QEMU could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start QEMU")]
pub struct StartError {
    /// Why.
    #[from]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
