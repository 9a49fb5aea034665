//! Changes to the text of a spec that leave everything else as it was written: comments, order, quotes, line breaks.
//!
//! The places come from the spans of the tree that was read, so one way serves all three syntaxes. What an edit makes
//! is read again: a text that is no spec is never given out.
//!
//! - `remove`: takes an entry out of a list or table
//! - `insert`: adds an entry

mod insert;
mod remove;

use crate::diagnostic::Diagnostics;
use crate::origin::Origin;
use crate::source::{Format, LineIndex, Position, Source, Span};
use crate::spec::{BuildSpec, parse};
use crate::value::{Node, Value};

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// Takes out what is written there: a request, a removal, a pin.
    Drop {
        /// Where it is written.
        at: Origin,
    },
    /// Takes out the setting whose value is written there.
    Unset {
        /// Where the value is written.
        at: Origin,
    },
    /// Gives a setting a text for its value.
    Set {
        /// Where its value is written now, if it is.
        at: Option<Origin>,
        /// The keys that lead to it when it is not.
        path: Vec<String>,
        /// The value.
        value: String,
    },
    /// Writes another request there.
    Replace {
        /// Where it is written.
        at: Origin,
        /// The request as a spec writes it, such as `htop/trixie-backports`.
        with: String,
    },
    /// Adds a text to a list, which is made when there is none.
    Append {
        /// The keys that lead to the list.
        path: Vec<String>,
        /// What stands in the list before, when it has to be made.
        default: Vec<String>,
        /// What is added.
        value: String,
    },
    /// Switches something on.
    Enable {
        /// The keys that lead to it.
        path: Vec<String>,
    },
}

/// Why a text cannot be changed so; a person can still do it.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The text has nothing at that place that can be changed alone.
    #[error("what line {line} says cannot be changed alone")]
    Place {
        /// The line.
        line: u32,
    },
    /// A value of another kind stands where the change belongs.
    #[error("`{path}` is written in a form that cannot be added to")]
    Shape {
        /// The keys, with dots.
        path: String,
    },
    /// The result would not be a spec.
    #[error("the changed text would not be a spec")]
    Result(#[source] Diagnostics),
}

/// The text with all changes, which `spec` was read from.
pub fn edit(spec: &BuildSpec, source: &Source, edits: &[Edit]) -> Result<String, EditError> {
    let mut source = source.clone();
    let mut spec = spec.clone();
    let mut left: Vec<&Edit> = edits.iter().collect();
    // From the back, so that the places of those that are left stay where they are.
    left.sort_by_key(|edit| std::cmp::Reverse(place_of(edit)));
    for edit in left {
        let text = Editor { source: &source, root: &spec.tree }.apply(edit)?;
        source.text = text;
        spec = parse(&source).map_err(EditError::Result)?;
    }
    Ok(source.text)
}

/// Additions have no place of their own: they come last, when no other place is needed any more.
fn place_of(edit: &Edit) -> (u32, u32) {
    match edit {
        Edit::Drop { at }
        | Edit::Unset { at }
        | Edit::Set { at: Some(at), .. }
        | Edit::Replace { at, .. } => (at.line, at.column),
        Edit::Set { at: None, .. } | Edit::Append { .. } | Edit::Enable { .. } => (0, 0),
    }
}

struct Editor<'s> {
    source: &'s Source,
    root: &'s Node,
}

/// The members of a list or table as places in the text, and which of them is meant.
struct Member<'s> {
    parent: &'s Node,
    spans: Vec<Span>,
    at: usize,
    /// The key, when it is an entry of a table.
    key: Option<Span>,
}

impl<'s> Editor<'s> {
    fn text(&self) -> &'s str {
        &self.source.text
    }

    fn apply(&self, edit: &Edit) -> Result<String, EditError> {
        match edit {
            Edit::Drop { at } => Ok(self.without(&self.find(at, false)?)),
            Edit::Unset { at } => Ok(self.without(&self.find(at, true)?)),
            Edit::Replace { at, with } => self.replaced(&self.find(at, false)?, at, with),
            Edit::Set { at: Some(at), value, .. } => {
                let Member { spans, at: member, key, .. } = self.find(at, true)?;
                let key = key.ok_or(EditError::Place { line: at.line })?;
                let entry = trimmed(self.text(), spans[member]);
                let value_start = self.place(at).filter(|start| *start > key.start && *start < entry.end);
                let start = value_start.ok_or(EditError::Place { line: at.line })?;
                Ok(splice(self.text(), Span::new(start, entry.end), &self.scalar(value)))
            }
            Edit::Set { at: None, path, value } => self.set(path, value),
            Edit::Append { path, default, value } => self.appended(path, default, value),
            Edit::Enable { path } => self.enabled(path),
        }
    }

    /// The entry or item at a place; of a setting, its value may be the place.
    fn find(&self, at: &Origin, setting: bool) -> Result<Member<'s>, EditError> {
        let lines = LineIndex::new(self.text());
        let wanted = Position { line: at.line, column: at.column };
        let is_there = |span: Span| lines.position(self.text(), span.start) == wanted;
        member(self.root, &is_there, setting).ok_or(EditError::Place { line: at.line })
    }

    /// Where a place is in the text, in bytes.
    fn place(&self, at: &Origin) -> Option<usize> {
        let line = self.text().split_inclusive('\n').take(at.line as usize).collect::<Vec<_>>();
        let (last, before) = line.split_last()?;
        let column = last.char_indices().nth((at.column as usize).checked_sub(1)?)?.0;
        Some(before.iter().map(|line| line.len()).sum::<usize>() + column)
    }

    fn replaced(&self, member: &Member<'_>, at: &Origin, with: &str) -> Result<String, EditError> {
        let text = self.text();
        match member.key {
            None => Ok(splice(text, trimmed(text, member.spans[member.at]), &self.scalar(with))),
            // A switch has room for a name only.
            Some(key) if !with.contains(['/', '=', ' ']) => Ok(splice(text, key, &self.key(with))),
            Some(_) => Err(EditError::Place { line: at.line }),
        }
    }

    /// A text as the syntax writes it.
    fn scalar(&self, value: &str) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+._/=-".contains(&byte);
        let is_plain = value.bytes().all(plain) && value.starts_with(|c: char| c.is_ascii_alphabetic());
        if self.source.format == Format::Yaml && is_plain {
            return value.to_owned();
        }
        // What a name, version or suite consists of needs no escapes but these, in any of the three.
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    }

    /// A key as the syntax writes it.
    fn key(&self, key: &str) -> String {
        let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        let is_bare = self.source.format != Format::Json && !key.is_empty() && key.bytes().all(bare);
        if is_bare { key.to_owned() } else { self.scalar(key) }
    }
}

/// The list item or table entry that begins at a place; of an entry, the key or a switch may be the place, and of a
/// `setting` any value.
fn member<'s>(node: &'s Node, is_there: &dyn Fn(Span) -> bool, setting: bool) -> Option<Member<'s>> {
    let items = node.items();
    if let Some(at) = items.iter().position(|item| is_there(item.span)) {
        return Some(Member {
            parent: node,
            spans: items.iter().map(|item| item.span).collect(),
            at,
            key: None,
        });
    }
    let entries = node.entries();
    let here = |entry: &crate::value::Entry| {
        let is_switch = setting || matches!(entry.node.value, Value::Bool(_));
        is_there(entry.key_span) || is_switch && is_there(entry.node.span)
    };
    if let Some(at) = entries.iter().position(here) {
        let spans =
            entries.iter().map(|entry| Span::new(entry.key_span.start, entry.node.span.end)).collect();
        return Some(Member { parent: node, spans, at, key: Some(entries[at].key_span) });
    }
    let children = items.iter().chain(entries.iter().map(|entry| &entry.node));
    children.into_iter().find_map(|child| member(child, is_there, setting))
}

/// The text with a range replaced.
fn splice(text: &str, span: Span, by: &str) -> String {
    format!("{}{by}{}", &text[..span.start], &text[span.end..])
}

/// A span without the white space at its end, which block styles have.
fn trimmed(text: &str, span: Span) -> Span {
    Span::new(span.start, span.start + text[span.start..span.end].trim_end().len())
}

/// Where the line of a place begins.
fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Where the line of a place ends, its line break included.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

/// The white space that a line begins with.
fn indentation(text: &str, at: usize) -> &str {
    let start = line_start(text, at);
    let length = text[start..].len() - text[start..].trim_start_matches([' ', '\t']).len();
    &text[start..start + length]
}
