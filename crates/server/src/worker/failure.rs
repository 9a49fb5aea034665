//! Why a build failed: for its owner (what, where, what to do) and for the queue (whether to try again).

use std::time::Duration;

use lbuild_db::queue::Ending;
use lbuild_engine::{Blame, BuildError, ResolveError};
use serde::{Deserialize, Serialize};
use tokio::task::JoinError;
use utoipa::ToSchema;

use crate::problem::chain;

/// Lines of a step's log that a failure quotes.
const EXCERPT: usize = 20;

/// Why a build failed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// `conflict`, `spec`, `package`, `step`, `hygiene`, `boot`, `network`, `machine`,
    /// `quota` or `worker-lost`.
    pub category: String,
    /// What happened.
    pub message: String,
    /// The step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The package whose script failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The last lines that it printed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub log_excerpt: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_action: Option<String>,
}

/// What becomes of a build that ended with this error.
pub fn ending(error: &BuildError, delay: Duration) -> Ending {
    let failure = describe(error);
    let failure = serde_json::to_value(failure).expect("a failure can be written as JSON");
    if is_fault(error) { Ending::Faulted { failure, delay } } else { Ending::Failed { failure } }
}

/// A build whose thread broke.
pub fn panicked(error: &JoinError, delay: Duration) -> Ending {
    of_machine("build", &chain(error), delay)
}

/// A build that the machine failed. The cause is the operator's business and stays in the log.
pub fn of_machine(step: &str, cause: &str, delay: Duration) -> Ending {
    tracing::error!(step, cause, "the machine failed a build");
    let failure = Failure {
        category: "machine".to_owned(),
        message: format!("the build service failed in step `{step}`"),
        step: Some(step.to_owned()),
        package: None,
        log_excerpt: Vec::new(),
        next_action: Some("nothing: it is tried again".to_owned()),
    };
    let failure = serde_json::to_value(failure).expect("a failure can be written as JSON");
    Ending::Faulted { failure, delay }
}

/// An ending in one word, for the log.
pub fn name(ending: &Ending) -> &'static str {
    match ending {
        Ending::Succeeded { .. } => "succeeded",
        Ending::Failed { .. } => "failed",
        Ending::Faulted { .. } => "faulted",
        Ending::Cancelled => "cancelled",
        Ending::Released => "released",
    }
}

/// The same build may succeed at another time or on another machine.
fn is_fault(error: &BuildError) -> bool {
    match error {
        BuildError::Store(_) | BuildError::Sandbox { .. } | BuildError::Output { .. } => true,
        other => other.blame() == Blame::Network,
    }
}

/// The machine failed, and neither the build nor the network.
pub fn is_of_machine(error: &BuildError) -> bool {
    category(error) == "machine"
}

fn describe(error: &BuildError) -> Failure {
    let (step, package) = match error {
        BuildError::Step { step, package, .. } => (Some(step.clone()), package.clone()),
        BuildError::Sandbox { step, .. } => (Some(step.clone()), None),
        BuildError::Resolve(_) | BuildError::Fetch(_) => (Some("resolve".to_owned()), None),
        _ => (None, None),
    };
    let log = error.log();
    Failure {
        category: category(error).to_owned(),
        message: message(error),
        step,
        package,
        log_excerpt: log[log.len().saturating_sub(EXCERPT)..].to_vec(),
        next_action: next_action(error),
    }
}

/// What to do. The hints of the command line name options and paths that the service's clients do not have.
fn next_action(error: &BuildError) -> Option<String> {
    match category(error) {
        "machine" => Some("nothing: it is tried again".to_owned()),
        "network" => {
            Some("nothing: it is tried again; if that fails too, check the sources of the spec".to_owned())
        }
        "boot" => Some("the excerpt has the last lines of the console".to_owned()),
        _ => error.hint(),
    }
}

fn category(error: &BuildError) -> &'static str {
    match error {
        BuildError::Resolve(resolve) => match resolve.as_ref() {
            ResolveError::Conflict(_) => "conflict",
            other if other.blame() == Blame::Network => "network",
            other if other.blame() == Blame::Build => "machine",
            _ => "spec",
        },
        BuildError::Step { package: Some(_), .. } => "package",
        BuildError::Step { .. } => "step",
        BuildError::Hygiene(_) => "hygiene",
        BuildError::Boot { .. } => "boot",
        BuildError::Fetch(_) => "network",
        BuildError::LockStale | BuildError::SpecFile { .. } => "spec",
        _ => "machine",
    }
}

/// What the owner may read. Errors of the machine have its paths in them and go to its log.
fn message(error: &BuildError) -> String {
    match category(error) {
        "machine" => {
            tracing::error!(error = chain(error), "the machine failed a build");
            "the build service failed".to_owned()
        }
        _ => chain(error),
    }
}
