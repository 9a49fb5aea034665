//! `lbuild-fuzz`: throws mutated inputs at every target in `fuzz_targets/` and keeps what breaks one.
//!
//! - [`targets`]: the table of targets, written by `build.rs` from the directory.
//! - [`mutate`]: a seed and a corpus in, the next input out; the same seed gives the same inputs.
//! - [`worker`]: the process that runs one target, under limits of time and memory.
//! - [`supervise`]: starts workers, and says what killed one.
//!
//! There is no coverage feedback: stable Rust has none to read. What the corpus does not reach by mutation
//! stays unreached, so a corpus file for every feature of a format is worth more than a longer run.

mod mutate;
mod supervise;
mod targets;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// Mutation fuzzing of every reader of foreign bytes.
#[derive(Parser)]
#[command(name = "lbuild-fuzz")]
struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// Only targets whose name contains this text.
    #[arg(long, default_value = "")]
    target: String,
    /// Stop each target after this many seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Stop each target after this many inputs (0: only by time).
    #[arg(long, default_value_t = 0)]
    runs: u64,
    /// Where the sequence of inputs starts; the same seed and corpus give the same inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Directory with `corpus/<target>/`, and where `artifacts/<target>/` is written.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR")))]
    directory: PathBuf,
}

#[derive(Subcommand)]
enum Action {
    /// Print the names of the targets.
    List,
    /// Run one target on one file, without catching anything.
    Reproduce {
        /// Name of the target.
        target: String,
        /// The input.
        file: PathBuf,
    },
    /// The process that `supervise` starts.
    #[command(hide = true)]
    Worker {
        /// Name of the target.
        target: String,
        /// File that always holds the input being run.
        current: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let plan = supervise::Plan {
        directory: arguments.directory,
        limit: Duration::from_secs(arguments.seconds),
        runs: arguments.runs,
        seed: arguments.seed,
    };
    let result = match arguments.action {
        None => supervise::run_all(&plan, &arguments.target),
        Some(Action::List) => {
            for target in targets::TARGETS {
                println!("{}", target.name);
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(Action::Reproduce { target, file }) => worker::reproduce(&target, &file),
        Some(Action::Worker { target, current }) => worker::run(&plan, &target, &current),
    };
    result.unwrap_or_else(|problem| {
        eprintln!("error: {problem}");
        ExitCode::FAILURE
    })
}
