//! YAML 1.2 core schema. Anchors, aliases, tags and several documents are refused: a spec needs none of them, and
//! aliases are how a small text becomes a huge tree.

use saphyr_parser::{Event, Parser, ScalarStyle, Span as Marks};

use super::toml::{not_a_number, out_of_range};
use super::{Budget, MAX_DEPTH, dedup, too_deep};
use crate::report::{Finding, Report};
use crate::source::Span;
use crate::value::{Entry, Node, Value};

pub(super) fn read(text: &str, report: &mut Report<'_>) -> Option<Node> {
    match Builder::new(text).document() {
        Ok(mut node) => {
            dedup(&mut node, "", report);
            Some(node)
        }
        Err(finding) => {
            report.add(finding);
            None
        }
    }
}

/// A list or table whose end was not seen yet.
enum Open {
    Array(Vec<Node>, usize),
    Table { entries: Vec<Entry>, key: Option<(String, Span)>, start: usize },
}

struct Builder<'t> {
    offsets: Offsets<'t>,
    text: &'t str,
    open: Vec<Open>,
    root: Option<Node>,
    budget: Budget,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str) -> Self {
        Self { offsets: Offsets::new(text), text, open: Vec::new(), root: None, budget: Budget::default() }
    }

    fn document(mut self) -> Result<Node, Finding> {
        for event in Parser::new_from_str(self.text) {
            let (event, marks) = event.map_err(|error| self.syntax(&error))?;
            let span = self.span(marks);
            self.event(event, span)?;
        }
        let end = self.text.len();
        Ok(self.root.unwrap_or_else(|| Node::new(Value::Table(Vec::new()), Span::new(end, end))))
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Finding> {
        match event {
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
            Event::Alias(_) => Err(refused(span, "aliases")),
            Event::Scalar(text, style, anchor, tag) => {
                plain_node(anchor, tag.is_some(), span)?;
                self.scalar(&text, style, span)
            }
            Event::SequenceStart(anchor, tag) => {
                plain_node(anchor, tag.is_some(), span)?;
                self.push(Open::Array(Vec::new(), span.start), span)
            }
            Event::MappingStart(anchor, tag) => {
                plain_node(anchor, tag.is_some(), span)?;
                self.push(Open::Table { entries: Vec::new(), key: None, start: span.start }, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
        }
    }

    fn push(&mut self, open: Open, span: Span) -> Result<(), Finding> {
        if let Some(Open::Table { key: None, .. }) = self.open.last() {
            return Err(Finding::error("syntax", span, "", "not a valid spec: a key must be plain text"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(span));
        }
        self.open.push(open);
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Result<(), Finding> {
        if let Some(Open::Table { key: key @ None, .. }) = self.open.last_mut() {
            *key = Some((text.to_owned(), span));
            return Ok(());
        }
        let value = match style {
            ScalarStyle::Plain => resolve(text, span)?,
            _ => Value::String(text.to_owned()),
        };
        self.add(Node::new(value, span))
    }

    fn close(&mut self, span: Span) -> Result<(), Finding> {
        let end = span.end;
        let node = match self.open.pop() {
            Some(Open::Array(items, start)) => Node::new(Value::Array(items), Span::new(start, end)),
            Some(Open::Table { entries, start, .. }) => {
                Node::new(Value::Table(entries), Span::new(start, end))
            }
            None => return Err(Finding::error("syntax", span, "", "not valid YAML: unexpected end")),
        };
        self.add(node)
    }

    fn add(&mut self, node: Node) -> Result<(), Finding> {
        self.budget.spend(node.span)?;
        match self.open.last_mut() {
            Some(Open::Array(items, _)) => items.push(node),
            Some(Open::Table { entries, key, .. }) => {
                if let Some((key, key_span)) = key.take() {
                    entries.push(Entry { key, key_span, node });
                }
            }
            None if self.root.is_some() => return Err(refused(node.span, "several documents")),
            None => self.root = Some(node),
        }
        Ok(())
    }

    fn span(&mut self, marks: Marks) -> Span {
        let start = self.offsets.byte(marks.start.index());
        let end = self.offsets.byte(marks.end.index()).max(start);
        let trimmed = self.text[start..end].trim_end().len();
        Span::new(start, start + trimmed)
    }

    fn syntax(&mut self, error: &saphyr_parser::ScanError) -> Finding {
        let at = self.offsets.byte(error.marker().index());
        Finding::error("syntax", Span::new(at, at + 1), "", format!("not valid YAML: {}", error.info()))
    }
}

fn plain_node(anchor: usize, tagged: bool, span: Span) -> Result<(), Finding> {
    if anchor != 0 {
        return Err(refused(span, "anchors"));
    }
    if tagged {
        return Err(refused(span, "tags"));
    }
    Ok(())
}

fn refused(span: Span, what: &str) -> Finding {
    let reason = "a spec is plain data; repetition through references can make a small text huge";
    Finding::error("syntax", span, "", format!("{what} are not allowed in a spec")).reason(reason)
}

/// Plain scalars by the rules of the core schema.
fn resolve(text: &str, span: Span) -> Result<Value, Finding> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" | ".nan"
        | ".NaN" | ".NAN" => return Err(not_a_number(span)),
        _ => match radix(text) {
            Some((digits, radix)) => {
                Value::Integer(i64::from_str_radix(digits, radix).map_err(|_| out_of_range(span))?)
            }
            None if is_float(text) => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Value::Float(number),
                _ => return Err(not_a_number(span)),
            },
            None => Value::String(text.to_owned()),
        },
    })
}

fn radix(text: &str) -> Option<(&str, u32)> {
    if let Some(digits) = text.strip_prefix("0x") {
        return (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit())).then_some((digits, 16));
    }
    if let Some(digits) = text.strip_prefix("0o") {
        let octal = !digits.is_empty() && digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
        return octal.then_some((digits, 8));
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let decimal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    decimal.then_some((text, 10))
}

fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digit = text.bytes().any(|b| b.is_ascii_digit());
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_digit() || b == b'.');
    let shape = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    digit && first && shape && text.parse::<f64>().is_ok()
}

/// Byte offsets for the character offsets that the parser gives, walking from the last one asked for.
struct Offsets<'t> {
    text: &'t str,
    chars: usize,
    bytes: usize,
    ascii: bool,
}

impl<'t> Offsets<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, chars: 0, bytes: 0, ascii: text.is_ascii() }
    }

    fn byte(&mut self, chars: usize) -> usize {
        if self.ascii {
            return chars.min(self.text.len());
        }
        while self.chars < chars {
            let Some(c) = self.text[self.bytes..].chars().next() else { break };
            self.chars += 1;
            self.bytes += c.len_utf8();
        }
        while self.chars > chars {
            let Some(c) = self.text[..self.bytes].chars().next_back() else { break };
            self.chars -= 1;
            self.bytes -= c.len_utf8();
        }
        self.bytes
    }
}
