//! Copies of blobs outside the store: made atomically, and not made again while they are known to be untouched.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use lbuild_digest::READ_SIZE;
use rustix::fs::FallocateFlags;
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
    pub fn copy(self, blob: BlobRef, path: &Path, cancel: &Cancel) -> Result<Copy, StoreError> {
        let copy = |target| Copy { store: self.store.clone(), blob, path: path.to_path_buf(), target };
        if self.is_current(path, blob) {
            return Ok(copy(None));
        }
        let mut source = cancel.reading(self.store.blobs().open(blob.digest)?);
        let mut target = room_for(path, blob.size)?;
        let write = &mut |piece: &[u8]| target.file.write_all(piece).during("write", path);
        let found = read_hashed(&mut source, path, write).map_err(|error| error.needing(blob.size))?;
        if found != blob.digest {
            return Err(self.store.blobs().quarantine(blob.digest, found)?);
        }
        finish(&target, path)?;
        Ok(copy(Some(target)))
    }

    /// Adopts the file `from` as [`crate::Blobs::adopt`] does, and copies it for `to` in the same reading, as
    /// [`Publications::copy`] does later. There is no copy where that fails: the later one says why.
    pub fn adopt(
        self,
        from: &Path,
        to: &Path,
        cancel: &Cancel,
    ) -> Result<(BlobRef, Option<Copy>), StoreError> {
        let size = from.symlink_metadata().during("inspect", from)?.len();
        let mut target = None;
        let blob = self.store.blobs().adopt_reading(from, cancel, &mut |source| {
            target = room_for(to, size).ok();
            read_hashed(source, from, &mut |piece| {
                target = target.take().filter(|target| (&target.file).write_all(piece).is_ok());
                Ok(())
            })
        })?;
        let target = target.filter(|target| finish(target, to).is_ok());
        let copy =
            |target| Copy { store: self.store.clone(), blob, path: to.to_path_buf(), target: Some(target) };
        Ok((blob, target.map(copy)))
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
pub struct Copy {
    store: Store,
    blob: BlobRef,
    path: PathBuf,
    /// `None` when the file is there.
    target: Option<Unnamed>,
}

impl Copy {
    /// Whether it is a copy of `blob` for `path`.
    pub fn is_of(&self, blob: BlobRef, path: &Path) -> bool {
        self.blob == blob && self.path == path
    }

    /// Makes it appear.
    pub fn name(self) -> Result<Placed, StoreError> {
        let Self { store, blob, path, target } = self;
        let Some(target) = target else { return Ok(Placed::Current) };
        name(target, &path)?;
        store.publications().record(&path, blob)?;
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

/// A file without a name on the file system of `path`. Its blocks are there before anything is written where the file
/// system can do that: the renaming that replaces an older file would otherwise wait until all of them are found.
fn room_for(path: &Path, size: u64) -> Result<Unnamed, StoreError> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let target = Unnamed::create(dir)?;
    if size > 0 {
        // Where it fails, writing tells whether there is room.
        let _ = rustix::fs::fallocate(&target.file, FallocateFlags::KEEP_SIZE, 0, size);
    }
    Ok(target)
}

/// Lets everybody read the finished copy.
fn finish(target: &Unnamed, path: &Path) -> Result<(), StoreError> {
    target.file.set_permissions(fs::Permissions::from_mode(0o644)).during("set the mode of", path)
}

/// Reads everything, writes it piece by piece, and returns its digest, which another thread computes meanwhile.
fn read_hashed(
    source: &mut dyn Read,
    path: &Path,
    write: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<Digest, StoreError> {
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
            write(&piece)?;
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
