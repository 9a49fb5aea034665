//! Requests and removals of packages across the layers.
//!
//! Higher layers win by name: a later request replaces or revives an earlier one, a later removal takes it out.

use std::collections::HashMap;

use crate::layers::Block;
use crate::model::{Base, MergeStrategy};
use crate::names::{Named, PackageMap};
use crate::origin::{Layer, Origin, SetField, Sourced};
use crate::report::{Finding, Report, quote};
use crate::request::{PackageRequest, Tier};
use crate::rules::{Parts, parse_request, split_relation};
use crate::source::Span;
use crate::value::{Node, Value, join};

use super::build::origin;

/// What the layers asked for and took out.
pub(crate) struct Collected {
    pub(crate) requests: Vec<Sourced<PackageRequest>>,
    pub(crate) removals: Vec<Sourced<String>>,
    /// Where each request was written, in the same order.
    pub(crate) spans: Vec<Span>,
    /// Names that the base does not package, with where they were written.
    pub(crate) unpackaged: Vec<(String, Span)>,
}

impl Collected {
    pub(super) fn set(&self, set: &mut Vec<SetField>) {
        let requests =
            self.requests.iter().map(|request| ("/packages", &request.value.name, &request.origin));
        let removals = self.removals.iter().map(|removal| ("/remove", &removal.value, &removal.origin));
        set.extend(
            requests
                .chain(removals)
                .map(|(table, name, origin)| SetField { pointer: join(table, name), origin: origin.clone() }),
        );
    }
}

/// One wish of one layer.
struct Wish {
    what: What,
    layer: Layer,
    span: Span,
    origin: Origin,
}

enum What {
    Install(PackageRequest),
    Remove(String),
    /// The base packages nothing that the table of names means by this.
    Unpackaged(String),
}

impl Wish {
    fn name(&self) -> &str {
        match &self.what {
            What::Install(request) => &request.name,
            What::Remove(name) | What::Unpackaged(name) => name,
        }
    }
}

/// Collects the wishes of all layers, lowest first.
pub(super) fn collect(blocks: &[Block], base: Option<Base>, report: &mut Report<'_>) -> Collected {
    let mut wishes = Wishes::default();
    let mut unpackaged = Vec::new();
    for block in blocks {
        if block.strategies.get("packages") == Some(MergeStrategy::Replace) {
            wishes.retain(|wish| wish.layer == block.layer || matches!(wish.what, What::Remove(_)));
        }
        if block.strategies.get("remove") == Some(MergeStrategy::Replace) {
            wishes.retain(|wish| wish.layer == block.layer || matches!(wish.what, What::Install(_)));
        }
        let reader = Reader { block, base };
        for entry in &block.entries {
            let found = match entry.key.as_str() {
                "packages" => reader.packages(&entry.node, report),
                "remove" => reader.removals(&entry.node, report),
                _ => continue,
            };
            let pointer = join(&block.pointer, &entry.key);
            for wish in found {
                match wish.what {
                    What::Unpackaged(name) => unpackaged.push((name, wish.span)),
                    _ => wishes.add(wish, &pointer, report),
                }
            }
        }
    }
    sorted(wishes.list, unpackaged)
}

fn sorted(wishes: Vec<Wish>, unpackaged: Vec<(String, Span)>) -> Collected {
    let mut collected =
        Collected { requests: Vec::new(), removals: Vec::new(), spans: Vec::new(), unpackaged };
    for Wish { what, origin, span, .. } in wishes {
        match what {
            What::Install(value) => {
                collected.requests.push(Sourced { value, origin });
                collected.spans.push(span);
            }
            What::Remove(value) => collected.removals.push(Sourced { value, origin }),
            What::Unpackaged(name) => collected.unpackaged.push((name, span)),
        }
    }
    collected
}

/// Wishes in order, found by name: hostile specs have many.
#[derive(Default)]
struct Wishes {
    list: Vec<Wish>,
    index: HashMap<String, usize>,
}

impl Wishes {
    fn retain(&mut self, keep: impl Fn(&Wish) -> bool) {
        self.list.retain(keep);
        self.index = self.list.iter().enumerate().map(|(at, wish)| (wish.name().to_owned(), at)).collect();
    }

    fn add(&mut self, mut wish: Wish, pointer: &str, report: &mut Report<'_>) {
        let Some(&found) = self.index.get(wish.name()) else {
            self.index.insert(wish.name().to_owned(), self.list.len());
            self.list.push(wish);
            return;
        };
        let earlier = &mut self.list[found];
        if earlier.layer == wish.layer {
            match (&mut earlier.what, &wish.what) {
                (What::Install(a), What::Install(b)) if a.version == b.version && a.suite == b.suite => {
                    a.tier = a.tier.min(b.tier);
                }
                (What::Remove(_), What::Remove(_)) => {}
                _ => report.add(contradiction(earlier, &wish, pointer, report.line(earlier.span))),
            }
            return;
        }
        wish.origin.overrode.clone_from(&earlier.origin.overrode);
        wish.origin.overrode.push(report.written(earlier.layer, earlier.span));
        *earlier = wish;
    }
}

fn contradiction(earlier: &Wish, wish: &Wish, pointer: &str, line: u32) -> Finding {
    let name = quote(wish.name());
    let message = match (&earlier.what, &wish.what) {
        (What::Install(_), What::Install(_)) => {
            format!("{name} is asked for twice, with different versions or suites")
        }
        _ => format!("{name} is both asked for and removed"),
    };
    let hint = "keep one of the two, or put the one that shall win into a higher layer";
    Finding::error("contradiction", wish.span, pointer, message)
        .reason(format!("the same layer, `{}`, already mentions it on line {line}", wish.layer))
        .hint(hint)
}

struct Reader<'b> {
    block: &'b Block,
    base: Option<Base>,
}

impl Reader<'_> {
    fn packages(&self, node: &Node, report: &Report<'_>) -> Vec<Wish> {
        let list = node.items().iter().flat_map(|item| self.requests(item, None, report));
        let table = node.entries().iter().flat_map(|entry| match entry.node.value {
            Value::Bool(true) => {
                let node = Node { value: Value::String(entry.key.clone()), ..entry.node.clone() };
                self.requests(&Node { span: entry.key_span, ..node }, None, report)
            }
            Value::Bool(false) => self.removal(&entry.node, &entry.key, report),
            _ => {
                let items = entry.node.items().iter();
                items.flat_map(|item| self.requests(item, Some(&entry.key), report)).collect()
            }
        });
        list.chain(table).collect()
    }

    fn removals(&self, node: &Node, report: &Report<'_>) -> Vec<Wish> {
        let names = node.items().iter().filter_map(|item| item.text().map(|name| (item, name)));
        names.flat_map(|(item, name)| self.removal(item, name, report)).collect()
    }

    fn removal(&self, node: &Node, name: &str, report: &Report<'_>) -> Vec<Wish> {
        match self.names(name) {
            // What the base does not package is not there either.
            Some(Named::NotPackaged) | None => vec![self.wish(node, What::Remove(name.to_owned()), report)],
            Some(Named::As(names)) => {
                names.iter().map(|name| self.wish(node, What::Remove(name.clone()), report)).collect()
            }
        }
    }

    /// Broken requests were reported with the text; they are left out here.
    fn requests(&self, node: &Node, category: Option<&str>, report: &Report<'_>) -> Vec<Wish> {
        let Some((parts, native)) = self.parts(node) else { return Vec::new() };
        let base_layer = matches!(self.block.layer, Layer::OpeningStatement | Layer::Platform);
        let tier = if base_layer || category == Some("base") { Tier::Base } else { Tier::Added };
        let category = category.map(str::to_owned);
        let own = native || parts.version.is_some() || parts.suite.is_some();
        let names = if own { None } else { self.names(&parts.name) };
        match names {
            None => {
                let Parts { name, version, suite } = parts;
                let request = PackageRequest { name, written: None, version, suite, tier, category };
                vec![self.wish(node, What::Install(request), report)]
            }
            Some(Named::NotPackaged) => vec![self.wish(node, What::Unpackaged(parts.name), report)],
            Some(Named::As(names)) => {
                let install = |name: &String| {
                    let written = (*name != parts.name).then(|| parts.name.clone());
                    let (name, category) = (name.clone(), category.clone());
                    PackageRequest { name, written, version: None, suite: None, tier, category }
                };
                names.iter().map(|name| self.wish(node, What::Install(install(name)), report)).collect()
            }
        }
    }

    /// A request taken apart, and whether its name is the base's own.
    fn parts(&self, node: &Node) -> Option<(Parts, bool)> {
        if let Some(text) = node.text() {
            return Some((parse_request(text, self.base).ok()?, false));
        }
        let parts = Parts {
            name: node.get("name")?.text()?.to_owned(),
            version: node.get("version").and_then(Node::text).map(split_relation).transpose().ok()?,
            suite: node.get("suite").and_then(Node::text).map(str::to_owned),
        };
        Some((parts, node.get("native").and_then(Node::flag) == Some(true)))
    }

    fn names(&self, name: &str) -> Option<Named<'static>> {
        Some(PackageMap::builtin().program(name)?.on(self.base?))
    }

    fn wish(&self, node: &Node, what: What, report: &Report<'_>) -> Wish {
        Wish { what, layer: self.block.layer, span: node.span, origin: origin(node, report) }
    }
}
