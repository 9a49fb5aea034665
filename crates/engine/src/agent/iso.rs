//! Makes an ISO with the programs of the tools tree.

use std::path::Path;

use lbuild_image::command::ToolCommand;
use lbuild_image::iso::{IsoOptions, IsoPlaces, plan};
use lbuild_sandbox::AgentIo;
use serde::{Deserialize, Serialize};

use super::program::Program;
use super::{chain, input};

/// What the image says about itself, and where its parts are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct IsoInput {
    pub(crate) options: IsoOptions,
    pub(crate) places: IsoPlaces,
}

pub(super) fn run(io: &mut AgentIo) -> Result<(), String> {
    let IsoInput { options, places } = input(io)?;
    std::fs::create_dir_all(&places.work)
        .map_err(|error| format!("cannot make `{}`: {error}", places.work))?;
    let plan = plan(&options, &places).map_err(|error| chain(&error))?;
    for step in &plan.prepare {
        if let Some(command) = step.perform(Path::new("/")).map_err(|error| chain(&error))? {
            tool(command)?;
        }
    }
    tool(&plan.image)
}

fn tool(command: &ToolCommand) -> Result<(), String> {
    let env: Vec<_> = command.env.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    Program { argv: &command.argv, env: &env, stdin: None }.run()
}
