//! A canonical encoding of the effective spec, and its SHA-256.

use serde::Serializer;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Blueprint;

/// Changes when the encoding below changes, so that digests of different encodings never meet.
const DOMAIN: &[u8] = b"lbuild-blueprint-1";

/// SHA-256 over a canonical, length-delimited encoding of everything that [`Blueprint`] serialises.
///
/// Absent values, empty lists and empty tables count for nothing, so that a new optional field leaves the
/// digests of old specs as they are.
pub(super) fn digest(blueprint: &Blueprint) -> Result<[u8; 32], serde_json::Error> {
    let value = serde_json::to_value(blueprint)?;
    let mut hasher = Sha256::new();
    text(&mut hasher, b'd', DOMAIN);
    encode(&mut hasher, &value);
    Ok(hasher.finalize().into())
}

fn encode(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Null => hasher.update(b"n"),
        Value::Bool(flag) => hasher.update(if *flag { b"t" } else { b"f" }),
        Value::Number(number) => text(hasher, b'i', number.to_string().as_bytes()),
        Value::String(string) => text(hasher, b's', string.as_bytes()),
        Value::Array(items) => {
            length(hasher, b'a', items.len());
            for item in items {
                encode(hasher, item);
            }
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().filter(|(_, value)| !is_empty(value)).collect();
            entries.sort_by_key(|(key, _)| *key);
            length(hasher, b'o', entries.len());
            for (key, value) in entries {
                text(hasher, b'k', key.as_bytes());
                encode(hasher, value);
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        _ => false,
    }
}

fn text(hasher: &mut Sha256, kind: u8, bytes: &[u8]) {
    length(hasher, kind, bytes.len());
    hasher.update(bytes);
}

fn length(hasher: &mut Sha256, kind: u8, length: usize) {
    hasher.update([kind]);
    hasher.update((length as u64).to_be_bytes());
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Serialises bytes as hexadecimal text.
pub(super) fn hex_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(bytes))
}
