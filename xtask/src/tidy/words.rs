//! What no file may contain, and what each must.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::workspace::{Workspace, WorkspaceError};

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc", "stuff"];

/// Marks of unfinished work. They are cut in two here, so that this file does not break its own rule.
const MARKS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX:"),
    concat!("to", "do!("),
    concat!("dbg", "!("),
    concat!("unimplemented", "!("),
    concat!("#[ig", "nore"),
    concat!("allow(dead", "_code)"),
    concat!("allow(unu", "sed"),
    concat!("|| ", "true"),
];

/// Files that are not text of ours: licences, locks, keys, pictures, recorded inputs.
fn is_foreign(file: &str) -> bool {
    const ENDINGS: &[&str] = &["lock", "svg", "png", "pgp", "gpg", "asc", "deb", "xz", "zst", "gz", "bin"];
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    file == "LICENSE" || ENDINGS.contains(&ending) || file.starts_with("fuzz/corpus/")
}

/// Every Rust file starts by saying what it is for.
pub fn module_docs(workspace: &Workspace) -> Result<Vec<String>, WorkspaceError> {
    let mut found = Vec::new();
    for file in workspace.rust_files() {
        let text = workspace.read(file)?;
        let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
        if !first.is_some_and(|line| line.starts_with("//!")) {
            found.push(format!("{file} does not start with `//!`"));
        }
    }
    Ok(found)
}

/// No file and no folder is named after nothing.
#[expect(clippy::unnecessary_wraps, reason = "the table of rules wants one signature")]
pub fn names(workspace: &Workspace) -> Result<Vec<String>, WorkspaceError> {
    let is_empty = |part: &str| EMPTY_NAMES.contains(&part.split('.').next().unwrap_or_default());
    let found = workspace.files.iter().filter(|file| file.split('/').any(is_empty));
    Ok(found.map(|file| format!("{file}: the name says nothing about what is inside")).collect())
}

/// No marks of unfinished work.
pub fn unfinished(workspace: &Workspace) -> Result<Vec<String>, WorkspaceError> {
    search(workspace, &MARKS.iter().map(|mark| (*mark).to_owned()).collect(), false)
}

/// No host of a package registry that this machine uses, and no path of this machine. Both are read at run time.
pub fn machine(workspace: &Workspace) -> Result<Vec<String>, WorkspaceError> {
    let mut found = search(workspace, &hosts(), true)?;
    found.extend(search(workspace, &paths(&workspace.root), false)?);
    Ok(found)
}

fn search(
    workspace: &Workspace,
    words: &BTreeSet<String>,
    hide: bool,
) -> Result<Vec<String>, WorkspaceError> {
    let mut found = Vec::new();
    // cargo writes the name of the default index into its lock, whatever mirror it uses
    let read = |file: &&String| !is_foreign(file) || (hide && *file != "Cargo.lock");
    for file in workspace.files.iter().filter(read) {
        for (number, line) in workspace.read(file)?.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(word.as_str())) {
                // the message goes to logs, which should not name a host of this machine either
                let word = if hide { "a host of this machine's package configuration" } else { word };
                found.push(format!("{file}:{}: {word}", number + 1));
            }
        }
    }
    Ok(found)
}

/// Hosts in the configuration of the package tools of this machine.
fn hosts() -> BTreeSet<String> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cargo = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let mut files = vec![
        PathBuf::from("/etc/apt/sources.list"),
        PathBuf::from("/etc/npmrc"),
        PathBuf::from("/etc/pip.conf"),
        home.join(".npmrc"),
        home.join(".config/pip/pip.conf"),
        home.join(".pip/pip.conf"),
        cargo.join("config.toml"),
        cargo.join("config"),
    ];
    let sources = std::fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    files.extend(sources.map(|entry| entry.path()));
    // a file that is not there names no host
    let mut text: String = files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).collect();
    for name in ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "NPM_CONFIG_REGISTRY", "npm_config_registry"] {
        text.push_str(&std::env::var(name).unwrap_or_default());
    }
    hosts_in(&text)
}

fn hosts_in(text: &str) -> BTreeSet<String> {
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    text.split("://")
        .skip(1)
        .map(|rest| rest.split(|c: char| c == '/' || c.is_whitespace()).next().unwrap_or_default())
        .map(|authority| authority.rsplit('@').next().unwrap_or_default())
        .map(|host| host.chars().take_while(|c| is_host(*c)).collect::<String>())
        .filter(|host| host.contains('.'))
        .collect()
}

/// The repository's own path, and the home directory unless it is everybody's.
fn paths(root: &Path) -> BTreeSet<String> {
    let home = std::env::var("HOME").unwrap_or_default();
    let mut paths = BTreeSet::from([root.display().to_string()]);
    if !matches!(home.as_str(), "" | "/" | "/root") {
        paths.insert(home);
    }
    // other folders of the one that the repository lies in, where that folder is somebody's own
    let parent = root.parent().filter(|parent| {
        !["/", "/tmp", "/home", "/root", "/opt", "/srv", "/usr/src", "/var/tmp"]
            .contains(&&*parent.to_string_lossy())
    });
    let neighbours = parent.and_then(|parent| std::fs::read_dir(parent).ok()).into_iter().flatten().flatten();
    paths.extend(neighbours.map(|entry| entry.path().display().to_string()));
    paths
}

#[cfg(test)]
mod tests {
    use super::{hosts_in, is_foreign};

    #[test]
    fn hosts_are_cut_out_of_addresses() {
        let hosts = hosts_in(
            "deb [x=y] http://mirror.example.org/debian x\nURIs: https://u:p@b.example:8080/x\nfile:///x",
        );
        assert_eq!(hosts.into_iter().collect::<Vec<_>>(), ["b.example", "mirror.example.org"]);
    }

    #[test]
    fn locks_and_pictures_are_foreign() {
        assert!(is_foreign("Cargo.lock") && is_foreign("LICENSE") && is_foreign("docs/run.svg"));
        assert!(!is_foreign("README.md") && !is_foreign("crates/cli/src/main.rs"));
    }
}
