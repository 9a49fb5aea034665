//! Steps and their content keys.
//!
//! A step's key is the hash of everything that the step reads: its name, its revision and its labelled inputs, in a
//! length-delimited encoding, so that two different lists of inputs never give the same bytes.

use sha2::{Digest as _, Sha256};

/// The content key of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepKey(pub [u8; 32]);

impl StepKey {
    /// Hexadecimal form, the name of the step's record in the store.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }
}

/// Everything that a step reads, each input under a label that `--explain` can show.
#[derive(Debug, Clone)]
pub struct Inputs {
    step: &'static str,
    revision: u32,
    entries: Vec<(String, [u8; 32])>,
}

impl Inputs {
    /// The inputs of one step. `revision` goes up when the step's own code changes what it makes.
    pub fn of(step: &'static str, revision: u32) -> Self {
        Self { step, revision, entries: Vec::new() }
    }

    /// Adds an input by its content.
    #[must_use]
    pub fn content(self, label: impl Into<String>, content: impl AsRef<[u8]>) -> Self {
        self.digest(label, Sha256::digest(content.as_ref()).into())
    }

    /// Adds an input by its digest.
    #[must_use]
    pub fn digest(mut self, label: impl Into<String>, digest: [u8; 32]) -> Self {
        self.entries.push((label.into(), digest));
        self
    }

    /// Adds the output of another step.
    #[must_use]
    pub fn step(self, key: Option<StepKey>, label: &str) -> Self {
        match key {
            Some(key) => self.digest(label, key.0),
            None => self,
        }
    }

    /// Name of the step.
    pub fn name(&self) -> &'static str {
        self.step
    }

    /// The labels and digests, in order.
    pub fn entries(&self) -> &[(String, [u8; 32])] {
        &self.entries
    }

    /// The key.
    pub fn key(&self) -> StepKey {
        let mut hash = Sha256::new();
        field(&mut hash, b"lbuild step 1");
        field(&mut hash, self.step.as_bytes());
        hash.update(self.revision.to_le_bytes());
        hash.update((self.entries.len() as u64).to_le_bytes());
        for (label, digest) in &self.entries {
            field(&mut hash, label.as_bytes());
            hash.update(digest);
        }
        StepKey(hash.finalize().into())
    }
}

fn field(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
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
    fn revision_name_and_order_count() {
        let base = Inputs::of("s", 1).content("a", "1").content("b", "2");
        assert_ne!(base.key(), Inputs::of("s", 2).content("a", "1").content("b", "2").key());
        assert_ne!(base.key(), Inputs::of("t", 1).content("a", "1").content("b", "2").key());
        assert_ne!(base.key(), Inputs::of("s", 1).content("b", "2").content("a", "1").key());
        assert_eq!(base.key(), base.clone().key());
    }
}
