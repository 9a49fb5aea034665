//! What configuration does to a tree.

use lbuild_store::Digest;
use serde::{Deserialize, Serialize};

/// One change of the tree, carried out inside the sandbox with the tree as `/`. Paths are absolute; missing parent
/// directories are made (mode 0755, root); symbolic links in a path are followed as the finished system would follow
/// them, which cannot lead out of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Writes a file, in place of whatever file or link is there.
    WriteFile {
        /// Where.
        path: String,
        /// Its content.
        #[serde(with = "bytes")]
        contents: Vec<u8>,
        /// Permission bits.
        mode: u32,
        /// Whose it is.
        owner: Owner,
    },
    /// Writes a file whose content is a blob of the store.
    WriteBlob {
        /// Where.
        path: String,
        /// The blob.
        digest: Digest,
        /// Permission bits.
        mode: u32,
        /// Whose it is.
        owner: Owner,
    },
    /// Makes a symbolic link, in place of whatever file or link is there.
    Symlink {
        /// Where.
        path: String,
        /// What it points to.
        target: String,
    },
    /// Makes a directory, or sets the mode and owner of one that is there.
    Directory {
        /// Where.
        path: String,
        /// Permission bits.
        mode: u32,
        /// Whose it is.
        owner: Owner,
    },
    /// Removes a file or a link; nothing happens when there is none.
    Remove {
        /// Where.
        path: String,
    },
    /// Replaces every line that starts with `prefix` by `line`, or appends `line` when there is none. A missing file
    /// is made with mode 0644.
    SetLine {
        /// Where.
        path: String,
        /// What the line to replace starts with.
        prefix: String,
        /// The new line, without its end.
        line: String,
    },
    /// Runs a program of the tree; it must succeed.
    Run {
        /// What it is for, as errors say it.
        purpose: String,
        /// Program and arguments.
        argv: Vec<String>,
        /// Standard input.
        #[serde(with = "bytes")]
        stdin: Vec<u8>,
        /// More environment than the usual one of package scripts.
        env: Vec<(String, String)>,
    },
    /// Carries out the others only where the tree has this path.
    IfExists {
        /// The path that must be there.
        path: String,
        /// What to do then.
        then: Vec<Action>,
    },
}

impl Action {
    /// The blobs that the actions write, in order.
    pub(crate) fn blobs(actions: &[Self]) -> Vec<Digest> {
        let of = |action: &Self| match action {
            Self::WriteBlob { digest, .. } => vec![*digest],
            Self::IfExists { then, .. } => Self::blobs(then),
            _ => Vec::new(),
        };
        actions.iter().flat_map(of).collect()
    }
}

/// Whose a file is. Names are looked up in the tree's own `/etc/passwd` and `/etc/group`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// User name or number.
    pub user: String,
    /// Group name or number.
    pub group: String,
}

impl Owner {
    /// `root:root`.
    pub fn root() -> Self {
        Self { user: "0".to_owned(), group: "0".to_owned() }
    }
}

/// Bytes as base64, so that any content survives JSON.
mod bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(de::Error::custom)
    }
}
