//! What the processes of a service have in common: where they keep things, and how they reach each other.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use lbuild_server::artifact::ArtifactError;
use lbuild_server::faults::Dsn;
use lbuild_server::limit::Limits;
use lbuild_server::{ServeError, ServeOptions, Started};

use super::place::{Place, SealingKey};
use crate::context::Context;
use crate::failure::{Exit, Failure};

/// Where artifacts are, for those who ask for help.
pub const STORES: &str = "\
With --store s3://BUCKET/PREFIX (or LBUILD_STORE) artifacts are kept in a bucket, which AWS_ENDPOINT_URL, AWS_REGION,
AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY lead to; else in the data directory.";

/// Options of every process of a service.
#[derive(Debug, Args)]
pub struct Common {
    /// Builds at the same time
    #[arg(long, env = "LBUILD_WORKERS", value_name = "N", default_value_t = 1)]
    workers: usize,
    /// NATS server that tells the processes of a service of news: nats://...
    #[arg(long, env = "LBUILD_NATS", hide_env_values = true, value_name = "URL")]
    nats: Option<String>,
    /// How long builds may go on after the process was told to stop; then they go back to the queue
    #[arg(long, env = "LBUILD_DRAIN", value_name = "SECONDS", default_value_t = 60)]
    drain: u64,
    /// Where to serve /metrics and /health without a key, for a network of your own
    #[arg(long, env = "LBUILD_METRICS", value_name = "ADDR:PORT")]
    metrics: Option<SocketAddr>,
    /// Server that webhooks and images may go to though it is not public, with its scheme and port; may be given again
    #[arg(long, env = "LBUILD_EGRESS", value_name = "URL", value_delimiter = ',', value_parser = server)]
    egress: Vec<String>,
    /// Refuse to start when the database lacks migrations, instead of applying them
    #[arg(long, env = "LBUILD_NO_MIGRATE", value_parser = BoolishValueParser::new())]
    no_migrate: bool,
    /// What is logged: error, warn, info, debug or trace, or levels by module
    #[arg(long, env = "LBUILD_LOG", value_name = "LEVEL", default_value = "info", value_parser = log)]
    log: String,
    /// Sentry's address of a project that faults of the service are told to [default: nobody is told]
    #[arg(long, env = "SENTRY_DSN", hide_env_values = true, value_name = "DSN")]
    sentry_dsn: Option<Dsn>,
    #[command(flatten)]
    sealing: SealingKey,
    #[command(flatten)]
    place: Place,
}

/// Reads the address of a server, which is all that a guard against others can go by.
fn server(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if host.is_empty() || host.contains(['@', ' ', '?', '#']) {
        return Err("it is not http://HOST:PORT or https://HOST".to_owned());
    }
    Ok(text.to_owned())
}

fn log(text: &str) -> Result<String, String> {
    lbuild_server::check_log(text).map(|()| text.to_owned())
}

impl Common {
    /// The options as the service takes them; a worker listens nowhere.
    pub fn resolve(&self, listen: Option<SocketAddr>, context: &Context) -> Result<ServeOptions, Failure> {
        let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let options = ServeOptions {
            listen,
            data: self.place.data()?,
            database: self.place.database().map(str::to_owned),
            artifacts: context.artifacts()?,
            store: context.engine_store(),
            nats: named(&self.nats),
            migrate: !self.no_migrate,
            workers: self.workers,
            metrics: self.metrics,
            egress: self.egress.clone(),
            drain: Duration::from_secs(self.drain),
            log: self.log.clone(),
            sentry_dsn: self.sentry_dsn.clone(),
            limits: Limits::default(),
            secret_key: self.sealing.file().map(Path::to_owned),
        };
        match contradiction(&options) {
            Some((message, hint)) => Err(Failure::new(Exit::Usage, message).hint(hint.to_owned())),
            None => Ok(options),
        }
    }
}

/// Settings that are sound by themselves and not together: what is wrong, and what to do.
fn contradiction(options: &ServeOptions) -> Option<(&'static str, &'static str)> {
    let same = options.metrics.is_some()
        && options.metrics == options.listen
        && options.listen.is_some_and(|address| address.port() != 0);
    same.then_some((
        "`metrics` and `listen` are the same address",
        "leave `metrics` out: `listen` serves them too, with a key",
    ))
}

/// Why a process of the service does not start, and what to do about it.
pub fn failed(error: &ServeError) -> Failure {
    let hint = match error {
        ServeError::Open(_) => Some("the database is that of --database or DATABASE_URL"),
        ServeError::Artifacts(ArtifactError::Bucket { .. } | ArtifactError::Silent { .. }) => Some(
            "the bucket must exist; AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say \
             how to reach it",
        ),
        ServeError::Nats(_) => Some("the server is that of --nats or LBUILD_NATS; start it with --jetstream"),
        ServeError::InUse { .. } => Some("each process needs a directory of its own: name one with --data"),
        ServeError::Pending(_) => Some("apply them with `lbuild migrate`, or leave --no-migrate out"),
        ServeError::Newer(_) => Some("run that version, or restore a backup from before it"),
        ServeError::Data { .. } | ServeError::Listen { .. } => {
            Some("`lbuild config check` looks at everything")
        }
        _ => None,
    };
    Failure::from_error(Exit::Build, error).hint(hint.map(str::to_owned))
}

/// A greeting as data.
pub fn greeting(started: &Started, options: &ServeOptions) -> serde_json::Value {
    serde_json::json!({
        "address": started.address, "adminKey": started.admin_key, "data": options.data,
        "database": started.database, "artifacts": started.artifacts, "workers": options.workers,
        "nats": options.nats.is_some(),
    })
}

/// How many workers there are, for people.
pub fn workers(count: usize) -> String {
    match count {
        1 => "1 worker".to_owned(),
        many => format!("{many} workers"),
    }
}
