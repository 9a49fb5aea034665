//! What a step reads, and the content key that follows from it.

use lbuild_store::{Digest, Input, Steps};

/// Everything that a step reads, each input under a label that `--explain` can show.
#[derive(Debug, Clone)]
pub struct Inputs {
    step: &'static str,
    entries: Vec<Input>,
}

impl Inputs {
    /// The inputs of one step. `revision` goes up when the step's own code changes what it makes.
    pub fn of(step: &'static str, revision: u32) -> Self {
        Self { step, entries: vec![Input::text("revision of the step", revision.to_string())] }
    }

    /// Adds a short text.
    #[must_use]
    pub fn text(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.entries.push(Input::text(label, value));
        self
    }

    /// Adds an input by its content.
    #[must_use]
    pub fn content(self, label: impl Into<String>, content: impl AsRef<[u8]>) -> Self {
        self.digest(label, Digest::of(content.as_ref()))
    }

    /// Adds an input by its digest.
    #[must_use]
    pub fn digest(mut self, label: impl Into<String>, digest: Digest) -> Self {
        self.entries.push(Input::digest(label, digest));
        self
    }

    /// Adds an input by its digest, with a text for people.
    #[must_use]
    pub fn described(mut self, label: impl Into<String>, digest: Digest, detail: impl Into<String>) -> Self {
        self.entries.push(Input::digest(label, digest).with_detail(detail));
        self
    }

    /// Name of the step.
    pub fn name(&self) -> &'static str {
        self.step
    }

    /// The inputs, in the order in which they were added.
    pub fn entries(&self) -> &[Input] {
        &self.entries
    }

    /// The key: the name of the step's record in the store.
    pub fn key(&self) -> Digest {
        Steps::key(self.step, &self.entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_contents_do_not_run_into_each_other() {
        let one = Inputs::of("s", 1).content("ab", "c").content("d", "");
        let two = Inputs::of("s", 1).content("a", "bc").content("d", "");
        assert_ne!(one.key(), two.key());
    }

    #[test]
    fn revision_and_name_count() {
        let base = Inputs::of("s", 1).content("a", "1");
        assert_ne!(base.key(), Inputs::of("s", 2).content("a", "1").key());
        assert_ne!(base.key(), Inputs::of("t", 1).content("a", "1").key());
        assert_eq!(base.key(), base.clone().key());
    }
}
