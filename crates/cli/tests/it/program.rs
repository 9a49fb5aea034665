//! Runs the binary with an environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A directory with specs in it, and a store.
pub struct Place {
    directory: TempDir,
}

/// A spec that is valid and needs nothing of the network to be checked.
pub const MINIMAL: &str = "\
spec = 1
name = \"minimal\"
base = \"debian\"
release = \"trixie\"
outputs = [\"rootfs\"]
packages = [\"tree\"]

[kernel]
flavor = \"none\"
";

impl Place {
    /// An empty directory.
    pub fn new() -> Self {
        Self { directory: TempDir::new().expect("a temporary directory") }
    }

    /// A directory that exists.
    pub fn at(directory: TempDir) -> Self {
        Self { directory }
    }

    /// A directory with this spec as `spec.toml`.
    pub fn with_spec(text: &str) -> Self {
        let place = Self::new();
        place.write("spec.toml", text);
        place
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).expect("a file in the temporary directory");
    }

    /// The path of a file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The binary, to be run here with the store `store` and without anything of the caller's environment that it
    /// looks at.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lbuild"));
        let variables = ["CI", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "LBUILD_PROGRESS", "XDG_CACHE_HOME"];
        for variable in variables {
            command.env_remove(variable);
        }
        command.args(arguments).current_dir(self.directory()).env("LBUILD_STORE", self.path("store"));
        command.env("HOME", self.directory()).env("COLUMNS", "100");
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(&mut self.command(arguments))
    }
}

/// A program that ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ended {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().expect("the program starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
