//! Copies of blobs outside the store: made atomically, and not made again while they are known to be untouched.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use lbuild_digest::READ_SIZE;
use serde::{Deserialize, Serialize};

use crate::{
    BlobRef, Cancel, Digest, Hasher, Store, StoreError,
    atomic::{Durability, Unnamed},
    error::During,
    records,
    store::layout,
};

/// What [`Publications::place`] had to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// The file was written.
    Written,
    /// The file was there, untouched since it was written.
    Current,
}

/// The output files of a store. See [`Store::publications`].
#[derive(Clone, Copy, Debug)]
pub struct Publications<'a> {
    store: &'a Store,
}

impl<'a> Publications<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Puts a copy of `blob` at `path`. It appears whole and checked against its digest, or not at all; an untouched
    /// copy from an earlier call is left alone.
    ///
    /// The copy is not flushed: waiting for the disk would take longer than many builds, and after a power cut the
    /// next build places it again, since `journal` forgets what it had placed.
    pub fn place(self, blob: BlobRef, path: &Path, cancel: &Cancel) -> Result<Placed, StoreError> {
        self.copy(blob, path, cancel)?.name()
    }

    /// The part of [`Publications::place`] that takes time. Nothing is to be seen at `path` before [`Copy::name`], so
    /// that several files can appear together or not at all.
    pub fn copy(self, blob: BlobRef, path: &Path, cancel: &Cancel) -> Result<Copy<'a>, StoreError> {
        let copy = |target| Copy { publications: self, blob, path: path.to_path_buf(), target };
        if self.is_current(path, blob) {
            return Ok(copy(None));
        }
        let mut source = cancel.reading(self.store.blobs().open(blob.digest)?);
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut target = Unnamed::create(dir)?;
        let found =
            copy_hashed(&mut source, &mut target.file, path).map_err(|error| error.needing(blob.size))?;
        if found != blob.digest {
            return Err(self.store.blobs().quarantine(blob.digest, found)?);
        }
        target.file.set_permissions(fs::Permissions::from_mode(0o644)).during("set the mode of", path)?;
        Ok(copy(Some(target)))
    }

    /// Whether `path` is a copy of `blob` that nobody touched since [`Publications::place`] or
    /// [`Publications::record`].
    pub fn is_current(self, path: &Path, blob: BlobRef) -> bool {
        let Ok(metadata) = path.symlink_metadata() else { return false };
        let record = records::read::<Publication>(&self.record_path(path));
        metadata.is_file()
            && record.is_ok_and(|record| record == Some(Publication::new(path, blob, &metadata)))
    }

    /// Declares that the file `path` holds exactly `blob` now.
    pub fn record(self, path: &Path, blob: BlobRef) -> Result<(), StoreError> {
        let metadata = path.symlink_metadata().during("inspect", path)?;
        let record = Publication::new(path, blob, &metadata);
        records::write(self.store, &self.record_path(path), &record, Durability::Lazy)
    }

    fn record_path(self, path: &Path) -> PathBuf {
        let absolute = path_key(path);
        records::path_for(&self.store.dir(layout::PUBLISHED), &absolute.to_string_lossy())
    }
}

/// The path without symbolic links in its directory part, so that one file has one record.
fn path_key(path: &Path) -> PathBuf {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (dir.canonicalize(), path.file_name()) {
        (Ok(dir), Some(name)) => dir.join(name),
        _ => path.to_path_buf(),
    }
}

/// A copy without a name. Dropped without [`Copy::name`], nothing stays.
#[derive(Debug)]
pub struct Copy<'a> {
    publications: Publications<'a>,
    blob: BlobRef,
    path: PathBuf,
    /// `None` when the file is there.
    target: Option<Unnamed>,
}

impl Copy<'_> {
    /// Makes it appear.
    pub fn name(self) -> Result<Placed, StoreError> {
        let Self { publications, blob, path, target } = self;
        let Some(target) = target else { return Ok(Placed::Current) };
        name(target, &path)?;
        publications.record(&path, blob)?;
        Ok(Placed::Written)
    }
}

/// Identity and state of a published file: any write to it, and any file put in its place, changes one of these.
#[derive(PartialEq, Serialize, Deserialize)]
pub(crate) struct Publication {
    pub(crate) path: PathBuf,
    digest: Digest,
    size: u64,
    device: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Publication {
    fn new(path: &Path, blob: BlobRef, metadata: &fs::Metadata) -> Self {
        Self {
            path: path_key(path),
            digest: blob.digest,
            size: if metadata.len() == blob.size { blob.size } else { u64::MAX },
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Pieces of a copy that may wait for being hashed.
const PIECES: usize = 8;

/// Copies everything and returns the digest of what was copied, which another thread computes meanwhile.
fn copy_hashed(source: &mut dyn Read, target: &mut File, path: &Path) -> Result<Digest, StoreError> {
    let (pieces, copied) = mpsc::sync_channel::<Vec<u8>>(PIECES);
    // This end goes with the closure, also when that fails, and then the other thread ends.
    thread::scope(move |scope| {
        let hashing = scope.spawn(move || {
            let mut hasher = Hasher::new();
            for piece in copied {
                hasher.update(&piece);
            }
            hasher.finish()
        });
        loop {
            let mut piece = vec![0_u8; READ_SIZE];
            let count = source.read(&mut piece).during("read the content of", path)?;
            piece.truncate(count);
            if count == 0 {
                break;
            }
            target.write_all(&piece).during("write", path)?;
            // It listens until this end is dropped.
            let _ = pieces.send(piece);
        }
        drop(pieces);
        Ok(hashing.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Gives the finished file its name, replacing what is there.
fn name(mut target: Unnamed, path: &Path) -> Result<(), StoreError> {
    let mut temporary = path.file_name().unwrap_or_default().to_os_string();
    temporary.push(".new");
    let temporary = path.with_file_name(temporary);
    // Left by a process that died between the two steps below.
    drop(fs::remove_file(&temporary));
    if !target.link(&temporary)? {
        return Err(StoreError::from_io("create", &temporary, std::io::ErrorKind::AlreadyExists.into()));
    }
    fs::rename(&temporary, path).inspect_err(|_| drop(fs::remove_file(&temporary))).during("replace", path)
}
