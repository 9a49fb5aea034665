//! The five layers: where a field naturally sits, and how layers become one tree.

use std::collections::HashMap;

use serde_json::Value as Json;

use crate::model::MergeStrategy;
use crate::origin::Layer;
use crate::report::{Finding, Report, quote};
use crate::rules;
use crate::schema;
use crate::value::{Entry, Node, Value, join};

/// One contribution to a layer.
pub(crate) struct Block {
    pub(crate) layer: Layer,
    /// JSON pointer of the block in the written spec: empty, or `/layers/<layer>`.
    pub(crate) pointer: String,
    pub(crate) entries: Vec<Entry>,
    pub(crate) strategies: Strategies,
}

/// Merge strategies by dotted path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strategies(Vec<(String, MergeStrategy)>);

impl Strategies {
    pub(crate) fn get(&self, path: &str) -> Option<MergeStrategy> {
        self.0.iter().find(|(known, _)| known == path).map(|(_, strategy)| *strategy)
    }
}

/// The layer that a field of the top level belongs to.
pub(crate) fn natural(key: &str) -> Layer {
    match key {
        "base" | "release" | "architecture" | "outputs" | "kernel" | "init" | "filesystem" | "mirrors"
        | "repositories" => Layer::OpeningStatement,
        "display" | "network" => Layer::Platform,
        "hostname" | "locale" | "timezone" | "keyboard" | "customization" | "defaults" => Layer::Rhetoric,
        "files" | "postInstall" => Layer::ClosingArgument,
        _ => Layer::TalkingPoints,
    }
}

/// The same; nothing for what only the top level has.
pub(crate) fn of(key: &str) -> Option<Layer> {
    (!of_top(key)).then(|| natural(key))
}

fn of_top(key: &str) -> bool {
    matches!(key, "spec" | "name" | "layers")
}

/// Takes a spec apart into blocks, lowest precedence first.
pub(crate) fn blocks(spec: &Node, report: &mut Report<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    for layer in Layer::ALL {
        let own = spec.entries().iter().filter(|entry| of(&entry.key) == Some(layer));
        let entries: Vec<_> = own.map(|entry| stamped(entry, layer)).collect();
        if !entries.is_empty() {
            blocks.push(Block { layer, pointer: String::new(), entries, strategies: Strategies::default() });
        }
        if let Some(written) = spec.at(&["layers", layer.key()]) {
            blocks.push(written_block(written, layer, report));
        }
    }
    blocks
}

fn written_block(written: &Node, layer: Layer, report: &mut Report<'_>) -> Block {
    let pointer = format!("/layers/{}", layer.key());
    let strategies = written.get("merge").map(|node| strategies(node, &pointer, report)).unwrap_or_default();
    let fields = written.entries().iter().filter(|entry| entry.key != "merge");
    Block { layer, pointer, entries: fields.map(|entry| stamped(entry, layer)).collect(), strategies }
}

fn strategies(node: &Node, pointer: &str, report: &mut Report<'_>) -> Strategies {
    let mut known = Vec::new();
    for entry in node.entries() {
        let path: Vec<&str> = entry.key.split('.').collect();
        if schema::field(&path).is_none() || of_top(path[0]) {
            let message = format!("{} is not the path of a field", quote(&entry.key));
            let pointer = join(&join(pointer, "merge"), &entry.key);
            let near = rules::did_you_mean(&entry.key, schema::paths().iter().map(String::as_str));
            let hint =
                near.unwrap_or_else(|| "write it with dots, for example `kernel.parameters`".to_owned());
            report.add(Finding::error("unknown-field", entry.key_span, &pointer, message).hint(hint));
        }
        let strategy = match entry.node.text() {
            Some("replace") => MergeStrategy::Replace,
            Some("append") => MergeStrategy::Append,
            Some("deep") => MergeStrategy::Deep,
            _ => continue,
        };
        known.push((entry.key.clone(), strategy));
    }
    Strategies(known)
}

fn stamped(entry: &Entry, layer: Layer) -> Entry {
    let mut entry = entry.clone();
    stamp(&mut entry.node, layer);
    entry
}

fn stamp(node: &mut Node, layer: Layer) {
    node.layer = Some(layer);
    match &mut node.value {
        Value::Array(items) => items.iter_mut().for_each(|item| stamp(item, layer)),
        Value::Table(entries) => entries.iter_mut().for_each(|entry| stamp(&mut entry.node, layer)),
        _ => {}
    }
}

/// Merges the blocks into one tree of effective values. `packages`, `remove` and `files` have rules of their own
/// and are left out.
pub(crate) fn merge(blocks: &[Block], spec: &Node) -> Node {
    let mut effective = Node::new(Value::Table(Vec::new()), spec.span);
    for block in blocks {
        let merge = Merge { strategies: &block.strategies };
        let entries = block.entries.iter().filter(|entry| !special(&entry.key)).cloned().collect();
        let table = Node { layer: Some(block.layer), ..Node::new(Value::Table(entries), spec.span) };
        effective = merge.tables(effective, table, schema::cached(), "", MergeStrategy::Deep);
    }
    effective
}

fn special(key: &str) -> bool {
    matches!(key, "packages" | "remove" | "files")
}

struct Merge<'b> {
    strategies: &'b Strategies,
}

impl Merge<'_> {
    fn nodes(&self, lower: Node, higher: Node, schema: &'static Json, path: &str) -> Node {
        let usual = || match schema.get("x-merge").and_then(Json::as_str) {
            Some("replace") => MergeStrategy::Replace,
            _ if matches!(higher.value, Value::Table(_)) => MergeStrategy::Deep,
            _ => MergeStrategy::Append,
        };
        let strategy = self.strategies.get(path).unwrap_or_else(usual);
        self.with(lower, higher, schema, path, strategy)
    }

    fn with(
        &self,
        lower: Node,
        higher: Node,
        schema: &'static Json,
        path: &str,
        strategy: MergeStrategy,
    ) -> Node {
        match (&lower.value, &higher.value, strategy) {
            (Value::Table(_), Value::Table(_), MergeStrategy::Append | MergeStrategy::Deep) => {
                self.tables(lower, higher, schema, path, strategy)
            }
            (Value::Array(_), Value::Array(_), MergeStrategy::Append | MergeStrategy::Deep) => {
                self.arrays(lower, higher, schema, path, strategy)
            }
            _ => replace(&lower, higher),
        }
    }

    fn tables(
        &self,
        mut lower: Node,
        higher: Node,
        schema: &'static Json,
        path: &str,
        strategy: MergeStrategy,
    ) -> Node {
        let fields = schema::tables(schema).find_map(|table| table.get("properties"));
        let Value::Table(entries) = &mut lower.value else { return higher };
        let Value::Table(additions) = higher.value else { return lower };
        let index: HashMap<String, usize> =
            entries.iter().enumerate().map(|(at, entry)| (entry.key.clone(), at)).collect();
        for addition in additions {
            // Keys of one table are unique, so what is added here cannot meet a later addition.
            let Some(&found) = index.get(&addition.key) else {
                entries.push(addition);
                continue;
            };
            let below = entries[found].node.clone();
            let path =
                if path.is_empty() { addition.key.clone() } else { format!("{path}.{}", addition.key) };
            let field = fields.and_then(|fields| fields.get(&addition.key));
            entries[found].key_span = addition.key_span;
            entries[found].node = match (strategy, field) {
                (MergeStrategy::Deep, Some(field)) => self.nodes(below, addition.node, field, &path),
                _ => replace(&below, addition.node),
            };
        }
        lower
    }

    fn arrays(
        &self,
        mut lower: Node,
        higher: Node,
        schema: &'static Json,
        path: &str,
        strategy: MergeStrategy,
    ) -> Node {
        let key = schema.get("x-key").and_then(Json::as_str);
        let item_schema = schema.get("items").unwrap_or(schema);
        let Value::Array(items) = &mut lower.value else { return higher };
        let Value::Array(additions) = higher.value else { return lower };
        let identity = |item: &Node| match key {
            Some(key) => item.get(key).map_or(String::new(), |node| node.to_json().to_string()),
            None => item.to_json().to_string(),
        };
        let mut index: HashMap<String, usize> =
            items.iter().enumerate().map(|(at, item)| (identity(item), at)).collect();
        for addition in additions {
            let identity = identity(&addition);
            match index.get(&identity).copied() {
                Some(found) if strategy == MergeStrategy::Deep && key.is_some() => {
                    let below = items[found].clone();
                    items[found] = self.with(below, addition, item_schema, path, MergeStrategy::Deep);
                }
                Some(found) if key.is_some() => items[found] = replace(&items[found].clone(), addition),
                Some(_) => {}
                None => {
                    index.insert(identity, items.len());
                    items.push(addition);
                }
            }
        }
        lower
    }
}

fn replace(lower: &Node, mut higher: Node) -> Node {
    higher.overrode.clone_from(&lower.overrode);
    if let Some(layer) = lower.layer {
        higher.overrode.push((layer, lower.span));
    }
    higher
}
