//! Files and functions that fit in a head. What does not yet is listed in `xtask/lengths.toml`, which only shrinks.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::source::{functions, production_code, production_lines};
use crate::workspace::{Workspace, WorkspaceError, is_test_file};

/// Longest production part of a file, in lines.
const FILE: usize = 500;
/// Longest function, in lines.
const FUNCTION: usize = 100;
/// What is longer for now.
const LIST: &str = "xtask/lengths.toml";

/// `"path" = lines` for files, `"path name" = lines` for functions.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    files: BTreeMap<String, usize>,
    #[serde(default)]
    functions: BTreeMap<String, usize>,
}

/// The rule about lengths.
pub fn check(workspace: &Workspace) -> Result<Vec<String>, WorkspaceError> {
    let list: List = toml::from_str(&workspace.read(LIST)?)
        .map_err(|source| WorkspaceError::Manifest { file: LIST.to_owned(), source: Box::new(source) })?;
    let (mut files, mut long_functions) = (BTreeMap::new(), BTreeMap::new());
    for file in workspace.rust_files().filter(|file| !is_test_file(file)) {
        let text = workspace.read(file)?;
        let lines = production_lines(&text);
        if lines > FILE {
            files.insert(file.to_owned(), lines);
        }
        for function in functions(&production_code(&text)) {
            if function.lines > FUNCTION {
                long_functions.insert(format!("{file} {}", function.name), function.lines);
            }
        }
    }
    let mut found = compare(&files, &list.files, FILE);
    found.extend(compare(&long_functions, &list.functions, FUNCTION));
    Ok(found)
}

/// Every listed length must be the true one: growth is refused, and a shorter one is written down.
fn compare(actual: &BTreeMap<String, usize>, listed: &BTreeMap<String, usize>, limit: usize) -> Vec<String> {
    let mut found = Vec::new();
    for (name, lines) in actual {
        match listed.get(name) {
            None => found.push(format!("{name}: {lines} lines, at most {limit}")),
            Some(listed) if lines > listed => {
                found.push(format!("{name}: grew from {listed} to {lines} lines"));
            }
            Some(listed) if lines < listed => {
                found.push(format!("{name}: {lines} lines now, write that to {LIST} instead of {listed}"));
            }
            Some(_) => {}
        }
    }
    let gone = listed.keys().filter(|name| !actual.contains_key(*name));
    found.extend(gone.map(|name| format!("{name}: no longer over {limit} lines, remove it from {LIST}")));
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::compare;

    #[test]
    fn the_list_only_shrinks() {
        let map = |lines: usize| BTreeMap::from([("a".to_owned(), lines)]);
        assert!(compare(&map(600), &map(600), 500).is_empty());
        assert!(compare(&map(601), &map(600), 500)[0].contains("grew"));
        assert!(compare(&map(599), &map(600), 500)[0].contains("write that"));
        assert!(compare(&BTreeMap::new(), &map(600), 500)[0].contains("remove it"));
        assert!(compare(&map(600), &BTreeMap::new(), 500)[0].contains("at most"));
    }
}
