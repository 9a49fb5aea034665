//! Ecosystem-neutral SAT resolution: a model of packages and requests, a solution or an explained conflict.
//!
//! A family describes its packages as a [`Universe`]; [`Resolver::solve`] first walks the requirements the way the
//! families' own tools do, then searches all possibilities with resolvo, and gives a minimal reason when there is
//! no solution. Nothing here knows names, versions, files or the clock.
//!
//! - [`model`]: packages, relations, problems, solutions, conflicts
//! - `memo`: each package's relations, asked for once
//! - `additions`: what comes along by itself
//! - `walk`: the first attempt, depth first
//! - `sat`: the complete search
//! - `propagate`, `chain`: what follows without search, and the chain of facts to a contradiction
//! - `minimal`: the fewest roots that cannot be met together
//! - `resolver`: all of it together

mod additions;
mod chain;
mod memo;
mod minimal;
pub mod model;
mod propagate;
mod resolver;
mod sat;
mod walk;

pub use model::{
    Addition, Cause, Conflict, Fact, Goal, PackageId, Problem, Relations, Requirement, Root, SlotId,
    Solution, SolveError, Universe,
};
pub use resolver::Resolver;
