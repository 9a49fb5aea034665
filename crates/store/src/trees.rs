//! Directories named by the key of the step that made them.
//!
//! A tree is `trees/<key>/` with `root/`, whose content belongs to mapped uids, and `meta.json`. It is made as a draft
//! and committed by one rename, so that a tree with a name is a whole tree.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, utimensat};
use serde::{Deserialize, Serialize};

use crate::{Digest, Scratch, Store, StoreError, atomic, error::During, records, scratch, store::layout};

/// What is known about a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeMeta {
    /// For people: which step of which spec made it.
    pub name: String,
    /// Bytes on disk, as the maker counted them.
    pub bytes: u64,
    /// Number of directory entries.
    pub entries: u64,
    /// Whatever the maker wants to find again.
    #[serde(default)]
    pub data: serde_json::Value,
}

/// A committed tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Its name.
    pub key: Digest,
    /// The directory that holds `root` and the description.
    pub path: PathBuf,
    /// What its maker said about it.
    pub meta: TreeMeta,
}

impl Tree {
    /// The tree itself.
    pub fn root(&self) -> PathBuf {
        self.path.join(ROOT)
    }
}

/// A tree that is being made. Dropped without [`Trees::commit`], it goes to the trash, for [`Store::sweep`].
#[derive(Debug)]
pub struct TreeDraft {
    key: Digest,
    scratch: Scratch,
}

impl TreeDraft {
    /// The draft's directory: room for `root` and, until the commit, for what is needed beside it on the same file
    /// system (an overlay's work directory).
    pub fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// Where the tree is to be made. Does not exist yet: whoever owns the tree's uids creates it.
    pub fn root(&self) -> PathBuf {
        self.path().join(ROOT)
    }

    /// The key under which it will be committed.
    pub fn key(&self) -> Digest {
        self.key
    }
}

const ROOT: &str = "root";
const META: &str = "meta.json";

/// The trees of a store. See [`Store::trees`].
#[derive(Clone, Copy, Debug)]
pub struct Trees<'a> {
    store: &'a Store,
}

impl<'a> Trees<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Where the tree is, or would be.
    pub fn path(self, key: Digest) -> PathBuf {
        self.store.dir(layout::TREES).join(key.to_string())
    }

    /// The tree, if the store has it. Keeps it from being collected while this process lives.
    pub fn get(self, key: Digest) -> Option<Tree> {
        self.store.session().pin(key);
        let description = self.path(key).join(META);
        touch(&description, &description.metadata().ok()?);
        self.get_unpinned(key)
    }

    /// The tree, if the store has it, without that counting as a use.
    pub(crate) fn get_unpinned(self, key: Digest) -> Option<Tree> {
        let path = self.path(key);
        let meta = records::read(&path.join(META)).ok()??;
        Some(Tree { key, path, meta })
    }

    /// Starts a tree.
    pub fn begin(self, key: Digest) -> Result<TreeDraft, StoreError> {
        Ok(TreeDraft { key, scratch: self.store.scratch()? })
    }

    /// Names a finished draft. The draft's directory must hold nothing but `root` then. If the tree exists already,
    /// that one is returned and the draft goes to the trash.
    #[expect(clippy::needless_pass_by_value, reason = "a committed draft is used up, and its lock ends here")]
    pub fn commit(self, draft: TreeDraft, meta: &TreeMeta) -> Result<Tree, StoreError> {
        let path = self.path(draft.key);
        let description = draft.path().join(META);
        let bytes = serde_json::to_vec_pretty(meta)
            .map_err(|source| StoreError::Encode { path: description.clone(), source })?;
        fs::write(&description, bytes).during("write", &description)?;
        self.store.session().pin(draft.key);
        let _naming = self.store.journal().naming()?;
        match atomic::move_to_free_name(draft.path(), &path) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(StoreError::from_io("name the tree", &path, error.into())),
        }
        let found = records::read(&path.join(META))?;
        let meta = found.ok_or_else(|| StoreError::Io {
            action: "read",
            path: path.join(META),
            source: io::ErrorKind::InvalidData.into(),
        })?;
        Ok(Tree { key: draft.key, path, meta })
    }

    /// All trees, in no particular order.
    pub fn list(self) -> Result<Vec<Tree>, StoreError> {
        let mut trees = Vec::new();
        for (key, path) in records::keys(&self.store.dir(layout::TREES))? {
            if let Ok(Some(meta)) = records::read(&path.join(META)) {
                trees.push(Tree { key, path, meta });
            }
        }
        Ok(trees)
    }

    /// When the tree was last looked up, to within five minutes.
    pub fn last_use(self, key: Digest) -> SystemTime {
        let accessed = self.path(key).join(META).metadata().and_then(|metadata| metadata.accessed());
        accessed.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// Takes the name from a tree and leaves it to [`Store::sweep`]. The caller holds the collection lock.
    pub(crate) fn bury(self, key: Digest) -> Result<(), StoreError> {
        scratch::bury(&self.path(key), &self.store.dir(layout::TRASH))
    }
}

/// Uses closer together than this are one use: saves a write per lookup.
const TOUCH_INTERVAL: Duration = Duration::from_mins(5);

/// Remembers a use in the access time. The modification time stays: it says when the object was made.
pub(crate) fn touch(path: &Path, metadata: &fs::Metadata) {
    let recent = metadata
        .accessed()
        .is_ok_and(|accessed| accessed.elapsed().is_ok_and(|passed| passed < TOUCH_INTERVAL));
    if recent {
        return;
    }
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let keep = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    // A store that cannot be written cannot be collected either.
    let _ = utimensat(CWD, path, &Timestamps { last_access: now, last_modification: keep }, AtFlags::empty());
}
