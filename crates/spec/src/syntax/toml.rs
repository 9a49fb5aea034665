//! TOML, with every syntax error that the parser can recover from.
//!
//! The parser allows 80 levels of inline tables and 80 parts of a dotted key in each, so its tree is at most 6,400
//! levels deep before [`MAX_DEPTH`] applies; dropping that takes less than 512 KiB of stack.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Budget, MAX_DEPTH, MAX_VALUES, too_deep, too_many};
use crate::report::{Finding, Report};
use crate::source::Span;
use crate::value::{Entry, Node, Value};

pub(super) fn read(text: &str, report: &mut Report<'_>) -> Option<Node> {
    if let Some(span) = crowded(text) {
        report.add(too_many(span));
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let failed = !errors.is_empty();
    for error in errors {
        let span = error.span().map_or_else(Span::default, |range| Span::new(range.start, range.end));
        report.add(Finding::error("syntax", span, "", format!("not valid TOML: {}", error.message())));
    }
    if failed {
        return None;
    }
    let span = Span::new(table.span().start, table.span().end);
    match convert_table(table.get_ref(), span, 0, &mut Budget::default()) {
        Ok(node) => Some(node),
        Err(finding) => {
            report.add(finding);
            None
        }
    }
}

/// Where a text has more separators outside of strings than a spec of [`MAX_VALUES`] can have.
///
/// The parser reads the whole text into memory before anything can be counted, and needs a hundred times the size of
/// a text that is nothing but separators.
fn crowded(text: &str) -> Option<Span> {
    let bytes = text.as_bytes();
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => at += string(&bytes[at..], quote),
            b'#' => at += bytes[at..].iter().take_while(|&&byte| byte != b'\n').count(),
            b'=' | b',' | b'.' | b'[' | b'{' | b'\n' => {
                count += 1;
                at += 1;
            }
            _ => at += 1,
        }
        if count > 3 * MAX_VALUES {
            return Some(Span::new(at - 1, at));
        }
    }
    None
}

/// Length of the string that starts here, or of the rest of its line when it does not end.
fn string(bytes: &[u8], quote: u8) -> usize {
    let long = bytes.starts_with(&[quote; 3]);
    let mut at = if long { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' => at += 1,
            b'\n' if !long => return at,
            _ if long && bytes[at..].starts_with(&[quote; 3]) => return at + 3,
            _ if !long && byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

fn convert_table(
    table: &DeTable<'_>,
    span: Span,
    depth: usize,
    budget: &mut Budget,
) -> Result<Node, Finding> {
    budget.spend(span)?;
    if depth > MAX_DEPTH {
        return Err(too_deep(span));
    }
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        let key_span = Span::new(key.span().start, key.span().end);
        let node = convert(value, depth + 1, budget)?;
        entries.push(Entry { key: key.get_ref().clone().into_owned(), key_span, node });
    }
    entries.sort_by_key(|entry| entry.key_span.start);
    Ok(Node::new(Value::Table(entries), span))
}

fn convert(value: &Spanned<DeValue<'_>>, depth: usize, budget: &mut Budget) -> Result<Node, Finding> {
    let span = Span::new(value.span().start, value.span().end);
    budget.spend(span)?;
    if depth > MAX_DEPTH {
        return Err(too_deep(span));
    }
    let converted = match value.get_ref() {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            Value::Integer(parsed.map_err(|_| out_of_range(span))?)
        }
        DeValue::Float(number) => {
            let parsed = number.as_str().parse::<f64>().ok().filter(|number| number.is_finite());
            Value::Float(parsed.ok_or_else(|| not_a_number(span))?)
        }
        DeValue::Datetime(_) => {
            let finding = Finding::error("type", span, "", "a date or time is not a value of a spec");
            return Err(finding.hint("put it in quotes to make it a string"));
        }
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| convert(item, depth + 1, budget)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => return convert_table(table, span, depth, budget),
    };
    Ok(Node::new(converted, span))
}

pub(super) fn out_of_range(span: Span) -> Finding {
    Finding::error("range", span, "", "the number does not fit into 64 bits")
}

pub(super) fn not_a_number(span: Span) -> Finding {
    Finding::error("range", span, "", "infinity and NaN are not values of a spec")
}
