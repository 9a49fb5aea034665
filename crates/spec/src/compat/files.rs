//! Overlay files beside each other.

use std::collections::{HashMap, HashSet};

use super::{System, error, warning};
use crate::report::{Finding, quote};
use crate::value::Node;

pub(super) fn rules(system: &System<'_>, found: &mut Vec<Finding>) {
    let mut spelled: HashMap<String, &str> = HashMap::new();
    let paths: HashSet<&str> = system.files.iter().map(|file| file.value.path.as_str()).collect();
    for file in system.files {
        let path = file.value.path.as_str();
        if let Some(other) = spelled.insert(path.to_lowercase(), path) {
            let message = format!("{} and {} differ only in upper and lower case", quote(other), quote(path));
            let reason = "on file systems that ignore case one would replace the other";
            found.push(at_path(system, path, |node| {
                error("contradiction", node, message.clone()).reason(reason).hint("rename one of them")
            }));
        }
        let parent = parents(path).find(|parent| paths.contains(parent));
        if let Some(parent) = parent {
            let message = format!("{} lies below {}, which is a file", quote(path), quote(parent));
            found.push(at_path(system, path, |node| {
                error("contradiction", node, message.clone())
                    .hint("a path is a file or a directory, not both")
            }));
        }
        if file.value.mode & 0o6000 != 0 {
            let message = format!("{} runs with the rights of its owner or group", quote(path));
            found.push(at_path(system, path, |node| {
                warning("set-id", node, message.clone())
                    .hint("drop the leading digit of `mode` unless it is needed")
            }));
        }
    }
}

/// Every directory above a path.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.char_indices().filter(|&(at, c)| c == '/' && at > 0).map(|(at, _)| &path[..at])
}

/// A finding at the place where a path was last written.
fn at_path(system: &System<'_>, path: &str, make: impl Fn(&Node) -> Finding) -> Finding {
    let layers = crate::origin::Layer::ALL.iter().rev();
    let lists = layers
        .filter_map(|layer| system.tree.at(&["layers", layer.key(), "files"]))
        .chain(system.tree.get("files"));
    let node = lists
        .flat_map(Node::items)
        .filter_map(|item| item.get("path"))
        .find(|node| node.text() == Some(path))
        .unwrap_or(system.tree);
    make(node)
}
