//! `lbuild serve`: the build service, and `lbuild migrate`: its database.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use lbuild_server::limit::Limits;
use lbuild_server::{ServeOptions, Started};

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;

/// Where the service keeps things.
#[derive(Debug, Args)]
pub struct Place {
    /// Directory of the database, the artifacts and the store [default: in the user's data directory]
    #[arg(long, env = "LBUILD_DATA", hide_env_values = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: Option<PathBuf>,
    /// Address of the database: postgres://..., or sqlite:FILE [default: a file in the data directory]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database: Option<String>,
}

/// How the service runs.
#[derive(Debug, Args)]
pub struct Options {
    /// Where to listen
    #[arg(long, env = "LBUILD_LISTEN", value_name = "ADDR:PORT", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Builds at the same time
    #[arg(long, env = "LBUILD_WORKERS", value_name = "N", default_value_t = 1)]
    workers: usize,
    /// How long builds may go on after the service was told to stop; then they go back to the queue
    #[arg(long, env = "LBUILD_DRAIN", value_name = "SECONDS", default_value_t = 60)]
    drain: u64,
    /// Where to serve /metrics and /health without a key, for a network of your own
    #[arg(long, env = "LBUILD_METRICS", value_name = "ADDR:PORT")]
    metrics: Option<SocketAddr>,
    /// Server that webhooks and images may go to though it is not public, with its scheme and port; may be given again
    #[arg(long, env = "LBUILD_EGRESS", value_name = "URL", value_delimiter = ',')]
    egress: Vec<String>,
    /// File of the key that secrets of tenants are sealed with [default: in the data directory]
    #[arg(long, env = "LBUILD_SECRET_KEY", hide_env_values = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    secret_key: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

impl Place {
    fn data(&self) -> Result<PathBuf, Failure> {
        if let Some(data) = &self.data {
            return Ok(data.clone());
        }
        let home = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = home("XDG_DATA_HOME").or_else(|| Some(home("HOME")?.join(".local/share")));
        base.map(|base| base.join("lbuild")).ok_or_else(|| {
            Failure::new(Exit::Usage, "there is no home directory to keep the data in")
                .hint("name a directory with --data".to_owned())
        })
    }
}

/// Serves until it is told to stop.
pub fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let serve = ServeOptions {
        listen: options.listen,
        data: options.place.data()?,
        database: options.place.database.clone(),
        artifacts: context.artifacts()?,
        store: context.engine_store(),
        workers: options.workers,
        metrics: options.metrics,
        egress: options.egress.clone(),
        drain: Duration::from_secs(options.drain),
        limits: Limits::default(),
        secret_key: options.secret_key.clone(),
    };
    lbuild_server::serve(&serve, |started| greet(started, &serve, context))
        .map_err(|error| Failure::from_error(Exit::Build, &error))
}

fn greet(started: &Started, options: &ServeOptions, context: &Context) {
    let address = started.address;
    if context.global.json {
        let greeting = serde_json::json!({
            "address": address, "adminKey": started.admin_key, "data": options.data, "database": started.database,
        });
        // a service whose greeting nobody reads serves all the same
        let _ = output::print_json(&greeting);
        return;
    }
    let workers = match options.workers {
        1 => "1 worker".to_owned(),
        many => format!("{many} workers"),
    };
    let data = options.data.display();
    let mut text =
        format!("lbuild serves at http://{address} ({}, {workers})\n  data      {data}\n", started.database);
    if let Some(key) = &started.admin_key {
        text.push_str(&first_steps(key, address));
    }
    let _ = output::print(&text);
}

/// What whoever starts a service for the first time wants to know.
fn first_steps(key: &str, address: SocketAddr) -> String {
    format!(
        "
  admin key {key}
            it is shown this once: keep it

  try       export LBUILD_KEY={key}
            curl -H \"Authorization: Bearer $LBUILD_KEY\" -H 'Content-Type: application/toml' \\
                 --data-binary @examples/debian-live.toml http://{address}/api/v1/builds
"
    )
}
