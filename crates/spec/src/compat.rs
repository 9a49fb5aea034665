//! Compatibility rules: what fields mean together.
//!
//! Every rule names the field, says why, and what to change. Rules look at the merged tree, which may still hold
//! values that were reported already; they skip what they cannot read.

mod access;
mod desktop;
mod files;
mod network;
mod packages;
mod storage;
mod system;

use crate::blueprint::{Collected, File};
use crate::model::Base;
use crate::origin::Sourced;
use crate::report::{Finding, Report};
use crate::source::Span;
use crate::value::{Node, Value, join};

/// Everything that a rule may look at.
pub(crate) struct System<'n> {
    /// The spec as written.
    pub(crate) tree: &'n Node,
    /// The layers merged, without packages and files.
    pub(crate) effective: &'n Node,
    pub(crate) packages: &'n Collected,
    pub(crate) files: &'n [Sourced<File>],
}

/// Runs all rules.
pub(crate) fn check(system: &System<'_>, report: &mut Report<'_>) {
    let mut findings = Vec::new();
    for rule in [
        system::rules,
        desktop::rules,
        access::rules,
        network::rules,
        packages::rules,
        storage::rules,
        files::rules,
    ] {
        rule(system, &mut findings);
    }
    for finding in findings {
        let pointer = if report.is_full() { None } else { find(system.tree, finding.span()) };
        report.add(finding.point_to(pointer.unwrap_or_default()));
    }
}

impl System<'_> {
    fn at(&self, path: &[&str]) -> Option<&Node> {
        self.effective.at(path)
    }

    fn text(&self, path: &[&str]) -> Option<(&Node, &str)> {
        self.at(path).and_then(|node| node.text().map(|text| (node, text)))
    }

    fn flag(&self, path: &[&str]) -> Option<(&Node, bool)> {
        self.at(path).and_then(|node| node.flag().map(|flag| (node, flag)))
    }

    fn items(&self, path: &[&str]) -> &[Node] {
        self.at(path).map(Node::items).unwrap_or_default()
    }

    fn base(&self) -> Option<Base> {
        self.at(&["base"]).and_then(|node| serde_json::from_value(node.to_json()).ok())
    }

    fn has_output(&self, outputs: &[&str]) -> bool {
        self.items(&["outputs"]).iter().filter_map(Node::text).any(|output| outputs.contains(&output))
    }
}

fn error(code: &'static str, node: &Node, message: impl Into<String>) -> Finding {
    Finding::error(code, node.span, "", message)
}

fn warning(code: &'static str, node: &Node, message: impl Into<String>) -> Finding {
    Finding::warning(code, node.span, "", message)
}

/// Where the deepest node with exactly this place stands in the written spec.
fn find(tree: &Node, span: Span) -> Option<String> {
    let mut path = Vec::new();
    descend(tree, span, &mut path)
        .then(|| path.iter().rev().fold(String::new(), |path, part| join(&path, part)))
}

/// Collects the path from the end, so that nothing is built for nodes that are not on it.
fn descend(node: &Node, span: Span, path: &mut Vec<String>) -> bool {
    let below = match &node.value {
        Value::Table(entries) => {
            let entry = entries.iter().find(|entry| descend(&entry.node, span, path));
            entry.map(|entry| entry.key.clone())
        }
        Value::Array(items) => {
            items.iter().position(|item| descend(item, span, path)).map(|at| at.to_string())
        }
        _ => None,
    };
    let found = below.is_some() || node.span == span;
    path.extend(below);
    found
}
