//! Resolves a [`lbuild_spec::Blueprint`] to a [`Lock`], plans steps with content keys and runs them.
//!
//! | module | purpose |
//! |---|---|
//! | [`mod@engine`] | what the command line and the service call |
//! | [`event`] | what a build tells its caller, and how it is stopped |
//! | [`family`] | policy of each family of distributions |
//! | `beside` | files that a spec names beside itself |
//! | `mirror`, `suite` | where packages come from, and whose keys count for it |
//! | `release`, `index`, `index_cache` | verified release files; parsed indexes, and where they are kept |
//! | `repository`, `choice` | repositories of the other bases, and what is chosen from them |
//! | `resolve`, [`mod@lock`] | from a blueprint to exact packages |
//! | [`answer`], [`conflict`], [`preview`] | what resolving gives, in the form that is printed and sent |
//! | [`bases`] | what each base offers |
//! | `knowledge`, `files` | what is known about names that no index has; which package has which file |
//! | [`plan`], `planner`, [`step`] | the graph of steps, and their content keys |
//! | `run`, `steps`, `job`, `agent` | running it: scheduler, each step, sandboxed jobs, our own code inside them |
//! | [`boot`] | boots an image in QEMU and finds out whether it works |
//! | [`configure`] | users, network, locale and the other concerns of a spec |
//! | `disposal` | the trash of the store |
//! | `unhurried` | work that is not waited for when somebody asks to stop |
//! | `publish`, [`report`] | artifacts in the output directory, and what is said about them |

pub mod answer;
pub mod bases;
pub mod boot;
mod catalog;
pub mod configure;
pub mod conflict;
pub mod engine;
pub mod error;
pub mod event;
pub mod family;
pub mod lock;
pub mod plan;
pub mod preview;
pub mod report;
pub mod resolve;
pub mod step;

mod agent;
mod beside;
mod build;
mod choice;
mod disposal;
mod files;
mod index;
mod index_cache;
mod job;
mod knowledge;
mod mirror;
mod packages;
mod planner;
mod publish;
mod release;
mod repository;
mod run;
mod steps;
mod suite;
mod support;
mod unhurried;

pub use agent::agents;
pub use beside::embed_keys;
pub use build::preflight;
pub use catalog::Catalog;
pub use conflict::Conflict;
pub use disposal::collect;
pub use engine::{BuildRequest, Engine, EngineOptions, JobLimits, Reach};
pub use error::{Blame, BuildError, OpenError, ResolveError};
pub use event::{Event, Observer};
pub use family::Cause;
pub use files::FoundFile;
pub use lbuild_store::Cancel;
pub use lock::{Lock, LockError, LockedIndex, LockedPackage, Tier};
pub use report::{ArtifactReport, BootReport, BuildReport, StepReport};
pub use repository::usual_components;
pub use resolve::flavor_of_kernel;
