//! Proves the configuration in the tree that it was carried out on.

use std::path::Path;

use super::program::Program;
use crate::configure::{Check, Probe};

/// Fails with every probe that does not hold.
pub(super) fn prove(probes: &[Probe], env: &[(String, String)]) -> Result<(), String> {
    let mut failed = Vec::new();
    for Probe { concern, check } in probes {
        match holds(check, env) {
            Ok(true) => {}
            Ok(false) => failed.push(format!("{concern}: it does not hold that {check}")),
            Err(reason) => failed.push(format!("{concern}: cannot tell whether {check}: {reason}")),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("without effect: {}", failed.join("; "))) }
}

fn holds(check: &Check, env: &[(String, String)]) -> Result<bool, String> {
    if let Check::Command { argv, output } = check {
        let printed = Program { argv, env, stdin: None }.output()?;
        return Ok(String::from_utf8_lossy(&printed).contains(output.as_str()));
    }
    let held = check.holds(Path::new("/")).map_err(|error| error.to_string())?;
    held.ok_or_else(|| "it needs a program".to_owned())
}
