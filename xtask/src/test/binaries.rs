//! Asks cargo for the test programs and each of them for its tests.

use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use crate::command::{CommandError, stdout};
use crate::workspace::Workspace;

/// One test program.
#[derive(Debug, Clone)]
pub struct Binary {
    /// Crate and target, such as `lbuild-store it`.
    pub name: String,
    /// The program.
    pub path: PathBuf,
    /// Folder of its crate, where it is run.
    pub directory: PathBuf,
    /// Its tests.
    pub tests: Vec<String>,
}

/// The part of cargo's message that matters here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    executable: Option<PathBuf>,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    profile: Profile,
    #[serde(default)]
    target: Target,
}

#[derive(Default, Deserialize)]
struct Profile {
    test: bool,
}

#[derive(Default, Deserialize)]
struct Target {
    name: String,
}

/// Every test program of the workspace with its tests. They must have been built.
pub fn list(workspace: &Workspace) -> Result<Vec<Binary>, CommandError> {
    let messages = stdout(
        Command::new("cargo")
            .args(["test", "--quiet", "--workspace", "--no-run", "--message-format", "json"])
            .current_dir(&workspace.root),
    )?;
    let mut binaries = Vec::new();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok()) {
        if let (true, true, Some(path)) =
            (message.reason == "compiler-artifact", message.profile.test, message.executable)
        {
            let directory = message.manifest_path.parent().unwrap_or(&workspace.root).to_owned();
            let folder =
                directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let name = format!("{folder}/{}", message.target.name);
            let tests = parse_list(&stdout(
                Command::new(&path).args(["--list", "--format", "terse"]).current_dir(&directory),
            )?);
            binaries.push(Binary { name, path, directory, tests });
        }
    }
    binaries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(binaries)
}

fn parse_list(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{Message, parse_list};

    #[test]
    fn tests_are_read_from_the_terse_list() {
        assert_eq!(parse_list("a::b: test\nc: benchmark\nd: test\n"), ["a::b", "d"]);
    }

    #[test]
    fn messages_of_other_kinds_are_read_too() {
        let message: Message =
            serde_json::from_str(r#"{"reason":"build-finished","success":true}"#).expect("a message");
        assert_eq!(message.reason, "build-finished");
    }
}
