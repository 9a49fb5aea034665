//! The binary `lbuild`: subcommands, progress and messages. What it does is done by the engine.
//!
//! | module | purpose |
//! |---|---|
//! | [`arguments`] | the command line as types |
//! | [`command`] | one module per command |
//! | [`context`] | what every command needs |
//! | [`output`] | the way to standard output and standard error |
//! | [`spec_file`] | reads a spec and reports what is wrong with it |
//! | [`settings`] | settings of the service: options, environment, file |
//! | [`session`] | a running build: progress on the screen, Ctrl-C |
//! | [`progress`] | shows events: interactive, plain, JSON, quiet |
//! | [`interrupt`] | turns signals into a request to stop |
//! | [`summary`], [`explain`] | what is printed when a build is done |
//! | [`conflict`] | explains why packages do not fit together |
//! | [`engine_failure`] | errors of the engine as failures of a command |
//! | [`failure`] | why a command failed, its exit code, and how that is printed |
//! | [`terminal`] | what the terminal can show |
//! | [`mod@format`] | sizes, times and foreign text for people |

mod arguments;
mod command;
mod conflict;
mod context;
mod engine_failure;
mod explain;
mod failure;
mod file;
mod fix;
mod format;
mod interrupt;
mod output;
mod progress;
mod prose;
mod session;
mod settings;
mod spec_file;
mod summary;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::settings::Refusal;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    // the same program is the supervisor of a sandbox, and becomes it before it has a thread or reads anything
    lbuild_sandbox::dispatch(lbuild_engine::agents());
    let words: Vec<_> = std::env::args_os().collect();
    let terminal = Terminal::detect();
    let (arguments, settings) = match settings::parse(&words) {
        Ok(parsed) => parsed,
        Err(Refusal::Usage(error)) => refuse(&error, asks_for_json(&words)),
        Err(Refusal::File(failure)) => return fail(&failure, terminal, asks_for_json(&words)),
    };
    let context = Context { global: arguments.global.clone(), terminal, settings };
    match command::run(arguments, &context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure, terminal, context.global.json),
    }
}

/// Says why it failed.
fn fail(failure: &Failure, terminal: Terminal, json: bool) -> ExitCode {
    output::print_error(&failure.render(terminal.stderr, terminal.width));
    if let (true, Some(report)) = (json, failure.report()) {
        // the failure that is being reported decides the exit code, not one of reporting it
        let _ = output::print_json(&report);
    }
    ExitCode::from(failure.exit() as u8)
}

/// For when there are no arguments that could say so.
fn asks_for_json(words: &[OsString]) -> bool {
    words.iter().any(|word| word == "--json")
}

/// Ends with what is wrong with the command line, or with the help that was asked for.
fn refuse(error: &clap::Error, json: bool) -> ! {
    if json && error.use_stderr() {
        let text = error.render().to_string();
        let message = text.split("\n\n").next().unwrap_or(&text).trim_start_matches("error: ").trim_end();
        let _ = output::print_json(&Failure::new(Exit::Usage, message).report());
    }
    error.exit()
}
