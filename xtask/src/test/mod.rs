//! `cargo xtask test`: everything that must pass before a change lands, on a machine that has only cargo.
//!
//! | module | purpose |
//! |---|---|
//! | [`binaries`] | builds the test programs and asks each for its tests |
//! | [`suites`] | cuts the tests into jobs: unit and integration, privileged, booted |
//! | [`jobs`] | runs jobs side by side and adds up what passed |
//! | [`contract`] | asks a running service whatever its OpenAPI document allows, and much that it does not |

mod binaries;
mod contract;
mod jobs;
mod suites;

use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Args;

use crate::Outcome;
use crate::command::{output, show};
use crate::machine;
use crate::tidy;
use crate::workspace::Workspace;
use jobs::Tally;

/// Which part to run; everything without an option.
#[derive(Args)]
pub struct Options {
    /// Only formatting, clippy, tidy, and the tests that need neither a sandbox nor a guest.
    #[arg(long)]
    pub fast: bool,
    /// Only tests whose name contains this text, and nothing but tests.
    #[arg(long)]
    pub filter: Option<String>,
}

/// Inputs for each fuzz target: a few seconds each, always the same ones.
const FUZZ_RUNS: &str = "20000";

/// Runs it all; the last line says how much passed and failed.
pub fn run(workspace: &Workspace, options: &Options) -> Outcome {
    let started = Instant::now();
    let mut tally = Tally::default();
    if options.filter.is_none() {
        if !options.fast {
            machine::prepare_tests()?;
        }
        checks(workspace, &mut tally)?;
    }
    tests(workspace, options, &mut tally)?;
    if options.filter.is_none() {
        tally.add_command("fuzz", &mut fuzz(workspace))?;
        if !options.fast {
            contract::check(workspace, &mut tally);
        }
    }
    for failure in &tally.failures {
        println!("failed: {failure}");
    }
    println!("{:.0} s", started.elapsed().as_secs_f64());
    println!("{} passed, {} failed", tally.passed, tally.failures.len());
    Ok(if tally.failures.is_empty() && tally.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn cargo(workspace: &Workspace) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(&workspace.root);
    command
}

fn fuzz(workspace: &Workspace) -> Command {
    let mut command = cargo(workspace);
    command.args(["run", "--quiet", "--package", "lbuild-fuzz", "--", "--runs", FUZZ_RUNS]);
    command
}

/// What needs no test program.
fn checks(workspace: &Workspace, tally: &mut Tally) -> Outcome {
    let started = Instant::now();
    let (findings, text) = tidy::findings(workspace)?;
    tally.add("tidy", findings == 0, started, &text);
    if output(cargo(workspace).args(["fmt", "--version"]))?.status.success() {
        tally.add_command("format", cargo(workspace).args(["fmt", "--all", "--check"]))?;
    } else {
        tally.add("format", false, started, "`cargo fmt` is missing: `rustup component add rustfmt`");
    }
    let clippy = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    tally.add_command("clippy", cargo(workspace).args(clippy))?;
    let mut docs = cargo(workspace);
    docs.args(["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"]);
    tally.add_command("docs", docs.env("RUSTDOCFLAGS", "--deny warnings"))?;
    Ok(ExitCode::SUCCESS)
}

fn tests(workspace: &Workspace, options: &Options, tally: &mut Tally) -> Outcome {
    println!("building the tests");
    // the integration tests run the programs that cargo builds for them; the messages of a failed build are shown
    show(cargo(workspace).args(["test", "--quiet", "--workspace", "--no-run"]))?;
    let binaries = binaries::list(workspace)?;
    let plan = suites::plan(&binaries, options.filter.as_deref(), options.fast);
    let logs = workspace.root.join("target/xtask-test");
    std::fs::create_dir_all(&logs)?;
    jobs::run(&plan.side_by_side, jobs::processors(), &logs, tally);
    jobs::run(&plan.slow, jobs::processors(), &logs, tally);
    if options.filter.is_none() {
        for suite in plan.empty_suites(options.fast) {
            tally.add(suite, false, Instant::now(), "no test of this suite was found");
        }
    }
    Ok(ExitCode::SUCCESS)
}
