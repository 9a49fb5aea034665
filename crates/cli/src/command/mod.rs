//! One module per command: its options, and what it does with them.

pub mod backup;
pub mod boot;
pub mod build;
pub mod cache;
pub mod completions;
pub mod config;
pub mod lock;
pub mod man;
pub mod migrate;
pub mod packages;
pub mod place;
pub mod process;
pub mod resolve;
pub mod schema;
pub mod serve;
pub mod validate;
pub mod worker;

use lbuild_spec::Blueprint;

use crate::arguments::{Arguments, Command};
use crate::context::Context;
use crate::failure::Failure;

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> Result<(), Failure> {
    match arguments.command {
        Command::Build(options) => build::run(&options, context),
        Command::Resolve(options) => resolve::run(&options, context),
        Command::Packages(action) => packages::run(&action, context),
        Command::Lock(options) => lock::run(&options, context),
        Command::Validate(options) => validate::run(&options, context),
        Command::Schema(schema::Options {}) => schema::run(),
        Command::Boot(options) => boot::run(&options, context),
        Command::Serve(options) => serve::run(&options, context),
        Command::Worker(options) => worker::run(&options, context),
        Command::Config(action) => config::run(&action, context),
        Command::Migrate(options) => migrate::run(&options, context),
        Command::Backup(options) => backup::back_up(&options, context),
        Command::Restore(options) => backup::restore(&options, context),
        Command::Cache(action) => cache::run(&action, context),
        Command::Completions(options) => completions::run(&options, context),
        Command::Man(options) => man::run(&options, context),
    }
}

/// The system that a spec describes, in three words.
fn system(blueprint: &Blueprint) -> String {
    let base = format!("{} {}", blueprint.base.key(), blueprint.release.as_deref().unwrap_or_default());
    format!("{}, {}", base.trim_end(), blueprint.architecture.key())
}
