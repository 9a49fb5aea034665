//! Runs one test of this program in another process, to be killed or starved.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

const STORE: &str = "LBUILD_TEST_STORE";

/// A command that runs only the test called `name`, on the store at `path`. `prefix` is a program, with its arguments,
/// that prepares something and then runs what follows.
pub fn command(prefix: &[&str], name: &str, path: &Path) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut words: Vec<&std::ffi::OsStr> = prefix.iter().map(std::ffi::OsStr::new).collect();
    words.push(program.as_os_str());
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(["--exact", name, "--nocapture", "--test-threads=1"]);
    command.env(STORE, path).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Starts [`command`].
pub fn spawn(name: &str, path: &Path) -> Child {
    command(&[], name, path).spawn().unwrap()
}

/// The store that the parent process wants this test to work on; none when the test runs by itself.
pub fn given_store() -> Option<PathBuf> {
    std::env::var_os(STORE).map(PathBuf::from)
}
