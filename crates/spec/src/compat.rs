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
        report.add(finding);
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

    fn error(&self, code: &'static str, node: &Node, message: impl Into<String>) -> Finding {
        Finding::error(code, node.span, &self.pointer(node.span), message)
    }

    fn warning(&self, code: &'static str, node: &Node, message: impl Into<String>) -> Finding {
        Finding::warning(code, node.span, &self.pointer(node.span), message)
    }

    /// Where a merged value stands in the written spec.
    fn pointer(&self, span: Span) -> String {
        find(self.tree, span, "").unwrap_or_default()
    }
}

/// The deepest node with exactly this place.
fn find(node: &Node, span: Span, pointer: &str) -> Option<String> {
    let below = match &node.value {
        Value::Table(entries) => {
            entries.iter().find_map(|entry| find(&entry.node, span, &join(pointer, &entry.key)))
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| find(item, span, &join(pointer, &index.to_string()))),
        _ => None,
    };
    below.or_else(|| (node.span == span).then(|| pointer.to_owned()))
}
