//! Runs a program of the development machine and says what failed.

use std::io;
use std::process::{Command, ExitStatus, Output};

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("cannot run `{program}`")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It ended with an error.
    #[error("`{line}` failed: {status}\n{stderr}")]
    Failed {
        /// The program and its arguments.
        line: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said.
        stderr: String,
    },
}

/// The program and its arguments, as one would type them.
pub fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

/// Runs it to its end with its output caught, whatever its exit code.
pub fn output(command: &mut Command) -> Result<Output, CommandError> {
    command.output().map_err(|source| CommandError::Start { program: line(command), source })
}

/// Runs it to its end; an exit code other than 0 is an error. Returns what it wrote to standard output.
pub fn stdout(command: &mut Command) -> Result<String, CommandError> {
    let output = output(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().collect();
    let stderr = lines[lines.len().saturating_sub(20)..].join("\n");
    Err(CommandError::Failed { line: line(command), status: output.status, stderr })
}

/// Runs it with its output on the terminal; an exit code other than 0 is an error.
pub fn show(command: &mut Command) -> Result<(), CommandError> {
    let status = command.status().map_err(|source| CommandError::Start { program: line(command), source })?;
    if status.success() {
        return Ok(());
    }
    Err(CommandError::Failed { line: line(command), status, stderr: String::new() })
}

/// Whether the search path has this program.
pub fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(std::path::PathBuf::from);
    std::env::split_paths(&path).chain(system).any(|directory| directory.join(program).is_file())
}
