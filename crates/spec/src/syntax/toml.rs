//! TOML, with every syntax error that the parser can recover from.
//!
//! The parser allows 80 levels of inline tables and 80 parts of a dotted key in each, so its tree is at most 6,400
//! levels deep before [`MAX_DEPTH`] applies; dropping that takes less than 512 KiB of stack.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Budget, MAX_DEPTH, too_deep};
use crate::report::{Finding, Report};
use crate::source::Span;
use crate::value::{Entry, Node, Value};

pub(super) fn read(text: &str, report: &mut Report<'_>) -> Option<Node> {
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
