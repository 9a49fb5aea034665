//! `cargo xtask bench`: what a build costs, against the tools that do the same today, in one run on one machine.
//!
//! | module | purpose |
//! |---|---|
//! | [`product`] | our builds: cold, warm, changed, unchanged |
//! | [`mod@reference`] | mmdebstrap, mksquashfs and grub-mkrescue with the same packages |
//! | [`resolve`] | `lbuild resolve` against `apt-get -s` |
//! | [`memory`] | the memory of our own processes |
//! | [`table`] | ratios, limits and the markdown |

mod memory;
mod product;
mod reference;
mod resolve;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Args;

use crate::Outcome;
use crate::command::{show, stdout};
use crate::machine;
use crate::workspace::Workspace;
use product::Product;
use reference::Reference;
use table::{Measured, Table};

/// How to measure.
#[derive(Args)]
pub struct Options {
    /// Measurements of each case; the median counts.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// The spec to build.
    #[arg(long, default_value = "examples/debian-live.toml")]
    spec: PathBuf,
    /// Write the table into docs/performance.md.
    #[arg(long)]
    write: bool,
    /// Directory for everything that is built, on a disk with 20 GB free.
    #[arg(long)]
    scratch: Option<PathBuf>,
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

/// Measures, prints the table, and fails when a limit is not kept.
pub fn run(workspace: &Workspace, options: &Options) -> Outcome {
    machine::prepare_reference()?;
    show(
        Command::new("cargo")
            .args(["build", "--release", "--package", "lbuild"])
            .current_dir(&workspace.root),
    )?;
    let scratch = options.scratch.clone().unwrap_or_else(|| workspace.root.join("target/bench"));
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    fs::create_dir_all(&scratch)?;
    let result = measure(workspace, options, &scratch);
    fs::remove_dir_all(&scratch)?;
    let table = result?;
    let text = table.markdown();
    println!("{text}");
    if options.write {
        table::write(&workspace.root.join("docs/performance.md"), &text)?;
    }
    Ok(if table.kept() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure(
    workspace: &Workspace,
    options: &Options,
    scratch: &Path,
) -> Result<Table, Box<dyn std::error::Error>> {
    let product = Product::new(workspace, &workspace.root.join(&options.spec), scratch)?;
    let mut measured = Measured::default();
    println!("fetching everything once, so that both sides find the same warm path to the mirror");
    let lock = product.prepare()?;
    let reference = Reference::new(&lock, scratch)?;
    reference.build("reference-first")?;
    let mut store = String::new();
    for run in 1..=options.runs {
        println!("run {run} of {}", options.runs);
        settle(scratch)?;
        let times = reference.build(&format!("reference-{run}"))?;
        store = format!("store-{run}");
        let cold = product.measure(&store, &mut measured)?;
        println!("  reference {:.1} s, cold {cold:.1} s", times.total());
        measured.reference.push(times);
    }
    resolve::measure(&product, &store, &reference, scratch, options.runs, &mut measured)?;
    Ok(Table::new(&measured))
}
