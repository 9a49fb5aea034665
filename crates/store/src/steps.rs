//! What each step read and made, so that it need not run again, and so that a miss can be explained.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    BlobRef, Digest, Hasher, Store, StoreError, atomic, atomic::Durability, records, store::layout, trees,
};

/// One thing that a step reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What it is, unique within the step: "package vim", "file /etc/motd", "setting hostname".
    pub label: String,
    /// Digest of its content.
    pub digest: Digest,
    /// For people, in explanations: a version, a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Input {
    /// An input that is a short text, which also serves as the detail shown to people.
    pub fn text(label: impl Into<String>, value: impl Into<String>) -> Self {
        let value = value.into();
        Self { label: label.into(), digest: Digest::of(value.as_bytes()), detail: Some(value) }
    }

    /// An input known by its digest.
    pub fn digest(label: impl Into<String>, digest: Digest) -> Self {
        Self { label: label.into(), digest, detail: None }
    }

    /// Adds what people should read in an explanation.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// One thing that a step made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What it is, unique within the step.
    pub name: String,
    /// Where it is.
    #[serde(flatten)]
    pub reference: OutputRef,
}

/// Where an output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OutputRef {
    /// A blob.
    Blob(BlobRef),
    /// The tree with this key.
    Tree(Digest),
}

/// A finished step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Name of the step, the same from build to build: "base", "pack iso".
    pub name: String,
    /// Everything it read.
    pub inputs: Vec<Input>,
    /// Everything it made.
    pub outputs: Vec<Output>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Whatever the maker wants to find again.
    #[serde(default)]
    pub data: serde_json::Value,
}

impl StepRecord {
    /// The output called `name`, if it is a blob.
    pub fn blob(&self, name: &str) -> Option<BlobRef> {
        self.outputs.iter().find(|output| output.name == name).and_then(|output| match output.reference {
            OutputRef::Blob(blob) => Some(blob),
            OutputRef::Tree(_) => None,
        })
    }

    /// The output called `name`, if it is a tree.
    pub fn tree(&self, name: &str) -> Option<Digest> {
        self.outputs.iter().find(|output| output.name == name).and_then(|output| match output.reference {
            OutputRef::Tree(key) => Some(key),
            OutputRef::Blob(_) => None,
        })
    }
}

/// How one input differs from the last time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Label of the input.
    pub label: String,
    /// What happened to it.
    pub kind: ChangeKind,
    /// Its detail then.
    pub before: Option<String>,
    /// Its detail now.
    pub after: Option<String>,
}

/// What happened to an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// It is gone.
    Removed,
    /// Its content differs.
    Changed,
}

/// The step records of a store. See [`Store::steps`].
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a> {
    store: &'a Store,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// The key of a step: a hash over its name and all inputs in the order of their labels. Details do not count.
    pub fn key(name: &str, inputs: &[Input]) -> Digest {
        let mut sorted: Vec<_> = inputs.iter().map(|input| (&input.label, input.digest)).collect();
        sorted.sort_unstable();
        let mut hasher = Hasher::new();
        hasher.field("step", name.as_bytes());
        for (label, digest) in sorted {
            hasher.field(label, &digest.0);
        }
        hasher.finish()
    }

    /// The record of the step with this key, if there is one and everything that it made is still there. Keeps its
    /// outputs from being collected while this process lives.
    pub fn get(self, key: Digest) -> Option<StepRecord> {
        self.store.session().pin(key);
        let path = self.path(key);
        let record: StepRecord = records::read(&path).ok()??;
        let whole = record.outputs.iter().all(|output| match output.reference {
            OutputRef::Blob(blob) => self.store.blobs().find(blob.digest) == Some(blob),
            OutputRef::Tree(key) => self.store.trees().get(key).is_some(),
        });
        if let Ok(metadata) = path.metadata() {
            trees::touch(&path, &metadata);
        }
        whole.then_some(record)
    }

    /// Remembers a finished step, and that it is the newest of its name in the spec called `spec`.
    pub fn put(self, spec: &str, key: Digest, record: &StepRecord) -> Result<(), StoreError> {
        self.store.session().pin(key);
        records::write(self.store, &self.path(key), record, Durability::Lazy)?;
        self.remember(spec, key, record)
    }

    /// Remembers that the step with this key is the newest of its name in the spec called `spec`: for hits, so that the
    /// next explanation compares with what was really used last.
    pub fn remember(self, spec: &str, key: Digest, record: &StepRecord) -> Result<(), StoreError> {
        let path = self.history(spec, &record.name);
        let last = Last { key, inputs: record.inputs.clone() };
        if records::read::<Last>(&path)?.as_ref() == Some(&last) {
            return Ok(());
        }
        if let Some(group) = path.parent() {
            atomic::make_dir(group)?;
        }
        records::write(self.store, &path, &last, Durability::Lazy)
    }

    /// How `inputs` differ from those of the last step called `name` in the spec called `spec`, in the order of their
    /// labels. `None` if there was none.
    pub fn explain(
        self,
        spec: &str,
        name: &str,
        inputs: &[Input],
    ) -> Result<Option<Vec<Change>>, StoreError> {
        let last: Option<Last> = records::read(&self.history(spec, name))?;
        Ok(last.map(|last| changes(&last.inputs, inputs)))
    }

    /// All records, in no particular order.
    pub fn list(self) -> Result<Vec<(Digest, StepRecord)>, StoreError> {
        let mut steps = Vec::new();
        for (key, path) in records::keys(&self.store.dir(layout::STEPS))? {
            if let Some(record) = records::read(&path)? {
                steps.push((key, record));
            }
        }
        Ok(steps)
    }

    pub(crate) fn path(self, key: Digest) -> PathBuf {
        self.store.dir(layout::STEPS).join(format!("{key}.json"))
    }

    fn history(self, spec: &str, name: &str) -> PathBuf {
        let group = self.store.dir(layout::HISTORY).join(Digest::of(spec.as_bytes()).to_string());
        records::path_for(&group, name)
    }
}

/// The newest step of a name in a spec.
#[derive(PartialEq, Serialize, Deserialize)]
struct Last {
    key: Digest,
    inputs: Vec<Input>,
}

fn changes(before: &[Input], after: &[Input]) -> Vec<Change> {
    let mut labels: BTreeMap<&str, (Option<&Input>, Option<&Input>)> = BTreeMap::new();
    for input in before {
        labels.entry(&input.label).or_default().0 = Some(input);
    }
    for input in after {
        labels.entry(&input.label).or_default().1 = Some(input);
    }
    let detail = |input: Option<&Input>| input.and_then(|input| input.detail.clone());
    labels
        .into_iter()
        .filter_map(|(label, (before, after))| {
            let kind = match (before, after) {
                (Some(before), Some(after)) if before.digest == after.digest => return None,
                (Some(_), Some(_)) => ChangeKind::Changed,
                (None, _) => ChangeKind::Added,
                (_, None) => ChangeKind::Removed,
            };
            Some(Change { label: label.to_owned(), kind, before: detail(before), after: detail(after) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_ignores_order_and_details() {
        let one = Input::text("package vim", "9.1");
        let two = Input::text("package less", "668");
        let bare = Input::digest("package vim", one.digest);
        let key = Steps::key("base", &[one.clone(), two.clone()]);
        assert_eq!(key, Steps::key("base", &[two.clone(), bare]));
        assert_ne!(key, Steps::key("packages", &[one.clone(), two]));
        assert_ne!(key, Steps::key("base", &[one]));
    }

    #[test]
    fn changes_name_what_was_added_removed_and_changed() {
        let before = [Input::text("a", "1"), Input::text("b", "1"), Input::text("c", "1")];
        let after = [Input::text("b", "1"), Input::text("c", "2"), Input::text("d", "1")];
        let found: Vec<_> = changes(&before, &after)
            .into_iter()
            .map(|change| (change.label, change.kind, change.after))
            .collect();
        let expected = [
            ("a".to_owned(), ChangeKind::Removed, None),
            ("c".to_owned(), ChangeKind::Changed, Some("2".to_owned())),
            ("d".to_owned(), ChangeKind::Added, Some("1".to_owned())),
        ];
        assert_eq!(found, expected);
    }
}
