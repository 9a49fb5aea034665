//! Tasks of jobs, and the environment of what runs in them.

use std::path::PathBuf;

use lbuild_image::command::ToolCommand;
use lbuild_sandbox::Task;

use crate::agent::script_path;

/// An agent's task.
pub(super) fn agent(name: &str, input: &impl serde::Serialize) -> Task {
    match serde_json::to_vec(input) {
        Ok(input) => Task::Agent { name: name.to_owned(), input },
        Err(error) => unreachable!("inputs of agents are plain data: {error}"),
    }
}

/// A program of the tools tree.
pub(super) fn tool_task(command: &ToolCommand) -> Task {
    Task::Exec {
        argv: command.argv.clone(),
        env: command.env.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        cwd: PathBuf::from("/"),
    }
}

/// The whole environment of package scripts.
pub(super) fn script_env(epoch: i64) -> Vec<(String, String)> {
    let pairs = [
        ("PATH", script_path()),
        ("HOME", "/root".to_owned()),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("TZ", "UTC".to_owned()),
        ("TERM", "dumb".to_owned()),
        ("DEBIAN_FRONTEND", "noninteractive".to_owned()),
        ("DEBCONF_NONINTERACTIVE_SEEN", "true".to_owned()),
        ("DEBCONF_NOWARNINGS", "yes".to_owned()),
        ("SOURCE_DATE_EPOCH", epoch.to_string()),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
