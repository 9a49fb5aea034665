//! The JSON Schema (2020-12) of a spec, derived from [`crate::model`].

use std::sync::OnceLock;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::model::{Fields, Header, LayerHeader};
use crate::origin::Layer;
use crate::rules;

/// Where the schema says it lives; a name, not an address that anything fetches.
const ID: &str = "urn:lbuild:spec:1";

/// The JSON Schema of a spec.
///
/// Besides the standard keywords it uses `format` with the names of this crate's own rules (each explained in the
/// reference page and, where one exists, repeated as `pattern`), `x-key` for the field that identifies an item of
/// a list, `x-merge` for a merge strategy that differs from the usual one, and `x-sensitive` for secrets.
pub fn schema() -> Value {
    cached().clone()
}

/// The same without a copy.
pub(crate) fn cached() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(generate)
}

/// Follows `$ref` to its definition.
pub(crate) fn resolve(schema: &'static Value) -> &'static Value {
    let mut schema = schema;
    while let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/$defs/"))
    {
        schema = &cached()["$defs"][name];
    }
    schema
}

/// The schema of one field, by a path of keys into the top level.
pub(crate) fn field(path: &[&str]) -> Option<&'static Value> {
    path.iter().try_fold(cached(), |schema, key| {
        let table = tables(schema).find(|table| table.get("properties").is_some())?;
        table["properties"].get(*key)
    })
}

/// The schema itself and its alternatives, references followed.
pub(crate) fn tables(schema: &'static Value) -> impl Iterator<Item = &'static Value> {
    let schema = resolve(schema);
    let alternatives = schema.get("anyOf").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    std::iter::once(schema).chain(alternatives.iter().map(resolve))
}

fn generate() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let fields = part::<Fields>(&mut generator);
    let header = part::<Header>(&mut generator);
    let layer_header = part::<LayerHeader>(&mut generator);
    let mut definitions = generator.take_definitions(true);
    let layer =
        joined(&fields, &layer_header, "One layer: a partial spec, and how its values meet lower ones.");
    definitions.insert("LayerFields".to_owned(), layer);

    let mut root = joined(&fields, &header, "A spec: the description of a Linux system that lbuild builds.");
    root["required"] = json!(["name"]);
    root["properties"]["layers"] = layers();
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["$id"] = json!(ID);
    root["title"] = json!("lbuild spec");
    root["$defs"] = Value::Object(definitions);
    tidy(&mut root);
    root
}

fn part<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    T::json_schema(generator).to_value()
}

fn joined(fields: &Value, header: &Value, description: &str) -> Value {
    let mut properties = Map::new();
    for part in [fields, header] {
        if let Some(found) = part["properties"].as_object() {
            properties.extend(found.clone());
        }
    }
    json!({"type": "object", "description": description, "properties": properties, "additionalProperties": false})
}

fn layers() -> Value {
    let about = [
        "Lowest precedence: base, release, outputs, kernel, init, file system, repositories.",
        "Display, network, hardware.",
        "Look, language, shell, behaviour.",
        "Packages, users, services, security.",
        "Highest precedence: overrides, files, post-install.",
    ];
    let properties: Map<_, _> = Layer::ALL
        .iter()
        .zip(about)
        .map(|(layer, about)| {
            (layer.key().to_owned(), json!({"$ref": "#/$defs/LayerFields", "description": about}))
        })
        .collect();
    json!({
        "type": "object",
        "description": "The five layers, merged from `openingStatement` up to `closingArgument`. Fields at the top level \
                        sit in the layer that suits them; what the same layer says here comes after them.",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// Makes the generated schema say what the reader does: no `null`, no unknown keys, patterns beside formats.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(map) => {
            without_null(map);
            if map.get("properties").is_some_and(Value::is_object) && map.get("type").is_some() {
                map.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            // Width and sign are a matter of Rust; the range is in `minimum` and `maximum`.
            if map.get("format").and_then(Value::as_str).is_some_and(is_number_format) {
                map.remove("format");
            }
            if let Some(pattern) = map.get("format").and_then(Value::as_str).and_then(rules::pattern) {
                map.insert("pattern".to_owned(), json!(pattern));
            }
            map.values_mut().for_each(tidy);
        }
        _ => {}
    }
}

fn is_number_format(format: &str) -> bool {
    matches!(format, "uint" | "uint8" | "uint16" | "uint32" | "uint64" | "int32" | "int64" | "double")
}

fn without_null(map: &mut Map<String, Value>) {
    if map.get("default").is_some_and(Value::is_null) {
        map.remove("default");
    }
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(alternatives)) = map.get_mut("anyOf") else { return };
    alternatives.retain(|alternative| alternative.get("type").is_none_or(|kind| kind != "null"));
    if let [only] = alternatives.as_slice()
        && let Some(only) = only.as_object().cloned()
    {
        map.remove("anyOf");
        for (key, value) in only {
            map.entry(key).or_insert(value);
        }
    }
}

/// Every path of keys that a merge strategy can be given for.
pub(crate) fn paths() -> Vec<String> {
    let mut found = Vec::new();
    let top = cached()["properties"].as_object().into_iter().flatten();
    for (key, schema) in top.filter(|(key, _)| !matches!(key.as_str(), "spec" | "name" | "layers")) {
        found.push(key.clone());
        below(schema, key, &mut found);
    }
    found
}

fn below(schema: &'static Value, path: &str, found: &mut Vec<String>) {
    for table in tables(schema) {
        for (key, schema) in table.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let path = format!("{path}.{key}");
            below(schema, &path, found);
            found.push(path);
        }
    }
}
