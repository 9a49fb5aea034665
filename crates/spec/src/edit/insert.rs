//! Adds an entry to a list or table, which is made when there is none.

use super::{EditError, Editor, indentation, line_end, line_start, splice, trimmed};
use crate::source::{Format, Span};
use crate::value::{Node, Value};

impl Editor<'_> {
    /// The text with a value added to the list at `path`.
    pub(super) fn appended(
        &self,
        path: &[String],
        default: &[String],
        value: &str,
    ) -> Result<String, EditError> {
        let shape = || EditError::Shape { path: path.join(".") };
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        match self.root.at(&keys) {
            Some(Node { value: Value::Array(items), span, .. }) => self
                .added(
                    *span,
                    &items.iter().map(|item| item.span).collect::<Vec<_>>(),
                    &self.scalar(value),
                    true,
                )
                .ok_or_else(shape),
            Some(_) => Err(shape()),
            None => {
                let items = default.iter().map(String::as_str).chain([value]);
                let list: Vec<String> = items.map(|item| self.scalar(item)).collect();
                self.created(&keys, &format!("[{}]", list.join(", "))).ok_or_else(shape)
            }
        }
    }

    /// The text with the flag at `path` set.
    pub(super) fn enabled(&self, path: &[String]) -> Result<String, EditError> {
        let shape = || EditError::Shape { path: path.join(".") };
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        match self.root.at(&keys) {
            Some(Node { value: Value::Bool(_), span, .. }) => Ok(splice(self.text(), *span, "true")),
            Some(_) => Err(shape()),
            None => self.created(&keys, "true").ok_or_else(shape),
        }
    }

    /// The text with a value at `path` where there is none so far.
    pub(super) fn set(&self, path: &[String], value: &str) -> Result<String, EditError> {
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        let created = self.root.at(&keys).is_none().then(|| self.created(&keys, &self.scalar(value)));
        created.flatten().ok_or_else(|| EditError::Shape { path: path.join(".") })
    }

    /// The text with a member added behind the last of `members`.
    fn added(&self, parent: Span, members: &[Span], member: &str, is_list: bool) -> Option<String> {
        let text = self.text();
        let in_brackets = text[parent.start..].starts_with(if is_list { '[' } else { '{' });
        let Some(last) = members.last().map(|last| trimmed(text, *last)) else {
            let inside = parent.start + 1;
            return in_brackets.then(|| splice(text, Span::new(inside, inside), member));
        };
        let line = line_start(text, last.start);
        let alone = text[line..last.start].trim_matches([' ', '\t', '-']).is_empty();
        let indent = indentation(text, last.start);
        if in_brackets {
            let separator = if alone { format!(",\n{indent}") } else { ", ".to_owned() };
            return Some(splice(text, Span::new(last.end, last.end), &format!("{separator}{member}")));
        }
        if self.source.format != Format::Yaml || !alone {
            return None;
        }
        let end = line_end(text, last.end);
        let newline = if text[..end].ends_with('\n') { "" } else { "\n" };
        let dash = if is_list { "- " } else { "" };
        Some(splice(text, Span::new(end, end), &format!("{newline}{indent}{dash}{member}\n")))
    }

    /// The text with `value` at a path that does not exist so far.
    fn created(&self, path: &[&str], value: &str) -> Option<String> {
        let known = (0..path.len()).rev().find(|length| self.root.at(&path[..*length]).is_some())?;
        let table = self.root.at(&path[..known])?;
        let Value::Table(entries) = &table.value else { return None };
        let rest = &path[known..];
        if self.source.format == Format::Toml && !self.text()[table.span.start..].starts_with('{') {
            return Some(self.toml_line(&path[..known], rest, value));
        }
        let spans: Vec<Span> =
            entries.iter().map(|entry| Span::new(entry.key_span.start, entry.node.span.end)).collect();
        self.added(table.span, &spans, &self.nested(rest, value), false)
    }

    /// `a: {b: value}`, or `a = { b = value }` in TOML.
    fn nested(&self, keys: &[&str], value: &str) -> String {
        let sign = if self.source.format == Format::Toml { " = " } else { ": " };
        let Some((first, rest)) = keys.split_first() else { return value.to_owned() };
        let inner = self.nested(rest, value);
        let inner = if rest.is_empty() { inner } else { format!("{{ {inner} }}") };
        format!("{}{sign}{inner}", self.key(first))
    }

    /// Adds a line to a section of TOML, or the section.
    fn toml_line(&self, section: &[&str], keys: &[&str], value: &str) -> String {
        let text = self.text();
        let keys_text = |keys: &[&str]| keys.iter().map(|key| self.key(key)).collect::<Vec<_>>().join(".");
        let line = |keys: &[&str]| format!("{} = {value}\n", keys_text(keys));
        let insert = |at: usize, lines: &str| splice(text, Span::new(at, at), lines);
        let end = |lines: &str| {
            let gap = if text.ends_with('\n') { "\n" } else { "\n\n" };
            insert(text.len(), &format!("{gap}{lines}"))
        };
        let (section, keys) = match (section, keys) {
            // A new table of the top level becomes a section.
            ([], [first, rest @ ..]) if !rest.is_empty() => {
                return end(&format!("[{}]\n{}", self.key(first), line(rest)));
            }
            other => other,
        };
        if section.is_empty() {
            let at = self.end_of_root();
            let gap = if at > 0 && !text[..at].ends_with('\n') { "\n" } else { "" };
            return insert(at, &format!("{gap}{}", line(keys)));
        }
        let header = format!("[{}]", keys_text(section));
        let mut at = 0;
        for row in text.split_inclusive('\n') {
            at += row.len();
            if row.trim().split('#').next().unwrap_or_default().trim() == header {
                let gap = if row.ends_with('\n') { "" } else { "\n" };
                return insert(at, &format!("{gap}{}", line(keys)));
            }
        }
        end(&format!("{header}\n{}", line(keys)))
    }

    /// Behind the last line of TOML that belongs to no section.
    fn end_of_root(&self) -> usize {
        let text = self.text();
        let is_section = |node: &Node| {
            let opening = text[node.span.start..].chars().next();
            matches!(node.value, Value::Table(_)) && opening != Some('{')
        };
        let own = self.root.entries().iter().filter(|entry| !is_section(&entry.node));
        let last = own.map(|entry| entry.node.span).filter(|span| text.get(span.start..span.end).is_some());
        last.map(|span| line_end(text, trimmed(text, span).end)).max().unwrap_or_default()
    }
}
