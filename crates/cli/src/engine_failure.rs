//! Errors of the engine and of the store as failures of a command: exit code, explanation, hint.

use lbuild_engine::{Blame, BuildError, OpenError, ResolveError};
use lbuild_spec::Blueprint;
use lbuild_store::StoreError;

use crate::conflict;
use crate::context::Context;
use crate::failure::{Exit, Failure};

/// The store cannot be used.
pub fn store(error: &StoreError) -> Failure {
    let exit = if matches!(error, StoreError::Cancelled) { Exit::Interrupted } else { Exit::Build };
    Failure::from_error(exit, error)
}

/// The engine cannot start.
pub fn open(error: &OpenError) -> Failure {
    Failure::from_error(Exit::Build, error)
}

/// A spec has no lock.
pub fn resolve(error: &ResolveError, blueprint: &Blueprint, context: &Context) -> Failure {
    match error {
        ResolveError::Conflict(conflict) => conflict::failure(conflict, blueprint, context),
        other => Failure::from_error(exit(other.blame()), other).hint(other.hint()),
    }
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
        BuildError::Resolve(error) => {
            Failure::from_error(exit(error.blame()), error.as_ref()).hint(error.hint())
        }
        other => {
            let log = other.log().iter().map(|line| format!("| {line}"));
            Failure::from_error(exit(other.blame()), other).details(log).hint(other.hint())
        }
    }
}

fn exit(blame: Blame) -> Exit {
    match blame {
        Blame::Spec => Exit::Spec,
        Blame::Network => Exit::Network,
        Blame::Build => Exit::Build,
        Blame::Cancelled => Exit::Interrupted,
    }
}
