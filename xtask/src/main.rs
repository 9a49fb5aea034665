//! Repository tasks. `cargo xtask test` is what continuous integration runs, and nothing else.
//!
//! | module | purpose |
//! |---|---|
//! | [`tidy`] | the rules of the workspace that no compiler checks |
//! | [`mod@test`] | everything that must pass before a change lands |
//! | [`mod@bench`] | time and memory against the tools that do the same today |
//! | [`fuzz`] | the fuzz targets, for as long as asked |
//! | [`service`] | a running service, and a client of it |
//! | [`machine`] | installs what tests and benchmarks compare with |
//! | [`workspace`] | where the repository is and what is in it |
//! | [`command`] | runs a program and says what failed |

mod bench;
mod command;
mod fuzz;
mod machine;
mod service;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Repository tasks.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check the rules of the workspace: layers, hazards, lengths, names, words.
    Tidy,
    /// Run everything that must pass before a change lands; install what it needs.
    Test(test::Options),
    /// Measure builds and the resolver against the tools that do the same today.
    Bench(bench::Options),
    /// Throw mutated inputs at every reader of foreign bytes.
    Fuzz(fuzz::Options),
}

/// What a task came to.
pub type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = Workspace::find().map_err(Into::into).and_then(|workspace| match arguments.task {
        Task::Tidy => tidy::run(&workspace),
        Task::Test(options) => test::run(&workspace, &options),
        Task::Bench(options) => bench::run(&workspace, &options),
        Task::Fuzz(options) => fuzz::run(&workspace, &options),
    });
    result.unwrap_or_else(|problem| {
        eprintln!("error: {problem}");
        let mut source = problem.source();
        while let Some(cause) = source {
            eprintln!("  caused by: {cause}");
            source = cause.source();
        }
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::Arguments::command().debug_assert();
    }
}
