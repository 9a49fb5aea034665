//! What of a tree stays out of an image: one list that serves the tar writer and `mksquashfs`.

use serde::{Deserialize, Serialize};

/// Paths that are left out. Paths are relative to the root of the tree, without a leading or trailing slash.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excludes {
    /// Directories that are kept, but emptied.
    pub contents: Vec<String>,
    /// Entries that are left out, with everything below them.
    pub entries: Vec<String>,
}

impl Excludes {
    /// The mount points of a running system, which must exist in an image but be empty.
    pub fn runtime() -> Self {
        let contents = ["dev", "proc", "run", "sys", "tmp"];
        Self { contents: contents.map(str::to_owned).to_vec(), entries: Vec::new() }
    }

    /// Whether the entry at `path` is left out.
    pub(crate) fn omits(&self, path: &[u8]) -> bool {
        self.entries.iter().any(|entry| entry.as_bytes() == path)
    }

    /// Whether the directory at `path` is kept without its contents.
    pub(crate) fn empties(&self, path: &[u8]) -> bool {
        self.contents.iter().any(|entry| entry.as_bytes() == path)
    }
}
