//! What the processes of a service have in common: where they keep things, and how they reach each other.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use lbuild_server::artifact::ArtifactError;
use lbuild_server::limit::Limits;
use lbuild_server::{ServeError, ServeOptions, Started};

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
    /// Directory of the database, the artifacts and the store [default: in the user's data directory]
    #[arg(long, env = "LBUILD_DATA", hide_env_values = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: Option<PathBuf>,
    /// Address of the database: postgres://..., or sqlite:FILE [default: a file in the data directory]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database: Option<String>,
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
    #[arg(long, env = "LBUILD_EGRESS", value_name = "URL", value_delimiter = ',')]
    egress: Vec<String>,
    /// File of the key that secrets of tenants are sealed with [default: in the data directory]
    #[arg(long, env = "LBUILD_SECRET_KEY", hide_env_values = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    secret_key: Option<PathBuf>,
}

impl Common {
    /// The options as the service takes them; a worker listens nowhere.
    pub fn resolve(&self, listen: Option<SocketAddr>, context: &Context) -> Result<ServeOptions, Failure> {
        let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Ok(ServeOptions {
            listen,
            data: self.data()?,
            database: named(&self.database),
            artifacts: context.artifacts()?,
            store: context.engine_store(),
            nats: named(&self.nats),
            workers: self.workers,
            metrics: self.metrics,
            egress: self.egress.clone(),
            drain: Duration::from_secs(self.drain),
            limits: Limits::default(),
            secret_key: self.secret_key.clone(),
        })
    }

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
