//! Errors of the engine and of the store as failures of a command: exit code, explanation, hint.

use std::error::Error;

use lbuild_engine::{Blame, BuildError, OpenError, ResolveError};
use lbuild_spec::Blueprint;
use lbuild_store::StoreError;

use crate::conflict;
use crate::context::Context;
use crate::failure::{Exit, Failure};

/// The store cannot be used.
pub fn store(error: &StoreError) -> Failure {
    let stopped = matches!(error, StoreError::Cancelled);
    told(if stopped { Blame::Cancelled } else { Blame::Build }, error, None)
}

/// The engine cannot start.
pub fn open(error: &OpenError) -> Failure {
    let stopped = matches!(error, OpenError::Store(StoreError::Cancelled));
    told(if stopped { Blame::Cancelled } else { Blame::Build }, error, None)
}

/// A spec has no lock.
pub fn resolve(error: &ResolveError, blueprint: &Blueprint, context: &Context) -> Failure {
    match error {
        ResolveError::Conflict(conflict) => conflict::failure(conflict, blueprint, context),
        other => told(other.blame(), other, other.hint()),
    }
}

/// The packages of a base cannot be read.
pub fn catalog(error: &ResolveError) -> Failure {
    told(error.blame(), error, error.hint())
}

/// There is no image.
pub fn build(error: &BuildError, blueprint: &Blueprint, context: &Context) -> Failure {
    match error {
        BuildError::Resolve(error) => resolve(error, blueprint, context),
        other => boot(other),
    }
}

/// An operation failed that no spec is part of, such as booting an image.
pub fn boot(error: &BuildError) -> Failure {
    match error {
        BuildError::Resolve(error) => told(error.blame(), error.as_ref(), error.hint()),
        other => {
            let log = other.log().iter().map(|line| format!("| {line}"));
            told(other.blame(), other, other.hint()).details(log)
        }
    }
}

/// What went on when somebody asked to stop is not what failed.
fn told(blame: Blame, error: &dyn Error, hint: Option<String>) -> Failure {
    let exit = match blame {
        Blame::Spec => Exit::Spec,
        Blame::Network => Exit::Network,
        Blame::Build => Exit::Build,
        Blame::Cancelled => return Failure::new(Exit::Interrupted, "stopped on request"),
    };
    Failure::from_error(exit, error).hint(hint)
}
