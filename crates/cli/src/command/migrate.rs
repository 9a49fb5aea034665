//! `lbuild migrate`: brings the schema of the service's database up to date.

use clap::Args;
use lbuild_server::ServeError;
use lbuild_server::place::{MigrateError, Migrations};
use serde_json::json;

use super::place::Place;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::format::count;
use crate::output;

/// What to do with the schema.
#[derive(Debug, Args)]
pub struct Options {
    /// Only say what is missing; exit code 1 when something is
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    place: Place,
}

/// Does it.
pub fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let place = options.place.resolve()?;
    let found = place.migrate(options.check).map_err(|error| failure(&error))?;
    if context.global.json {
        let Migrations { database, pending, unknown } = &found;
        let applied = !options.check;
        output::print_json(&json!({
            "database": database, "pending": pending, "unknown": unknown, "applied": applied,
        }))?;
    } else {
        output::print(&text(&found, options.check))?;
    }
    let missing = options.check && !(found.pending.is_empty() && found.unknown.is_empty());
    if missing { Err(Failure::silent(Exit::Build)) } else { Ok(()) }
}

fn failure(error: &MigrateError) -> Failure {
    let hint = match error {
        MigrateError::Missing(_) => Some("`lbuild serve` makes one; name another with --data or --database"),
        MigrateError::Directory(ServeError::InUse { .. }) => {
            Some("stop the service first: it may be an older program")
        }
        _ => None,
    };
    Failure::from_error(Exit::Build, error).hint(hint.map(str::to_owned))
}

fn text(found: &Migrations, check: bool) -> String {
    let lines =
        |names: &[String]| names.iter().map(|name| format!("  {name}\n")).collect::<Vec<_>>().concat();
    let database = found.database;
    if !found.unknown.is_empty() {
        return format!("a newer lbuild made the schema of {database}:\n{}", lines(&found.unknown));
    }
    if found.pending.is_empty() {
        return format!("the schema of {database} is up to date\n");
    }
    let verb = if check { "lacks" } else { "has had" };
    format!("{database} {verb} {}:\n{}", count(found.pending.len(), "migration"), lines(&found.pending))
}
