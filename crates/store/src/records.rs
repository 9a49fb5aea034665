//! Small JSON files: written whole, and one that cannot be read counts as absent.
//!
//! That is also why they need no marker in the journal: what a power cut leaves of a JSON object is no JSON object.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Digest, Store, StoreError,
    atomic::{self, Durability},
    error::During,
    store::layout,
};

/// The record at `path`, or `None` if there is none, or none that this version understands.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::from_io("read", path, error)),
    }
}

/// Stores `record` at `path`.
pub(crate) fn write(
    store: &Store,
    path: &Path,
    record: &impl Serialize,
    durability: Durability,
) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec_pretty(record)
        .map_err(|source| StoreError::Encode { path: path.to_path_buf(), source })?;
    atomic::replace(&store.dir(layout::TMP), path, &bytes, durability)
}

/// Entries of `dir` that are named by a digest, with or without `.json`.
pub(crate) fn keys(dir: &Path) -> Result<Vec<(Digest, PathBuf)>, StoreError> {
    let mut keys = Vec::new();
    for entry in fs::read_dir(dir).during("read", dir)? {
        let path = entry.during("read", dir)?.path();
        let name = path.file_stem().and_then(|name| name.to_str());
        if let Some(key) = name.and_then(|name| name.parse().ok()) {
            keys.push((key, path));
        }
    }
    Ok(keys)
}

/// The file of the record named by a text of any shape and length.
pub(crate) fn path_for(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{}.json", Digest::of(name.as_bytes())))
}
