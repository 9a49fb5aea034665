//! Runs hostile programs and our own code on hostile data so that neither reaches the host.
//!
//! A [`Launcher`] starts one *supervisor* process per job: this program again, under a hidden argument that
//! [`dispatch`] answers to. The supervisor prepares what only the caller's ids may do (control groups, id-mapped
//! mounts), clones the job's *init* into its namespaces and watches the limits. Init mounts the root, gives up every
//! privilege and runs the [`Task`]: a program of the root, or an [`Agent`] of ours.
//!
//! Nothing is forked from a caller's thread, and whichever process is killed, the others notice and clean up.
//!
//! - [`Spec`] and its parts: what a job sees and may use
//! - [`Launcher`], [`Running`], [`Outcome`]: starting, following and stopping it
//! - [`Agent`], [`AgentIo`], [`Channel`]: our own code inside
//! - [`Report`]: what a machine offers and lacks

mod agent;
mod channel;
mod dispatch;
mod error;
mod failure;
mod ids;
mod init;
mod launcher;
mod outcome;
mod plan;
mod preflight;
mod running;
mod spec;
mod state;
mod supervisor;
mod sys;
mod wire;

use std::time::Duration;

pub use agent::{Agent, AgentIo};
pub use channel::{Channel, MAX_FDS, MAX_MESSAGE, Message};
pub use dispatch::dispatch;
pub use error::{LaunchError, WaitError};
pub use launcher::Launcher;
pub use outcome::{Breach, Finished, Outcome, Usage};
pub use preflight::{Finding, Isolation, Report};
pub use running::{Killer, Running, Stream};
pub use spec::{Limits, Mount, Output, Owner, Root, Spec, Stdin, Task};

/// How often a supervisor looks at the limits that nothing tells it about.
pub const WATCH_INTERVAL: Duration = Duration::from_millis(200);
