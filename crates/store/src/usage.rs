//! How much room the store takes, and for what.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use serde::Serialize;

use crate::{Store, StoreError, blobs, error::During, scratch, store::layout};

/// One kind of object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kind {
    /// Number of objects.
    pub count: u64,
    /// Bytes on disk; for trees, as their makers counted them.
    pub bytes: u64,
}

impl Kind {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

/// What the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Packages, indexes, artifacts.
    pub blobs: Kind,
    /// Directories made by steps.
    pub trees: Kind,
    /// Records of finished steps.
    pub steps: Kind,
    /// Parsed indexes.
    pub indexes: Kind,
    /// Unfinished downloads.
    pub partial: Kind,
    /// Blobs that were found damaged.
    pub quarantined: Kind,
    /// Directories of builds that were stopped or killed, and trees that were collected: waiting for their deletion.
    pub trash: Kind,
}

impl Usage {
    /// Bytes of everything together.
    pub fn bytes(&self) -> u64 {
        let objects = [self.blobs, self.trees, self.steps, self.indexes, self.partial, self.quarantined];
        objects.iter().chain([&self.trash]).map(|kind| kind.bytes).sum()
    }
}

impl Store {
    /// Counts what is there.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let mut usage = Usage {
            steps: files(&self.dir(layout::STEPS))?,
            indexes: files(&self.dir(layout::INDEX))?,
            partial: files(&self.dir(layout::PARTS))?,
            quarantined: files(&self.dir(layout::QUARANTINE))?,
            trash: self.trash()?,
            ..Usage::default()
        };
        for (_, metadata) in blobs::entries(self.path())? {
            usage.blobs.add(on_disk(&metadata));
        }
        for tree in self.trees().list()? {
            usage.trees.add(tree.meta.bytes);
        }
        Ok(usage)
    }

    /// Room that [`Store::sweep`] would free.
    pub(crate) fn trash(&self) -> Result<Kind, StoreError> {
        let drafts = scratch::usage(&self.dir(layout::DRAFTS))?;
        let trash = scratch::usage(&self.dir(layout::TRASH))?;
        Ok(Kind { count: drafts.count + trash.count, bytes: drafts.bytes + trash.bytes })
    }
}

pub(crate) fn on_disk(metadata: &fs::Metadata) -> u64 {
    metadata.blocks() * 512
}

fn files(dir: &Path) -> Result<Kind, StoreError> {
    let mut kind = Kind::default();
    for entry in fs::read_dir(dir).during("read", dir)? {
        // Another process may have finished with the file since the listing.
        if let Ok(metadata) = entry.during("read", dir)?.metadata() {
            kind.add(on_disk(&metadata));
        }
    }
    Ok(kind)
}
