//! Runs one test of the running test program in another process, to be killed or starved.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Tells the other process which directory to work on.
const DIRECTORY: &str = "LBUILD_TEST_DIRECTORY";

/// A command that runs only the test called `name`, on the directory `path`. `prefix` is a program, with its arguments,
/// that prepares something and then runs what follows.
///
/// # Panics
/// When the running program cannot be found.
pub fn command(prefix: &[&str], name: &str, path: &Path) -> Command {
    let program = std::env::current_exe().expect("the running program");
    let mut words: Vec<OsString> = prefix.iter().map(|word| OsStr::new(word).to_owned()).collect();
    words.push(program.into_os_string());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(["--exact", name, "--nocapture", "--test-threads=1"]);
    command.env(DIRECTORY, path).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Starts [`command`] without a prefix.
///
/// # Panics
/// When it does not start.
pub fn spawn(name: &str, path: &Path) -> Child {
    command(&[], name, path).spawn().expect("the test program")
}

/// The directory that the parent process wants this test to work on; none when the test runs by itself.
pub fn given_directory() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}
