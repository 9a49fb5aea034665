//! `lbuild serve`: the build service.

use std::net::SocketAddr;

use clap::Args;
use lbuild_server::limit::Limits;
use lbuild_server::limit::proxy::Network;
use lbuild_server::{ServeOptions, Started};

use super::process::{Common, failed, greeting, workers};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// How the service runs.
#[derive(Debug, Args)]
pub struct Options {
    /// Where to listen
    #[arg(long, env = "LBUILD_LISTEN", value_name = "ADDR:PORT", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Reverse proxy whose X-Forwarded-For counts: an address, or a network such as 10.0.0.0/8; may be given again
    #[arg(long, env = "LBUILD_TRUSTED_PROXY", value_name = "CIDR", value_delimiter = ',')]
    trusted_proxy: Vec<Network>,
    #[command(flatten)]
    common: Common,
}

/// The options as the service takes them.
pub fn resolve(options: &Options, context: &Context) -> Result<ServeOptions, Failure> {
    let serve = options.common.resolve(Some(options.listen), context)?;
    let proxies = options.trusted_proxy.iter().copied().collect();
    Ok(ServeOptions { limits: Limits { proxies, ..serve.limits }, ..serve })
}

/// Serves until it is told to stop.
pub fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let serve = resolve(options, context)?;
    lbuild_server::serve(&serve, |started| greet(started, &serve, context)).map_err(|error| failed(&error))
}

fn greet(started: &Started, options: &ServeOptions, context: &Context) {
    if context.global.json {
        // a service whose greeting nobody reads serves all the same
        let _ = output::print_json(&greeting(started, options));
        return;
    }
    let Some(address) = started.address else { return };
    let (workers, data) = (workers(options.workers), options.data.display());
    let (database, artifacts) = (started.database, &started.artifacts);
    let steps = started.admin_key.as_ref().map(|key| first_steps(key, address)).unwrap_or_default();
    let _ = output::print(&format!(
        "lbuild serves at http://{address} ({database}, {workers})
  data      {data}
  artifacts {artifacts}
{steps}"
    ));
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
