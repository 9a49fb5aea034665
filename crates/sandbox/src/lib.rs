//! Runs hostile programs, and our own code on hostile data, so that neither reaches the host.
//!
//! A [`Launcher`] starts one *supervisor* process per job: this program again, under a hidden argument that
//! [`dispatch()`] answers to. Nothing is forked from a caller's thread. What happens then, in this order:
//!
//! 1. The supervisor (`supervisor`) claims a range of 65,536 ids for the job, makes its control groups, and mounts the
//!    trees with their ids mapped to that range (`ids`, `plan`). It clones *init* into its own user, mount, process,
//!    IPC, host name and network namespaces, writes the id maps and lets it go.
//! 2. Init (`init`) ties its life to the supervisor's, becomes root inside, builds the root (layers, private `/dev`,
//!    masked `/proc`, no `/sys`) and moves into it with `pivot_root`; no file system of the host is left.
//! 3. It drops all but ten capabilities, sets *no new privileges*, and closes landlock and the filter of system calls
//!    behind itself. Every descriptor that the job was not given is closed.
//! 4. It forks the [`Task`]: a program of the root, or an [`Agent`] of ours.
//! 5. The supervisor watches the [`Limits`], ends everything at the first breach, and removes the groups. A killed
//!    caller ends the job through its closed socket, a killed supervisor through the signal that init asked for, and a
//!    killed init ends its process id namespace. Control groups of a killed supervisor are removed by the next
//!    [`Launcher::new`], which finds them in the records of the state directory.
//!
//! What it does not protect from: bugs of the kernel, which all jobs share with the host. Tenants that must not trust
//! each other need a machine each.
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
