//! A spec as it was written.

use std::collections::BTreeMap;

use crate::blueprint::{self, Blueprint};
use crate::check::{Check, check};
use crate::diagnostic::Diagnostics;
use crate::model::{Base, Fields, Header, LayerHeader, MergeStrategy};
use crate::origin::Layer;
use crate::report::{Finding, Report};
use crate::rules::Context;
use crate::schema;
use crate::source::Source;
use crate::syntax;
use crate::value::{Node, Value};

/// A spec as it was written, with its places in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildSpec {
    /// Version of the format.
    pub spec: u32,
    /// Name of the system.
    pub name: String,
    /// Fields of the top level.
    pub fields: Fields,
    /// The layers that the spec names.
    pub layers: BTreeMap<Layer, LayerFields>,
    pub(crate) tree: Node,
}

/// A layer as it was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerFields {
    /// What the layer sets.
    pub fields: Fields,
    /// Merge strategies by dotted path.
    pub merge: BTreeMap<String, MergeStrategy>,
}

impl BuildSpec {
    /// The spec as JSON, as it was written: layers apart, no defaults.
    pub fn to_json(&self) -> serde_json::Value {
        self.tree.to_json()
    }
}

/// Reads a spec and reports every error at once.
///
/// Errors are the ones that the text alone shows: syntax, unknown keys, wrong types and values that break a rule.
/// Contradictions between fields are found by [`blueprint()`].
pub fn parse(source: &Source) -> Result<BuildSpec, Diagnostics> {
    let mut report = Report::new(source);
    let tree = read(source, &mut report);
    match tree.filter(|_| !report.has_errors()).map(|tree| typed(tree, &mut report)) {
        Some(Ok(spec)) if !report.has_errors() => Ok(spec),
        Some(Err(finding)) => {
            report.add(finding);
            Err(report.finish())
        }
        _ => Err(report.finish()),
    }
}

/// Merges the layers of a spec, applies the compatibility rules and fills in defaults.
///
/// `source` must be the text that `spec` was read from; it gives the places for messages and origins.
pub fn blueprint(spec: &BuildSpec, source: &Source) -> Result<Blueprint, Diagnostics> {
    let mut report = Report::new(source);
    match blueprint::build(&spec.tree, &mut report) {
        Some(mut blueprint) if !report.has_errors() => {
            blueprint.warnings = report.finish().0;
            Ok(blueprint)
        }
        _ => Err(report.finish()),
    }
}

/// Reads a spec and reports everything that [`parse`] and [`blueprint()`] find, in one go.
pub fn validate(source: &Source) -> Result<Blueprint, Diagnostics> {
    let mut report = Report::new(source);
    // With more mistakes than are shown, what the fields mean together is beside the point.
    let tree = read(source, &mut report).filter(|_| !report.is_full());
    let Some(tree) = tree else { return Err(report.finish()) };
    match blueprint::build(&tree, &mut report) {
        Some(mut blueprint) if !report.has_errors() => {
            blueprint.warnings = report.finish().0;
            Ok(blueprint)
        }
        _ => Err(report.finish()),
    }
}

/// Text to a checked tree. The tree is also given when there were errors in it that are not about syntax.
fn read(source: &Source, report: &mut Report<'_>) -> Option<Node> {
    let tree = syntax::read(source, report)?;
    if !matches!(tree.value, Value::Table(_)) {
        let message = format!("a spec is a table, this is {}", tree.value.kind());
        report.add(Finding::error("type", tree.span, "", message));
        return None;
    }
    let context = Context { base: base(&tree) };
    check(&tree, schema::cached(), "", &mut Check { report, context });
    Some(tree)
}

/// The base that a spec names, wherever it does; the highest layer wins.
pub(crate) fn base(tree: &Node) -> Option<Base> {
    let layers = Layer::ALL.iter().rev().filter_map(|layer| tree.at(&["layers", layer.key(), "base"]));
    let node = layers.chain(tree.get("base")).next()?;
    serde_json::from_value(node.to_json()).ok()
}

fn typed(tree: Node, report: &mut Report<'_>) -> Result<BuildSpec, Finding> {
    let header: Header = convert(&tree)?;
    let fields = convert(&tree)?;
    let mut layers = BTreeMap::new();
    for layer in Layer::ALL {
        if let Some(node) = tree.at(&["layers", layer.key()]) {
            let LayerHeader { merge } = convert(node)?;
            layers.insert(layer, LayerFields { fields: convert(node)?, merge });
        }
    }
    // Strategies for fields that do not exist are an error of the text alone.
    crate::layers::blocks(&tree, report);
    Ok(BuildSpec { spec: header.spec, name: header.name, fields, layers, tree })
}

/// A checked tree as a type. The types made the schema, so this only fails when the two disagree.
pub(crate) fn convert<T: serde::de::DeserializeOwned>(node: &Node) -> Result<T, Finding> {
    serde_json::from_value(node.to_json())
        .map_err(|error| Finding::error("value", node.span, "", format!("not a valid value: {error}")))
}
