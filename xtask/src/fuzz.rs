//! `cargo xtask fuzz`: builds the runner and hands it the arguments.

use std::process::{Command, ExitCode};

use clap::Args;

use crate::Outcome;
use crate::command::show;
use crate::workspace::Workspace;

/// How long to fuzz, and what.
#[derive(Args)]
pub struct Options {
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
    /// Only targets whose name contains this text.
    #[arg(long, default_value = "")]
    pub target: String,
    /// Start of the sequence of inputs; another seed gives other inputs.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Runs the targets.
pub fn run(workspace: &Workspace, options: &Options) -> Outcome {
    show(
        Command::new("cargo")
            .args(["run", "--quiet", "--package", "lbuild-fuzz", "--"])
            .args(["--seconds", &options.seconds.to_string(), "--seed", &options.seed.to_string()])
            .args(["--target", &options.target])
            .current_dir(&workspace.root),
    )?;
    Ok(ExitCode::SUCCESS)
}
