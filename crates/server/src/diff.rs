//! What differs between two specs, as they were written.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Keys by which the entries of a list are told apart, the first that an entry has counts.
const KEYS: [&str; 2] = ["name", "path"];

/// One difference.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Change {
    /// What became of it.
    op: Op,
    /// JSON pointer into the later spec, and into the earlier one for what is no longer there.
    pointer: String,
    /// What was there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// What is there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
}

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// It came.
    Added,
    /// It went.
    Removed,
    /// It is another.
    Changed,
}

/// The differences, by pointer within each table. Entries of lists are compared by their name or path, or as a whole,
/// wherever they stand.
pub fn diff(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(before, after, "", &mut changes);
    changes
}

fn compare(before: &Value, after: &Value, pointer: &str, changes: &mut Vec<Change>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                step(old.get(key), new.get(key), [&pointer, &pointer], changes);
            }
        }
        (Value::Array(old), Value::Array(new)) => lists(old, new, pointer, changes),
        _ if before != after => {
            let (before, after) = (Some(before.clone()), Some(after.clone()));
            changes.push(Change { op: Op::Changed, pointer: pointer.to_owned(), before, after });
        }
        _ => {}
    }
}

/// One entry of a table or list; its pointers in the earlier and in the later spec.
fn step(before: Option<&Value>, after: Option<&Value>, pointers: [&str; 2], changes: &mut Vec<Change>) {
    let [old, new] = pointers;
    match (before, after) {
        (Some(before), Some(after)) => compare(before, after, new, changes),
        (Some(before), None) => {
            let before = Some(before.clone());
            changes.push(Change { op: Op::Removed, pointer: old.to_owned(), before, after: None });
        }
        (None, Some(after)) => {
            let after = Some(after.clone());
            changes.push(Change { op: Op::Added, pointer: new.to_owned(), before: None, after });
        }
        (None, None) => {}
    }
}

fn lists(old: &[Value], new: &[Value], pointer: &str, changes: &mut Vec<Change>) {
    let (olds, news) = (identities(old), identities(new));
    let remaining: BTreeSet<&Identity> = news.iter().collect();
    let known: BTreeMap<&Identity, &Value> = olds.iter().zip(old).collect();
    let count = changes.len();
    for (position, (identity, item)) in olds.iter().zip(old).enumerate() {
        if !remaining.contains(identity) {
            step(Some(item), None, [&format!("{pointer}/{position}"), ""], changes);
        }
    }
    for (position, (identity, item)) in news.iter().zip(new).enumerate() {
        let here = format!("{pointer}/{position}");
        step(known.get(identity).copied(), Some(item), [&here, &here], changes);
    }
    if changes.len() == count && old != new {
        let (before, after) = (Some(Value::from(old)), Some(Value::from(new)));
        changes.push(Change { op: Op::Changed, pointer: pointer.to_owned(), before, after });
    }
}

/// What tells an entry of a list from the others, and which of several alike it is.
type Identity = (String, usize);

fn identities(items: &[Value]) -> Vec<Identity> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let identity = |item: &Value| {
        let key = KEYS.iter().find_map(|key| item.get(key)?.as_str());
        let text = key.map_or_else(|| item.to_string(), |key| format!("={key}"));
        let count = seen.entry(text.clone()).or_default();
        *count += 1;
        (text, *count)
    };
    items.iter().map(identity).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(before: &Value, after: &Value) -> Vec<String> {
        let text = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
        let line = |c: Change| {
            format!("{:?} {} {} {}", c.op, c.pointer, text(&c.before), text(&c.after)).to_lowercase()
        };
        diff(before, after).into_iter().map(line).collect()
    }

    #[test]
    fn entries_are_compared_by_what_they_are_and_not_by_where_they_stand() {
        let before =
            json!({ "packages": ["a", "b", "c"], "users": [{ "name": "u", "uid": 1 }, { "name": "v" }] });
        let after =
            json!({ "packages": ["c", "a", "d"], "users": [{ "name": "v" }, { "name": "u", "uid": 2 }] });
        assert_eq!(
            lines(&before, &after),
            ["removed /packages/1 \"b\" -", "added /packages/2 - \"d\"", "changed /users/1/uid 1 2",]
        );
    }

    #[test]
    fn tables_values_and_order_are_told() {
        let before = json!({ "a": 1, "b/c": { "x": true }, "l": [1, 2], "m": [1, 1] });
        let after = json!({ "a": [1], "b/c": {}, "l": [2, 1], "m": [1] });
        assert_eq!(
            lines(&before, &after),
            ["changed /a 1 [1]", "removed /b~1c/x true -", "changed /l [1,2] [2,1]", "removed /m/1 1 -",]
        );
        assert!(diff(&before, &before).is_empty());
    }
}
