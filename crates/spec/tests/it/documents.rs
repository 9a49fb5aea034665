//! The same spec in three syntaxes, and the schema that all of them follow.

use lbuild_spec::{Format, parse, schema};
use serde_json::{Value, json};

use crate::{good, source};

const TOML: &str = r#"
spec = 1
name = "web"
base = "debian"
release = "trixie"
outputs = ["oci", "iso"]
keyboard = { layout = "de", variant = "nodeadkeys", options = ["ctrl:nocaps"] }
remove = ["nano"]

[packages]
base = ["systemd-sysv"]
servers = ["nginx (>= 1.22)", { name = "postgresql", suite = "trixie-updates" }]
htop = true
vim = false

[[users]]
name = "ada"
uid = 1000

[[files]]
path = "/etc/motd"
text = "hello\n"
mode = "0600"

[defaults]
swappiness = 10
"#;

const YAML: &str = "
# the same
spec: 1
name: web
base: debian
release: trixie
outputs: [oci, iso]
keyboard: {layout: de, variant: nodeadkeys, options: ['ctrl:nocaps']}
remove:
- nano
packages:
  base:
    - systemd-sysv
  servers:
    - nginx (>= 1.22)
    - name: postgresql
      suite: trixie-updates
  htop: true
  vim: false
users:
  - name: ada
    uid: 1000
files:
  - path: /etc/motd
    text: |
      hello
    mode: '0600'
defaults:
  swappiness: 10
";

fn as_json() -> Value {
    json!({
        "spec": 1, "name": "web", "base": "debian", "release": "trixie", "outputs": ["oci", "iso"],
        "keyboard": {"layout": "de", "variant": "nodeadkeys", "options": ["ctrl:nocaps"]},
        "remove": ["nano"],
        "packages": {
            "base": ["systemd-sysv"],
            "servers": ["nginx (>= 1.22)", {"name": "postgresql", "suite": "trixie-updates"}],
            "htop": true, "vim": false
        },
        "users": [{"name": "ada", "uid": 1000}],
        "files": [{"path": "/etc/motd", "text": "hello\n", "mode": "0600"}],
        "defaults": {"swappiness": 10},
    })
}

#[test]
fn three_syntaxes_say_the_same() {
    let json = as_json().to_string();
    let sources = [(Format::Toml, TOML), (Format::Yaml, YAML), (Format::Json, json.as_str())];
    let sources = sources.map(|(format, text)| source(format, text));
    let specs = sources.each_ref().map(|source| parse(source).unwrap().to_json());
    assert_eq!(specs[0], specs[2]);
    assert_eq!(specs[1], specs[2]);
    let blueprints = sources.each_ref().map(good);
    assert_eq!(blueprints[0].digest, blueprints[1].digest);
    // Only the order of keys differs between the texts; it decides the order of packages.
    let mut names = blueprints.map(|blueprint| {
        let mut names: Vec<_> = blueprint.packages.into_iter().map(|package| package.value.name).collect();
        names.sort();
        names
    });
    names.sort();
    assert_eq!(names[0], ["htop", "nginx", "postgresql", "systemd-sysv"]);
    assert_eq!(names[0], names[2]);
}

#[test]
fn typed_fields_are_what_was_written() {
    let spec = parse(&source(Format::Toml, TOML)).unwrap();
    assert_eq!(spec.name, "web");
    assert_eq!(spec.fields.users.unwrap()[0].uid, Some(1000));
    assert!(spec.fields.display.is_none());
}

#[test]
fn the_schema_is_2020_12_and_closed() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["additionalProperties"], false);
    let top = [
        "spec",
        "name",
        "base",
        "release",
        "architecture",
        "outputs",
        "hostname",
        "locale",
        "timezone",
        "keyboard",
        "users",
        "network",
        "kernel",
        "init",
        "filesystem",
        "display",
        "packages",
        "securityFeatures",
        "services",
        "backup",
        "customization",
        "postInstall",
        "defaults",
        "files",
        "layers",
        "mirrors",
    ];
    for key in top {
        assert!(schema["properties"].get(key).is_some(), "the schema lacks `{key}`");
    }
    documented(&schema, "");
}

/// Every field has a description, every table is closed, and nothing may be `null`.
fn documented(schema: &Value, path: &str) {
    match schema {
        Value::Object(map) => {
            assert_ne!(map.get("type"), Some(&json!("null")), "{path}");
            if let Some(properties) = map.get("properties").and_then(Value::as_object) {
                assert_eq!(map.get("additionalProperties"), Some(&Value::Bool(false)), "{path} is open");
                for (key, field) in properties {
                    assert!(field.get("description").is_some(), "{path}/{key} is not described");
                }
            }
            for (key, value) in map {
                documented(value, &format!("{path}/{key}"));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| documented(item, path)),
        _ => {}
    }
}

/// Keywords that the checks act on, or that only inform.
const KEYWORDS: &[&str] = &[
    "$defs",
    "$id",
    "$ref",
    "$schema",
    "additionalProperties",
    "anyOf",
    "const",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minimum",
    "oneOf",
    "pattern",
    "properties",
    "propertyNames",
    "required",
    "title",
    "type",
    "x-key",
    "x-merge",
    "x-sensitive",
];

#[test]
fn only_understood_keywords_are_used() {
    keywords(&schema());
}

fn keywords(schema: &Value) {
    let Value::Object(map) = schema else { return };
    for (key, value) in map {
        assert!(KEYWORDS.contains(&key.as_str()), "`{key}` is not understood by the checks");
        match (key.as_str(), value) {
            ("properties" | "$defs", Value::Object(fields)) => fields.values().for_each(keywords),
            ("anyOf" | "oneOf", Value::Array(items)) => items.iter().for_each(keywords),
            ("items" | "additionalProperties" | "propertyNames", value) => keywords(value),
            _ => {}
        }
    }
}
