//! From text to one tree of values, whatever the syntax.
//!
//! Limits hold for every syntax: size of the text, depth, no aliases, no duplicate keys, no numbers that are not
//! numbers. They are checked here so that nothing behind this module has to think about hostile nesting.

mod json;
mod toml;
mod yaml;

use crate::report::{Finding, Report};
use crate::source::{Format, Source, Span};
use crate::value::{Entry, Node, Value, join};

/// Longest text of a spec, in bytes.
pub const MAX_BYTES: usize = 4_000_000;

/// Deepest nesting of lists and tables.
pub const MAX_DEPTH: usize = 64;

/// Most values in one spec.
pub const MAX_VALUES: usize = 100_000;

/// Reads the text into a tree. `None` when it cannot be read at all; the report says why.
pub(crate) fn read(source: &Source, report: &mut Report<'_>) -> Option<Node> {
    if source.text.len() > MAX_BYTES {
        let message = format!("the spec has {} bytes, the limit is {MAX_BYTES}", source.text.len());
        let hint = "put large files beside the spec and name them with `source` under `files`";
        report.add(Finding::error("too-large", Span::default(), "", message).hint(hint));
        return None;
    }
    match source.format {
        Format::Toml => toml::read(&source.text, report),
        Format::Yaml => yaml::read(&source.text, report),
        Format::Json => json::read(&source.text, report),
    }
}

/// Counts values, so that a small text cannot become a tree that fills memory.
#[derive(Default)]
struct Budget {
    values: usize,
}

impl Budget {
    fn spend(&mut self, span: Span) -> Result<(), Finding> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(too_many(span));
        }
        Ok(())
    }
}

fn too_many(span: Span) -> Finding {
    Finding::error("too-large", span, "", format!("the spec has more than {MAX_VALUES} values"))
}

fn too_deep(span: Span) -> Finding {
    Finding::error(
        "too-deep",
        span,
        "",
        format!("lists and tables are nested deeper than {MAX_DEPTH} levels"),
    )
}

/// Reports the second and later uses of a key and keeps the first.
fn unique(entries: Vec<Entry>, pointer: &str, report: &mut Report<'_>) -> Vec<Entry> {
    let mut seen = std::collections::HashMap::with_capacity(entries.len());
    let mut kept = Vec::with_capacity(entries.len());
    for entry in entries {
        if let Some(&first) = seen.get(&entry.key) {
            let line = report.line(first);
            let message = format!("duplicate key {}", crate::report::quote(&entry.key));
            let reason = format!("it is already set on line {line}");
            report.add(
                Finding::error("duplicate-key", entry.key_span, &join(pointer, &entry.key), message)
                    .reason(reason),
            );
        } else {
            seen.insert(entry.key.clone(), entry.key_span);
            kept.push(entry);
        }
    }
    kept
}

/// Removes duplicate keys at every depth. The depth is bounded by [`MAX_DEPTH`].
fn dedup(node: &mut Node, pointer: &str, report: &mut Report<'_>) {
    match &mut node.value {
        Value::Table(entries) => {
            *entries = unique(std::mem::take(entries), pointer, report);
            for entry in entries {
                dedup(&mut entry.node, &join(pointer, &entry.key), report);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                dedup(item, &join(pointer, &index.to_string()), report);
            }
        }
        _ => {}
    }
}
