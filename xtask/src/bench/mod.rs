//! `cargo xtask bench`: time and memory, against the tools that do the same today, in one run on one machine.
//!
//! | module | purpose |
//! |---|---|
//! | [`build`] | builds against a reference pipeline |
//! | [`product`] | our builds: cold, warm, changed, unchanged |
//! | [`mod@reference`] | mmdebstrap, mksquashfs and grub-mkrescue with the same packages |
//! | [`resolve`] | indexes and the resolver, against apt and libsolv |
//! | [`service`] | the service under load, its queue and its lists |
//! | [`apt`], [`sources`] | apt with directories of its own, over the archives of a lock |
//! | [`memory`] | the memory of our own processes |
//! | [`table`] | ratios, limits and the markdown |

mod apt;
mod build;
mod memory;
mod product;
mod reference;
mod resolve;
mod service;
mod sources;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::{Args, Subcommand};

use crate::Outcome;
use crate::command::{show, stdout};
use crate::machine;
use crate::workspace::Workspace;
use table::Table;

/// How to measure.
#[derive(Args)]
pub struct Options {
    /// What to measure; everything, if nothing is named.
    #[command(subcommand)]
    part: Option<Part>,
    /// Measurements of each case; the median counts.
    #[arg(long, default_value_t = 3, global = true)]
    runs: usize,
    /// The spec to build.
    #[arg(long, default_value = "examples/debian-live.toml")]
    spec: PathBuf,
    /// Write the tables into docs/performance.md.
    #[arg(long, global = true)]
    write: bool,
    /// Directory for everything that is built, on a disk with 20 GB free.
    #[arg(long, global = true)]
    scratch: Option<PathBuf>,
}

/// A part of the benchmark, with a table of its own.
#[derive(Subcommand, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Builds, against mmdebstrap, mksquashfs and grub-mkrescue.
    Build,
    /// Indexes and the resolver, against apt and libsolv; it takes a minute.
    Resolve,
    /// The service under load, its queue and its lists; it takes some minutes.
    Service,
}

/// Seconds that `work` takes.
fn timed(work: impl FnOnce() -> Outcome) -> Result<f64, Box<dyn std::error::Error>> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64())
}

/// Waits until the disk has everything that was written before, so that nobody is measured who waits for another's.
fn settle(directory: &Path) -> Outcome {
    stdout(Command::new("sync").arg("--file-system").arg(directory))?;
    Ok(ExitCode::SUCCESS)
}

/// Measures, prints the tables, and fails when a limit is not kept.
pub fn run(workspace: &Workspace, options: &Options) -> Outcome {
    machine::prepare_reference()?;
    show(
        Command::new("cargo")
            .args(["build", "--release", "--package", "lbuild"])
            .current_dir(&workspace.root),
    )?;
    let scratch = options.scratch.clone().unwrap_or_else(|| workspace.root.join("target/bench"));
    let parts =
        options.part.map_or_else(|| vec![Part::Resolve, Part::Build, Part::Service], |part| vec![part]);
    let mut kept = true;
    for part in parts {
        let table = in_scratch(&scratch, || match part {
            Part::Build => build::measure(workspace, options, &scratch),
            Part::Resolve => resolve::measure(workspace, options, &scratch),
            Part::Service => service::measure(workspace, options, &scratch),
        })?;
        println!("{}", table.markdown());
        if options.write {
            table.write(&workspace.root.join("docs/performance.md"))?;
        }
        kept &= table.kept();
    }
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Measures in an empty directory, and removes it.
fn in_scratch(
    scratch: &Path,
    measure: impl FnOnce() -> Result<Table, Box<dyn std::error::Error>>,
) -> Result<Table, Box<dyn std::error::Error>> {
    if scratch.exists() {
        fs::remove_dir_all(scratch)?;
    }
    fs::create_dir_all(scratch)?;
    let result = measure();
    fs::remove_dir_all(scratch)?;
    result
}
