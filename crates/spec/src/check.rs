//! Compares a tree of values with the schema and reports everything that is wrong with it.
//!
//! The schema is the one that [`crate::schema()`] derives from the types, so what is published and what is checked
//! cannot differ. Only the keywords that the types produce are understood; a test fails on any other.

use serde_json::Value as Json;

use crate::report::{Finding, Report, quote};
use crate::rules::{self, Context, Fault};
use crate::schema;
use crate::source::Span;
use crate::value::{Entry, Node, Value, join};

/// Longest text of a value that has no rule of its own, in bytes.
const MAX_TEXT: usize = 65_536;

/// Checks one node against one schema.
pub(crate) fn check(node: &Node, schema: &'static Json, pointer: &str, check: &mut Check<'_, '_>) {
    // Finding what was meant is slow: a text with nothing but mistakes must not be able to ask for it forever.
    if check.report.is_full() {
        return;
    }
    let annotated = schema;
    let Some(schema) = fitting(node, schema) else {
        check.report.add(wrong_kind(node, annotated, pointer));
        return;
    };
    match &node.value {
        Value::String(text) => check.string(node, text, schema, pointer),
        Value::Integer(number) => check.number(node, *number, schema, pointer),
        Value::Array(items) => check.array(node, items, annotated, schema, pointer),
        Value::Table(entries) => check.table(node, entries, schema, pointer),
        Value::Null | Value::Bool(_) | Value::Float(_) => {}
    }
}

/// What a check carries along.
pub(crate) struct Check<'r, 's> {
    pub(crate) report: &'r mut Report<'s>,
    pub(crate) context: Context,
}

impl Check<'_, '_> {
    fn string(&mut self, node: &Node, text: &str, schema: &'static Json, pointer: &str) {
        let choices = choices(schema);
        if !choices.is_empty() {
            if !choices.contains(&text) {
                self.report.add(unknown_choice(node.span, text, &choices, pointer));
            }
            return;
        }
        let sensitive = schema.get("x-sensitive").is_some();
        match schema.get("format").and_then(Json::as_str) {
            Some(format) => self.format(format, text, node.span, pointer, sensitive),
            None => self.length(text, node.span, schema, pointer),
        }
    }

    fn format(&mut self, format: &str, text: &str, span: Span, pointer: &str, sensitive: bool) {
        let verdict = rules::check(format, text, self.context);
        let fault = match verdict {
            Some(Ok(())) => return,
            Some(Err(fault)) => fault,
            None => Fault {
                message: format!("there is no rule for `{format}`"),
                reason: None,
                hint: None,
                at: None,
            },
        };
        let span = if sensitive { span } else { self.report.within(span, text, fault.at.clone()) };
        let finding = Finding::error("value", span, pointer, fault.message);
        self.report.add(finding.maybe_reason(fault.reason).maybe_hint(fault.hint).sensitive(sensitive));
    }

    fn length(&mut self, text: &str, span: Span, schema: &Json, pointer: &str) {
        let limit = schema.get("maxLength").and_then(Json::as_u64);
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(MAX_TEXT);
        if text.len() > limit {
            let message = format!("the text has {} bytes, the limit is {limit}", text.len());
            self.report.add(Finding::error("too-long", span, pointer, message));
        }
    }

    fn number(&mut self, node: &Node, number: i64, schema: &Json, pointer: &str) {
        if let Some(only) = schema.get("const").and_then(Json::as_i64) {
            if number != only {
                let message = format!("`{number}` is not supported here");
                let finding = Finding::error("value", node.span, pointer, message);
                self.report.add(finding.hint(format!("this version reads `{only}`")));
            }
            return;
        }
        if let Some(Json::Array(allowed)) = schema.get("enum") {
            if !allowed.iter().any(|value| value.as_i64() == Some(number)) {
                let list = allowed.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
                let message = format!("`{number}` is not one of the choices");
                let finding = Finding::error("unknown-value", node.span, pointer, message);
                self.report.add(finding.hint(format!("use one of {list}")));
            }
            return;
        }
        let low = schema.get("minimum").and_then(Json::as_i64).unwrap_or(i64::MIN);
        let high = schema.get("maximum").and_then(Json::as_i64).unwrap_or(i64::from(u32::MAX));
        if !(low..=high).contains(&number) {
            let message = format!("`{number}` is out of range");
            let finding = Finding::error("range", node.span, pointer, message);
            self.report.add(finding.hint(format!("use a number from {low} to {high}")));
        }
    }

    fn array(&mut self, node: &Node, items: &[Node], annotated: &Json, schema: &'static Json, pointer: &str) {
        let bound = |key: &str| schema.get(key).and_then(Json::as_u64).and_then(|n| usize::try_from(n).ok());
        if let Some(most) = bound("maxItems").filter(|&most| items.len() > most) {
            let message = format!("the list has {} items, the limit is {most}", items.len());
            self.report.add(Finding::error("too-many", node.span, pointer, message));
            return;
        }
        if bound("minItems").is_some_and(|least| items.len() < least) {
            self.report.add(Finding::error("too-few", node.span, pointer, "the list must not be empty"));
        }
        if let Some(item) = schema.get("items") {
            for (index, node) in items.iter().enumerate() {
                check(node, item, &join(pointer, &index.to_string()), self);
            }
        }
        let key = annotated.get("x-key").or_else(|| schema.get("x-key")).and_then(Json::as_str);
        if let Some(key) = key {
            self.unique(items, key, pointer);
        }
    }

    /// Items of one list must differ in the field that identifies them.
    fn unique(&mut self, items: &[Node], key: &str, pointer: &str) {
        let mut seen = std::collections::HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let Some(node) = item.get(key) else { continue };
            let Some(name) = node.text() else { continue };
            if let Some(first) = seen.insert(name, node.span) {
                let message = format!("{} is in this list twice", quote(name));
                let line = self.report.line(first);
                let pointer = join(&join(pointer, &index.to_string()), key);
                let finding = Finding::error("duplicate", node.span, &pointer, message);
                self.report.add(finding.reason(format!("it is already on line {line}")));
            }
        }
    }

    fn table(&mut self, node: &Node, entries: &[Entry], schema: &'static Json, pointer: &str) {
        let most = schema.get("maxProperties").and_then(Json::as_u64).and_then(|n| usize::try_from(n).ok());
        if most.is_some_and(|most| entries.len() > most) {
            let message = format!("the table has {} keys, too many", entries.len());
            self.report.add(Finding::error("too-many", node.span, pointer, message));
            return;
        }
        for entry in entries {
            if self.report.is_full() {
                return;
            }
            let pointer = join(pointer, &entry.key);
            match (
                schema.get("properties").and_then(|all| all.get(&entry.key)),
                schema.get("additionalProperties"),
            ) {
                (Some(schema), _) => check(&entry.node, schema, &pointer, self),
                (None, Some(Json::Object(_))) => {
                    if let Some(format) = schema["propertyNames"]["format"].as_str() {
                        self.format(format, &entry.key, entry.key_span, &pointer, false);
                    }
                    check(&entry.node, &schema["additionalProperties"], &pointer, self);
                }
                _ => self.report.add(unknown_key(entry, schema, &pointer)),
            }
        }
        for key in
            schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
        {
            if node.get(key).is_none() {
                let span = Span::new(node.span.start, node.span.start);
                let message = format!("the key `{key}` is missing");
                let about = schema["properties"][key]["description"].as_str().map(str::to_owned);
                self.report.add(Finding::error("missing", span, pointer, message).maybe_reason(about));
            }
        }
    }
}

/// The schema that fits the kind of a value: the schema itself, or one of its alternatives.
fn fitting(node: &Node, schema: &'static Json) -> Option<&'static Json> {
    let resolved = schema::resolve(schema);
    match resolved.get("anyOf").and_then(Json::as_array) {
        Some(alternatives) => alternatives.iter().find_map(|alternative| fitting(node, alternative)),
        None => kinds(resolved).contains(&name_of(&node.value)).then_some(resolved),
    }
}

const fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Integer(_) => "integer",
        Value::Float(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Table(_) => "object",
    }
}

/// The kinds of value that a schema without alternatives takes.
fn kinds(schema: &'static Json) -> Vec<&'static str> {
    match schema.get("type") {
        Some(Json::String(kind)) => vec![kind],
        Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).collect(),
        _ if schema.get("oneOf").is_some() || schema.get("enum").is_some() => vec!["string"],
        _ => Vec::new(),
    }
}

/// The words that a schema allows, empty when it is not a choice.
pub(crate) fn choices(schema: &'static Json) -> Vec<&'static str> {
    if let Some(Json::Array(words)) = schema.get("enum") {
        return words.iter().filter_map(Json::as_str).collect();
    }
    let Some(Json::Array(alternatives)) = schema.get("oneOf") else { return Vec::new() };
    alternatives
        .iter()
        .flat_map(|alternative| match alternative.get("const").and_then(Json::as_str) {
            Some(word) => vec![word],
            None => choices(alternative),
        })
        .collect()
}

fn wrong_kind(node: &Node, schema: &'static Json, pointer: &str) -> Finding {
    let mut wanted: Vec<_> = schema::tables(schema).flat_map(kinds).collect();
    wanted.dedup();
    let words = |kind: &&str| match *kind {
        "string" => "a string",
        "integer" => "an integer",
        "number" => "a number",
        "boolean" => "`true` or `false`",
        "array" => "a list",
        "object" => "a table",
        _ => "something else",
    };
    let expected = wanted.iter().map(words).collect::<Vec<_>>().join(" or ");
    let message = format!("expected {expected}, found {}", node.value.kind());
    let finding = Finding::error("type", node.span, pointer, message);
    let scalar = matches!(node.value, Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Null);
    if wanted.contains(&"string") && scalar {
        return finding.hint("put it in quotes");
    }
    if wanted == ["array"] && !matches!(node.value, Value::Table(_)) {
        return finding.hint("put it in square brackets");
    }
    if let (Value::String(text), true) = (&node.value, wanted.contains(&"boolean")) {
        let flag = matches!(text.as_str(), "true" | "false" | "yes" | "no" | "on" | "off");
        return finding.maybe_hint(flag.then(|| "write `true` or `false` without quotes".to_owned()));
    }
    finding
}

fn unknown_choice(span: Span, text: &str, choices: &[&str], pointer: &str) -> Finding {
    let list = choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ");
    let hint = rules::did_you_mean(text, choices.iter().copied());
    Finding::error("unknown-value", span, pointer, format!("{} is not one of the choices", quote(text)))
        .hint(format!("use one of {list}"))
        .maybe_hint(hint)
}

fn unknown_key(entry: &Entry, schema: &'static Json, pointer: &str) -> Finding {
    let known = schema.get("properties").and_then(Json::as_object).into_iter().flatten();
    let near = rules::did_you_mean(&entry.key, known.map(|(key, _)| key.as_str()));
    let elsewhere = || elsewhere(&entry.key).map(|path| format!("it belongs at `{path}`"));
    let listed = || {
        let keys = schema.get("properties").and_then(Json::as_object).into_iter().flatten();
        let list = keys.map(|(key, _)| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        format!("known keys are {list}")
    };
    Finding::error("unknown-key", entry.key_span, pointer, format!("unknown key {}", quote(&entry.key)))
        .hint(near.or_else(elsewhere).unwrap_or_else(listed))
}

/// Where a key would be known, when it stands at the wrong place.
fn elsewhere(key: &str) -> Option<String> {
    let top = schema::cached()["properties"].as_object()?;
    if top.contains_key(key) {
        return Some(key.to_owned());
    }
    top.iter().find_map(|(section, schema)| {
        let mut tables = schema::tables(schema).filter(|_| section != "layers");
        let found = tables.any(|table| table["properties"].get(key).is_some());
        found.then(|| format!("{section}.{key}"))
    })
}
