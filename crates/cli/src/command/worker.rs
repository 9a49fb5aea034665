//! `lbuild worker`: works on the builds of a service whose API other processes serve.

use clap::Args;
use lbuild_server::{ServeOptions, Started};

use super::process::{Common, failed, greeting, workers};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;

/// How the worker runs.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    common: Common,
}

/// Works until it is told to stop.
pub fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let work = options.common.resolve(None, context)?;
    check(&work)?;
    lbuild_server::work(&work, |started| greet(started, &work, context)).map_err(|error| failed(&error))
}

/// A worker is of use only with what it shares with the service.
fn check(work: &ServeOptions) -> Result<(), Failure> {
    let usage = |message: &str, hint: &str| Err(Failure::new(Exit::Usage, message).hint(hint.to_owned()));
    match &work.database {
        None => {
            return usage(
                "a worker needs the database of its service",
                "name it with --database or DATABASE_URL: postgres://USER:PASSWORD@HOST/NAME",
            );
        }
        Some(address) if address.starts_with("sqlite:") => {
            return usage(
                "SQLite has one process at a time",
                "a service with workers of their own needs PostgreSQL: --database postgres://...",
            );
        }
        Some(_) => {}
    }
    if work.artifacts.is_none() {
        return usage(
            "a worker needs a store of artifacts that its service can read",
            "name it with --store or LBUILD_STORE: s3://BUCKET/PREFIX",
        );
    }
    if work.workers == 0 {
        return usage("a worker that takes no builds is of no use", "let --workers be 1 or more");
    }
    Ok(())
}

fn greet(started: &Started, options: &ServeOptions, context: &Context) {
    // a worker whose greeting nobody reads works all the same
    let _ = if context.global.json {
        output::print_json(&greeting(started, options))
    } else {
        let data = options.data.display();
        output::print(&format!(
            "lbuild works on builds ({}, {})
  data      {data}
  artifacts {}
",
            started.database,
            workers(options.workers),
            started.artifacts
        ))
    };
}
