//! Garbage collection: what was not used for long, or does not fit, goes; what is in use or needed again stays.

use std::{
    collections::HashSet,
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;

use crate::{
    Cancel, DeleteTree, Digest, Store, StoreError, blobs, error::During, lock, published::Publication,
    records, session, store::layout, usage,
};

/// What to collect.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Objects that were not used for longer than this go.
    pub max_age: Option<Duration>,
    /// The least recently used objects go until the rest fits into this many bytes.
    pub max_bytes: Option<u64>,
    /// What builds younger than this refer to stays, so that they can be repeated, also offline.
    pub keep_builds: Duration,
    /// Objects used within this time stay in any case.
    pub grace: Duration,
    /// Only count.
    pub dry_run: bool,
}

impl Default for Policy {
    fn default() -> Self {
        let day = Duration::from_hours(24);
        Self {
            max_age: Some(30 * day),
            max_bytes: None,
            keep_builds: 14 * day,
            grace: Duration::from_mins(15),
            dry_run: false,
        }
    }
}

/// Result of [`Store::collect`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Collected {
    /// Blobs removed.
    pub blobs: u64,
    /// Trees removed.
    pub trees: u64,
    /// Parsed indexes, unfinished downloads, damaged blobs, and what stopped builds left, removed.
    pub others: u64,
    /// Bytes freed.
    pub freed_bytes: u64,
    /// Bytes of objects that stay because a running process or a recent build needs them.
    pub needed_bytes: u64,
    /// Bytes of objects that stay, altogether.
    pub kept_bytes: u64,
}

/// Something that can be collected.
struct Object {
    kind: Kind,
    path: PathBuf,
    bytes: u64,
    last_use: SystemTime,
    needed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Blob,
    Tree(Digest),
    Other,
}

impl Store {
    /// Removes what `policy` says, and everything that dead processes left. `delete` removes what mapped uids own.
    pub fn collect(
        &self,
        policy: &Policy,
        delete: DeleteTree<'_>,
        cancel: &Cancel,
    ) -> Result<Collected, StoreError> {
        let _one_at_a_time = lock::acquire(&self.dir(layout::LOCKS).join("gc"), cancel)?;
        let trash = self.trash()?;
        let mut collected = {
            self.session().end_reading();
            let collection = session::open_collection(self.path())?;
            flock(&collection, FlockOperation::LockExclusive).during("lock", self.path())?;
            self.remove_names(policy)?
        };
        collected.others += trash.count;
        collected.freed_bytes += trash.bytes;
        if !policy.dry_run {
            self.forget_broken_steps()?;
            self.tidy_records(policy)?;
            self.sweep(delete, &|| cancel.is_cancelled())?;
            self.sync()?;
        }
        Ok(collected)
    }

    /// Chooses and removes objects. The caller holds the collection lock.
    fn remove_names(&self, policy: &Policy) -> Result<Collected, StoreError> {
        let now = SystemTime::now();
        let age = |object: &Object| now.duration_since(object.last_use).unwrap_or_default();
        let mut objects = self.objects(&self.needed(policy, now)?)?;
        objects.sort_by_key(|object| object.last_use);
        let mut total: u64 = objects.iter().map(|object| object.bytes).sum();
        let mut collected = Collected::default();
        for object in &objects {
            let too_old = policy.max_age.is_some_and(|limit| age(object) > limit);
            let too_much = policy.max_bytes.is_some_and(|limit| total > limit);
            let stays = object.needed || age(object) < policy.grace;
            if stays || !(too_old || too_much) {
                collected.kept_bytes += object.bytes;
                collected.needed_bytes += if stays { object.bytes } else { 0 };
                continue;
            }
            if !policy.dry_run {
                self.remove(object)?;
            }
            total -= object.bytes;
            collected.freed_bytes += object.bytes;
            match object.kind {
                Kind::Blob => collected.blobs += 1,
                Kind::Tree(_) => collected.trees += 1,
                Kind::Other => collected.others += 1,
            }
        }
        Ok(collected)
    }

    fn remove(&self, object: &Object) -> Result<(), StoreError> {
        match object.kind {
            Kind::Tree(key) => self.trees().bury(key),
            Kind::Blob | Kind::Other => fs::remove_file(&object.path).during("remove", &object.path),
        }
    }

    /// Names that live processes or recent builds need.
    fn needed(&self, policy: &Policy, now: SystemTime) -> Result<HashSet<Digest>, StoreError> {
        let mut needed = session::pins(self.path())?;
        for (made, root) in self.roots().list()? {
            if now.duration_since(made).unwrap_or_default() < policy.keep_builds {
                needed.extend(root.objects);
            }
        }
        Ok(needed)
    }

    fn objects(&self, needed: &HashSet<Digest>) -> Result<Vec<Object>, StoreError> {
        let mut objects = Vec::new();
        for (digest, metadata) in blobs::entries(self.path())? {
            objects.push(Object {
                kind: Kind::Blob,
                path: self.blobs().path(digest),
                bytes: usage::on_disk(&metadata),
                last_use: last_use(&metadata),
                needed: needed.contains(&digest),
            });
        }
        for (key, path) in records::keys(&self.dir(layout::TREES))? {
            let bytes = self.trees().get_unpinned(key).map_or(0, |tree| tree.meta.bytes);
            let last_use = self.trees().last_use(key);
            objects.push(Object {
                kind: Kind::Tree(key),
                path,
                bytes,
                last_use,
                needed: needed.contains(&key),
            });
        }
        for name in [layout::INDEX, layout::PARTS, layout::QUARANTINE] {
            objects.extend(others(&self.dir(name))?);
        }
        Ok(objects)
    }

    /// Removes records that lead nowhere or were not used for long, and lock files that nobody holds.
    fn tidy_records(&self, policy: &Policy) -> Result<(), StoreError> {
        for (_, path) in records::keys(&self.dir(layout::PUBLISHED))? {
            let record: Option<Publication> = records::read(&path)?;
            if record.is_none_or(|record| !record.path.exists()) {
                remove_if_there(&path)?;
            }
        }
        for (_, path) in records::keys(&self.dir(layout::RESPONSES))? {
            let record: Option<crate::Response> = records::read(&path)?;
            if record.is_none_or(|record| !self.blobs().path(record.blob.digest).exists()) {
                remove_if_there(&path)?;
            }
        }
        for (_, path) in records::keys(&self.dir(layout::LOCKS))? {
            // Held while it is removed: whoever opened it before finds out that the name is gone.
            if let Some(_guard) = lock::try_acquire(&path)? {
                remove_if_there(&path)?;
            }
        }
        let Some(max_age) = policy.max_age else { return Ok(()) };
        let history = self.dir(layout::HISTORY);
        let mut dirs = vec![self.dir(layout::STEPS), self.dir(layout::ROOTS)];
        dirs.extend(records::keys(&history)?.into_iter().map(|(_, path)| path));
        for dir in dirs {
            remove_older(&dir, max_age.max(policy.keep_builds))?;
        }
        Ok(())
    }
}

fn last_use(metadata: &fs::Metadata) -> SystemTime {
    let accessed = metadata.accessed().unwrap_or(SystemTime::UNIX_EPOCH);
    accessed.max(metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH))
}

/// Files of `dir` that nobody writes.
fn others(dir: &Path) -> Result<Vec<Object>, StoreError> {
    let mut objects = Vec::new();
    for entry in fs::read_dir(dir).during("read", dir)? {
        let path = entry.during("read", dir)?.path();
        let Ok(file) = File::open(&path) else { continue };
        let needed = !lock::try_exclusive(&file).during("lock", &path)?;
        let metadata = file.metadata().during("inspect", &path)?;
        let (bytes, last_use) = (usage::on_disk(&metadata), last_use(&metadata));
        objects.push(Object { kind: Kind::Other, path, bytes, last_use, needed });
    }
    Ok(objects)
}

fn remove_older(dir: &Path, max_age: Duration) -> Result<(), StoreError> {
    for (_, path) in records::keys(dir)? {
        let Ok(metadata) = path.metadata() else { continue };
        if last_use(&metadata).elapsed().unwrap_or_default() > max_age {
            remove_if_there(&path)?;
        }
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::from_io("remove", path, error))
        }
        _ => Ok(()),
    }
}
