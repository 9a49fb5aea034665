//! Makes an ISO with the programs of the tools tree.

use std::path::Path;

use lbuild_image::command::ToolCommand;
use lbuild_image::iso::{IsoOptions, IsoPlaces, LiveSystem, plan};
use lbuild_sandbox::AgentIo;
use serde::{Deserialize, Serialize};

use super::program::Program;
use super::{chain, input};

/// What the image says about itself, and where its parts are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct IsoInput {
    pub(crate) volume_id: String,
    pub(crate) disk_info: String,
    pub(crate) epoch: u64,
    pub(crate) seed: [u8; 32],
    pub(crate) title: String,
    pub(crate) parameters: Vec<String>,
    pub(crate) timeout: u32,
    pub(crate) work: String,
    pub(crate) kernel: String,
    pub(crate) initrd: String,
    pub(crate) squashfs: String,
    pub(crate) output: String,
}

pub(super) fn run(io: &mut AgentIo) -> Result<(), String> {
    let input: IsoInput = input(io)?;
    let options = IsoOptions {
        volume_id: input.volume_id,
        disk_info: input.disk_info,
        epoch: input.epoch,
        seed: input.seed,
        live: LiveSystem { title: input.title, parameters: input.parameters, timeout: input.timeout },
    };
    let places = IsoPlaces {
        work: input.work,
        kernel: input.kernel,
        initrd: input.initrd,
        squashfs: input.squashfs,
        output: input.output,
    };
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
