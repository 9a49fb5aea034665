//! The reference page of the format, generated from the schema.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use crate::check::choices;
use crate::layers::natural;
use crate::origin::Layer;
use crate::rules;
use crate::schema;
use crate::syntax::{MAX_BYTES, MAX_DEPTH, MAX_VALUES};

const INTRO: &str = "\
# The spec

<!-- Generated from the schema by `lbuild_spec::docs::markdown()`; a test compares the two. -->

A spec describes a Linux system. It is written in TOML, YAML or JSON; keys are the same in all three. `lbuild validate
FILE` reports every error at once, `lbuild schema` prints the JSON Schema that this page is made of.

```toml
name = \"web\"
base = \"debian\"
release = \"trixie\"
outputs = [\"iso\"]

[packages]
base = [\"linux-image-amd64\", \"systemd-sysv\", \"live-boot\"]
servers = [\"nginx\", \"postgresql (>= 17)\"]

[[users]]
name = \"ada\"
sudo = true
sshKeys = [\"ssh-ed25519 AAAA... ada@example.org\"]
```

Unknown keys are errors. `lbuild build` refuses a field whose effect it cannot build yet for the base; it never
ignores one.
";

const LAYERS: &str = "
## Layers

A spec has five layers. Higher ones win, and every effective value can say who set it and what it overrode. A field at
the top level sits in the layer that suits it; a layer under `layers` can carry any field, and what it says comes after
the fields of the top level in the same layer.

Values meet by these rules, unless the layer's `merge` says otherwise for the path of a field:

- tables merge by key (`deep`);
- lists are appended; items of a list with an identifying key replace the item with the same key, `deep` merges the two;
- single values, and the lists marked so below, are replaced;
- packages meet by name: a higher request replaces a lower one, `remove` takes one out, a still higher request brings it
  back. In one layer the two are a contradiction and an error;
- files meet by path. `merge = \"append\"` joins the texts, `merge = \"deep\"` merges JSON, YAML, TOML, INI and
  `key=value` files by key.

| layer | fields of the top level that sit in it |
|---|---|
";

/// The reference page as Markdown.
pub fn markdown() -> String {
    let mut out = INTRO.to_owned();
    let top = schema::cached()["properties"].as_object().into_iter().flatten();
    let fields: Vec<(&String, &'static Value)> = top.collect();
    out.push_str(LAYERS);
    for layer in Layer::ALL {
        let own = fields.iter().map(|(key, _)| key.as_str());
        let own = own.filter(|key| !matches!(*key, "spec" | "name" | "layers") && natural(key) == layer);
        let list =
            own.map(|key| format!("[`{key}`](#{})", key.to_lowercase())).collect::<Vec<_>>().join(", ");
        let _ = writeln!(out, "| `{layer}` | {list} |");
    }
    out.push_str("\n## Fields\n");
    for (key, schema) in &fields {
        section(&mut out, key, schema);
    }
    formats(&mut out);
    let _ = writeln!(
        out,
        "\n## Limits\n\nA spec has at most {MAX_BYTES} bytes, {MAX_VALUES} values and {MAX_DEPTH} levels of nesting. \
         YAML anchors, aliases,\ntags and several documents are refused, in every syntax duplicate keys, infinity and \
         NaN."
    );
    out
}

fn section(out: &mut String, key: &str, schema: &'static Value) {
    let _ = writeln!(out, "\n### {key}\n\n{}\n\nType: {}.", text(schema, "description"), kind(schema));
    let mut rows = Vec::new();
    if key != "layers" {
        collect(schema, "", &mut rows);
    }
    if !rows.is_empty() {
        out.push_str("\n| key | type | meaning |\n|---|---|---|\n");
    }
    for (path, schema, required) in rows {
        let mark = if required { " (required)" } else { "" };
        let about = text(schema, "description").replace('\n', " ").replace('|', "\\|");
        let _ = writeln!(out, "| `{path}`{mark} | {} | {about} |", kind(schema).replace('|', "\\|"));
    }
}

/// Every key below a schema, with its path.
fn collect(schema: &'static Value, path: &str, rows: &mut Vec<(String, &'static Value, bool)>) {
    for table in schema::tables(schema) {
        if let Some(items) = table.get("items") {
            collect(items, &format!("{path}[]"), rows);
        }
        let required: Vec<_> =
            table["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (key, field) in table["properties"].as_object().into_iter().flatten() {
            let dot = if path.is_empty() { "" } else { "." };
            let path = format!("{path}{dot}{key}");
            rows.push((path.clone(), field, required.contains(&key.as_str())));
            collect(field, &path, rows);
        }
        if let Some(values) = table.get("additionalProperties").filter(|values| values.is_object()) {
            collect(values, &format!("{path}.*"), rows);
        }
    }
}

fn text(schema: &Value, key: &str) -> String {
    schema.get(key).and_then(Value::as_str).unwrap_or_default().trim().to_owned()
}

/// The type of a field in words.
fn kind(schema: &'static Value) -> String {
    let resolved = schema::resolve(schema);
    if let Some(alternatives) = resolved.get("anyOf").and_then(Value::as_array) {
        return alternatives.iter().map(kind).collect::<Vec<_>>().join(", or ");
    }
    let words = choices(resolved);
    if !words.is_empty() {
        return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    }
    match resolved.get("type").and_then(Value::as_str) {
        Some("string") => match resolved.get("format").and_then(Value::as_str) {
            Some(format) => format!("[{format}](#formats)"),
            None => "text".to_owned(),
        },
        Some("integer") => number(resolved),
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("array") => list(schema, resolved),
        Some("object") if resolved.get("properties").is_some() => "table".to_owned(),
        Some("object") => format!("table of {}", kind(&resolved["additionalProperties"])),
        _ => "value".to_owned(),
    }
}

fn number(schema: &Value) -> String {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    }
    if let Some(only) = schema.get("const") {
        return format!("`{only}`");
    }
    match (schema.get("minimum"), schema.get("maximum")) {
        (Some(low), Some(high)) => format!("integer, {low} to {high}"),
        _ => "integer".to_owned(),
    }
}

fn list(annotated: &Value, schema: &'static Value) -> String {
    let replaced = annotated.get("x-merge").or_else(|| schema.get("x-merge")).is_some();
    let mut words = format!("list of {}", kind(&schema["items"]));
    if let Some(key) = annotated.get("x-key").or_else(|| schema.get("x-key")).and_then(Value::as_str) {
        let _ = write!(words, "s, identified by `{key}`");
    }
    if replaced {
        words.push_str(", replaced by higher layers");
    }
    words
}

fn formats(out: &mut String) {
    out.push_str("\n## Formats\n\n| format | what it is |\n|---|---|\n");
    for format in used(schema::cached()) {
        let about = rules::about(&format).unwrap_or_default();
        let pattern = rules::pattern(&format).map(|pattern| format!(" `{}`", pattern.replace('|', "\\|")));
        let _ = writeln!(out, "| {format} | {about}{} |", pattern.unwrap_or_default());
    }
}

/// The names of all formats that a schema uses.
pub(crate) fn used(schema: &Value) -> BTreeSet<String> {
    match schema {
        Value::Object(map) => {
            let own = map.get("format").and_then(Value::as_str).map(str::to_owned);
            map.values().flat_map(used).chain(own).collect()
        }
        Value::Array(items) => items.iter().flat_map(used).collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Context;

    #[test]
    fn every_format_has_a_rule_and_an_explanation() {
        for format in used(schema::cached()) {
            assert!(rules::check(&format, "x", Context::default()).is_some(), "no rule for `{format}`");
            assert!(rules::about(&format).is_some(), "nothing explains `{format}`");
        }
    }
}
