//! Makes an ISO, or a part of one, with the programs of the tools tree.

use std::path::Path;

use lbuild_image::iso::IsoStep;
use lbuild_sandbox::AgentIo;
use serde::{Deserialize, Serialize};

use super::program::Program;
use super::{chain, input};

/// What is to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct IsoInput {
    /// A directory for what the steps write; it is made.
    pub(crate) work: String,
    /// In this order.
    pub(crate) steps: Vec<IsoStep>,
}

pub(super) fn run(io: &mut AgentIo) -> Result<(), String> {
    let IsoInput { work, steps } = input(io)?;
    std::fs::create_dir_all(&work).map_err(|error| format!("cannot make `{work}`: {error}"))?;
    for step in &steps {
        if let Some(command) = step.perform(Path::new("/")).map_err(|error| chain(&error))? {
            let env: Vec<_> = command.env.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            Program { argv: &command.argv, env: &env, stdin: None }.run()?;
        }
    }
    Ok(())
}
