//! Merging two configuration files of one format by key. The higher file wins.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value};

use crate::model::FileFormat;
use crate::report::Report;
use crate::source::{Format, Source};
use crate::syntax;

/// Merges `higher` into `lower`. Comments survive in INI and `key=value` files; the other formats are written anew.
pub(super) fn deep(format: FileFormat, lower: &str, higher: &str) -> Result<String, String> {
    match format {
        FileFormat::Json => {
            let merged = tables(tree(Format::Json, lower)?, tree(Format::Json, higher)?);
            serde_json::to_string_pretty(&merged).map(|text| text + "\n").map_err(|error| error.to_string())
        }
        FileFormat::Yaml => {
            let merged = tables(tree(Format::Yaml, lower)?, tree(Format::Yaml, higher)?);
            let mut out = String::new();
            yaml(&merged, 0, &mut out);
            Ok(out)
        }
        FileFormat::Toml => {
            let merged = tables(tree(Format::Toml, lower)?, tree(Format::Toml, higher)?);
            toml::to_string(&merged).map_err(|error| error.to_string())
        }
        FileFormat::Ini => Ok(lines(lower, higher, true)),
        FileFormat::KeyValue => Ok(lines(lower, higher, false)),
    }
}

fn tree(format: Format, text: &str) -> Result<Value, String> {
    let source = Source { file: "content".to_owned(), format, text: text.to_owned() };
    let mut report = Report::new(&source);
    match syntax::read(&source, &mut report).filter(|_| !report.has_errors()) {
        Some(node) => Ok(node.to_json()),
        None => Err(report.finish().to_string()),
    }
}

fn tables(lower: Value, higher: Value) -> Value {
    match (lower, higher) {
        (Value::Object(mut below), Value::Object(above)) => {
            for (key, value) in above {
                let merged = match below.remove(&key) {
                    Some(old) => tables(old, value),
                    None => value,
                };
                below.insert(key, merged);
            }
            Value::Object(below)
        }
        (_, higher) => higher,
    }
}

/// Block style, with every string in double quotes: nothing needs guessing by whoever reads it.
fn yaml(value: &Value, indent: usize, out: &mut String) {
    let pad = "  ".repeat(indent);
    match value {
        Value::Object(map) if !map.is_empty() => yaml_table(map, indent, &pad, out),
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&pad);
                out.push('-');
                yaml_child(item, indent, out);
            }
        }
        scalar => {
            out.push_str(&pad);
            out.push_str(&scalar.to_string());
            out.push('\n');
        }
    }
}

fn yaml_table(map: &Map<String, Value>, indent: usize, pad: &str, out: &mut String) {
    for (key, value) in map {
        out.push_str(pad);
        out.push_str(&Value::String(key.clone()).to_string());
        out.push(':');
        yaml_child(value, indent, out);
    }
}

fn yaml_child(value: &Value, indent: usize, out: &mut String) {
    let nested = match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if nested {
        out.push('\n');
        yaml(value, indent + 1, out);
    } else {
        out.push(' ');
        out.push_str(&value.to_string());
        out.push('\n');
    }
}

/// A line of an INI file.
struct Line<'t> {
    section: String,
    key: Option<&'t str>,
    text: &'t str,
}

fn read_lines(text: &str, sections: bool) -> Vec<Line<'_>> {
    let mut section = String::new();
    let mut lines = Vec::new();
    for text in text.lines() {
        let trimmed = text.trim();
        if sections && trimmed.starts_with('[') && trimmed.ends_with(']') {
            trimmed.clone_into(&mut section);
        }
        let comment = trimmed.starts_with(['#', ';', '[']);
        let key = trimmed.split_once('=').filter(|_| !comment).map(|(key, _)| key.trim_end());
        lines.push(Line { section: section.clone(), key, text });
    }
    lines
}

fn lines(lower: &str, higher: &str, sections: bool) -> String {
    let below = read_lines(lower, sections);
    let above = read_lines(higher, sections);
    let mut values: HashMap<(&str, &str), &str> = HashMap::new();
    let mut order: Vec<(&str, &str)> = Vec::new();
    for line in &above {
        let Some(key) = line.key else { continue };
        let place = (line.section.as_str(), key);
        if values.insert(place, line.text).is_none() {
            order.push(place);
        }
    }
    let known: HashSet<_> =
        below.iter().filter_map(|line| Some((line.section.as_str(), line.key?))).collect();
    let mut new: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut sections_in_order = Vec::new();
    for place in order.into_iter().filter(|place| !known.contains(place)) {
        let added = new.entry(place.0).or_default();
        if added.is_empty() {
            sections_in_order.push(place.0);
        }
        added.push(values[&place]);
    }
    let mut out = written(&below, &values, &mut new);
    for section in sections_in_order {
        let Some(added) = new.remove(section) else { continue };
        if section.is_empty() {
            added.iter().rev().for_each(|line| out.insert(0, line));
        } else {
            out.push(section);
            out.extend(added);
        }
    }
    out.into_iter().fold(String::new(), |text, line| text + line + "\n")
}

/// The lower lines with the higher values, and new keys behind the last key of their section.
fn written<'t>(
    below: &'t [Line<'t>],
    values: &HashMap<(&str, &str), &'t str>,
    new: &mut BTreeMap<&str, Vec<&'t str>>,
) -> Vec<&'t str> {
    let mut last: HashMap<&str, usize> = HashMap::new();
    for (at, line) in below.iter().enumerate() {
        if line.key.is_some() || line.text.trim() == line.section {
            last.insert(&line.section, at);
        }
    }
    let mut out = Vec::with_capacity(below.len());
    for (at, line) in below.iter().enumerate() {
        let value = line.key.and_then(|key| values.get(&(line.section.as_str(), key)));
        out.push(value.copied().unwrap_or(line.text));
        if last.get(line.section.as_str()) == Some(&at) {
            out.extend(new.remove(line.section.as_str()).unwrap_or_default());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_yaml_and_toml_merge_by_key() {
        let json =
            deep(FileFormat::Json, r#"{"a": {"b": 1, "c": 2}, "l": [1]}"#, r#"{"a": {"c": 3}, "l": [2]}"#);
        let json: Value = serde_json::from_str(&json.unwrap()).unwrap();
        assert_eq!(json, serde_json::json!({"a": {"b": 1, "c": 3}, "l": [2]}));

        let yaml = deep(FileFormat::Yaml, "a:\n  b: 1\n  l: [x, {k: v}]\n", "a:\n  c: 'no'\n").unwrap();
        assert_eq!(
            yaml,
            "\"a\":\n  \"b\": 1\n  \"c\": \"no\"\n  \"l\":\n    - \"x\"\n    -\n      \"k\": \"v\"\n"
        );
        assert_eq!(tree(Format::Yaml, &yaml).unwrap()["a"]["l"][1]["k"], "v");

        let toml = deep(FileFormat::Toml, "[s]\na = 1\n", "[s]\nb = \"x\"\n").unwrap();
        assert_eq!(toml, "[s]\na = 1\nb = \"x\"\n");
    }

    #[test]
    fn ini_keeps_comments_and_order() {
        let lower = "# top\n[Match]\nName=en*\n\n[Network]\n# why\nDHCP=yes\n";
        let higher = "[Network]\nDHCP=no\nDNS=192.0.2.1\n[Link]\nMTUBytes=9000\n";
        let merged = deep(FileFormat::Ini, lower, higher).unwrap();
        let expected =
            "# top\n[Match]\nName=en*\n\n[Network]\n# why\nDHCP=no\nDNS=192.0.2.1\n[Link]\nMTUBytes=9000\n";
        assert_eq!(merged, expected);
    }

    #[test]
    fn key_value_files_have_no_sections() {
        assert_eq!(deep(FileFormat::KeyValue, "A=1\nB=2\n", "B=3\nC=4\n").unwrap(), "A=1\nB=3\nC=4\n");
    }

    #[test]
    fn broken_content_is_an_error() {
        assert!(deep(FileFormat::Json, "{", "{}").unwrap_err().contains("not valid JSON"));
    }
}
