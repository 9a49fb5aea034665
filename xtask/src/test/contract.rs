//! Asks a running service whatever its OpenAPI document allows, and much that it does not, and compares the answers with
//! the document. Schemathesis does it: it is installed below the build directory, from the package index that the
//! machine is set up for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::jobs::Tally;
use crate::command::{CommandError, output, stdout};
use crate::service::Service;
use crate::workspace::Workspace;

/// The release of Schemathesis.
const RELEASE: &str = "4.32.5";

/// What every answer is checked for: it is no failure of the service, and the document has it as it is.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";

/// The same requests at every run.
const SEED: &str = "1";

/// Random requests of each operation, beside those that try every limit of its parameters once.
const EXAMPLES: &str = "50";

/// Seconds that it may take.
const LIMIT: &str = "600";

/// Keys are what is sent with every request; wrong ones are tried elsewhere, and end in a refusal of everything. A run
/// in which the service refused to look at what was sent has shown nothing.
const SETTINGS: &str = r#"
headers = { Authorization = "Bearer ${LBUILD_KEY}" }

[generation]
with-security-parameters = false

[warnings]
fail-on = ["missing_auth", "rate_limited", "unsupported_regex", "unresolvable_reference"]
"#;

/// Operations whose answers go on for as long as a build waits.
const STREAMS: &str = "^/ws|/events$";

/// Operations that take away what all others need: wrong keys bar an address, and a tenant can be left without room.
const HARMFUL: [&str; 2] = ["post_session", "patch_admin_tenants_by_id"];

/// Why the service could not be asked.
#[derive(Debug, thiserror::Error)]
enum ContractError {
    /// Schemathesis is not there.
    #[error("cannot install Schemathesis {RELEASE}")]
    Install(#[source] CommandError),
    /// A program could not be run.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The service does not start, or does not answer.
    #[error("the service cannot be asked")]
    Service(#[from] io::Error),
    /// It was not filled with things to ask about.
    #[error("`{path}` answered {status}")]
    Fill {
        /// Where a thing was sent.
        path: &'static str,
        /// What was answered.
        status: u16,
    },
}

/// Runs it as one check.
pub fn check(workspace: &Workspace, tally: &mut Tally) {
    let started = Instant::now();
    let (passed, text) = ask(workspace).unwrap_or_else(|error| (false, chain(&error)));
    tally.add("contract", passed, started, &text);
}

/// Whether every answer was one of the document, and what Schemathesis said.
fn ask(workspace: &Workspace) -> Result<(bool, String), ContractError> {
    let target = workspace.root.join("target");
    let program = install(&target).map_err(ContractError::Install)?;
    let scratch = target.join("xtask-test/contract");
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    fs::create_dir_all(&scratch)?;
    // the program came with the tests; it builds nothing, since there is no worker for what is asked for
    let service = Service::start(&target.join("debug/lbuild"), &scratch.join("data"), 0)?;
    fill(&service)?;
    let settings = scratch.join("schemathesis.toml");
    fs::write(&settings, SETTINGS)?;
    let said = output(
        Command::new("timeout")
            .arg(LIMIT)
            .arg(program)
            .arg("--config-file")
            .arg(settings)
            .arg("run")
            .arg(format!("http://{}/openapi.json", service.address))
            .args(["--checks", CHECKS, "--seed", SEED, "--max-examples", EXAMPLES])
            .args(["--phases", "examples,coverage,fuzzing", "--generation-database", "none"])
            .args(["--exclude-path-regex", STREAMS, "--request-timeout", "30"])
            .args(HARMFUL.iter().flat_map(|name| ["--exclude-operation-id", name]))
            .args(["--continue-on-failure", "--no-color"])
            .env("LBUILD_KEY", &service.key)
            .current_dir(&scratch),
    )?;
    let text = [said.stdout, said.stderr].concat();
    Ok((said.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

/// The program, installed once for each release.
fn install(target: &Path) -> Result<PathBuf, CommandError> {
    let directory = target.join(format!("schemathesis-{RELEASE}"));
    let program = directory.join("bin/schemathesis");
    if program.exists() {
        return Ok(program);
    }
    stdout(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&directory))?;
    let mut pip = Command::new(directory.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
    stdout(pip.arg(format!("schemathesis=={RELEASE}")))?;
    Ok(program)
}

/// Makes one thing of each kind, so that their addresses are found in the lists.
fn fill(service: &Service) -> Result<(), ContractError> {
    let spec = "spec = 1\nname = \"small\"\nbase = \"debian\"\noutputs = [\"rootfs\"]\n";
    let mut client = service.client()?;
    for (path, kind, body) in [
        ("/api/v1/builds", "application/toml", spec),
        ("/api/v1/configurations", "application/toml", spec),
        ("/api/v1/templates", "application/toml", spec),
        ("/api/v1/webhooks", "application/json", r#"{"url": "https://example.org/hook"}"#),
    ] {
        let answer = client.ask("POST", path, kind, body)?;
        if answer.status >= 300 {
            return Err(ContractError::Fill { path, status: answer.status });
        }
    }
    Ok(())
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
