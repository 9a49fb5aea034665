//! Takes an entry out of a list or table.

use super::{Editor, Member, line_end, line_start, splice, trimmed};
use crate::source::{Format, Span};
use crate::value::Value;

impl Editor<'_> {
    /// The text without a member.
    pub(super) fn without(&self, member: &Member<'_>) -> String {
        let text = self.text();
        let opening = text[member.parent.span.start..].chars().next();
        let in_brackets = match member.parent.value {
            Value::Array(_) => opening == Some('['),
            _ => opening == Some('{'),
        };
        // The span of a table of TOML that has a header begins with that header.
        let is_toml_section =
            self.source.format == Format::Toml && member.key.is_some() && opening != Some('{');
        if in_brackets && !is_toml_section {
            self.without_in_brackets(member)
        } else {
            self.without_lines(member)
        }
    }

    /// `[a, b]` and `{a: 1, b: 2}`: the member, its comma, and its line when nothing else is on it.
    fn without_in_brackets(&self, member: &Member<'_>) -> String {
        let text = self.text();
        let own = trimmed(text, member.spans[member.at]);
        let after = &text[own.end..];
        let spaces = after.len() - after.trim_start_matches([' ', '\t']).len();
        let comma = after[spaces..].starts_with(',').then_some(own.end + spaces + 1);
        let end = comma.unwrap_or(own.end);
        let (line, next_line) = (line_start(text, own.start), line_end(text, end));
        let rest = text[end..next_line].trim();
        let alone = text[line..own.start].trim().is_empty() && (rest.is_empty() || rest.starts_with('#'));
        let cut = if alone && line > member.parent.span.start {
            Span::new(line, next_line)
        } else {
            let behind = text[end..].len() - text[end..].trim_start_matches([' ', '\t']).len();
            let is_last = member.at + 1 == member.spans.len();
            Span::new(own.start, if is_last { end } else { end + behind })
        };
        let shorter = splice(text, cut, "");
        let Some(before) = member.at.checked_sub(1).filter(|_| comma.is_none()) else { return shorter };
        // The last one had no comma behind it, so the one before it must have none either.
        let before = trimmed(text, member.spans[before]);
        let gap = &text[before.end..own.start];
        match gap.find(',').filter(|at| gap[..*at].trim().is_empty()) {
            Some(at) => {
                let comma = before.end + at;
                let spaces = if alone { 1 } else { cut.start - comma };
                splice(&shorter, Span::new(comma, comma + spaces), "")
            }
            None => shorter,
        }
    }

    /// Members that stand on lines of their own.
    fn without_lines(&self, member: &Member<'_>) -> String {
        let text = self.text();
        let own = trimmed(text, member.spans[member.at]);
        let lines = Span::new(line_start(text, own.start), line_end(text, own.end));
        let is_only = member.spans.len() == 1 && self.source.format == Format::Yaml;
        if !is_only {
            return splice(text, lines, "");
        }
        // A key of YAML without anything below it would be null.
        let empty = if member.key.is_none() { "[]" } else { "{}" };
        let indent = super::indentation(text, own.start);
        splice(text, lines, &format!("{indent}{empty}\n"))
    }
}
