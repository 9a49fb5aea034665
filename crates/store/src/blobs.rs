//! Immutable files named by their SHA-256.

use std::{
    fs::{self, File},
    io::{self, Read, Seek},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use lbuild_digest::READ_SIZE;
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

use crate::{
    BlobWriter, Cancel, Claim, Digest, Partial, Store, StoreError,
    atomic::{self, Unnamed},
    error::During,
    store::layout,
    trees,
};

/// A blob that is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlobRef {
    /// SHA-256 of the content.
    pub digest: Digest,
    /// Length of the content in bytes.
    pub size: u64,
}

/// The blobs of a store. See [`Store::blobs`].
#[derive(Clone, Copy, Debug)]
pub struct Blobs<'a> {
    store: &'a Store,
}

impl<'a> Blobs<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Where the blob is, or would be. Nothing outside this crate may write there.
    pub fn path(self, digest: Digest) -> PathBuf {
        path_of(self.store.path(), digest)
    }

    /// The blob, if the store has it. Keeps it from being collected while this process lives.
    pub fn find(self, digest: Digest) -> Option<BlobRef> {
        self.store.session().pin(digest);
        let path = self.path(digest);
        let metadata = path.metadata().ok()?;
        trees::touch(&path, &metadata);
        Some(BlobRef { digest, size: metadata.len() })
    }

    /// Whether the store has the blob.
    pub fn contains(self, digest: Digest) -> bool {
        self.find(digest).is_some()
    }

    /// Opens a blob for reading, without looking at its content.
    pub fn open(self, digest: Digest) -> Result<File, StoreError> {
        if self.find(digest).is_none() {
            return Err(StoreError::Missing { digest });
        }
        let path = self.path(digest);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Missing { digest }),
            result => result.during("open", &path),
        }
    }

    /// Opens a blob and hashes it. A damaged one is moved to `quarantine` and reported.
    pub fn open_verified(self, digest: Digest) -> Result<File, StoreError> {
        let path = self.path(digest);
        let mut file = self.open(digest)?;
        let (found, _) = Digest::of_reader(&mut file).during("read", &path)?;
        if found != digest {
            return Err(self.quarantine(digest, found)?);
        }
        file.rewind().during("read", &path)?;
        Ok(file)
    }

    /// The whole content of a blob, checked against its name.
    pub fn read(self, digest: Digest) -> Result<Vec<u8>, StoreError> {
        let path = self.path(digest);
        let mut file = self.open(digest)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).during("read", &path)?;
        let found = Digest::of(&bytes);
        if found == digest { Ok(bytes) } else { Err(self.quarantine(digest, found)?) }
    }

    /// Stores everything that `source` gives. With `expected`, content of another digest is refused.
    pub fn put(self, source: &mut dyn Read, expected: Option<Digest>) -> Result<BlobRef, StoreError> {
        let mut writer = self.writer()?;
        let mut buffer = vec![0_u8; READ_SIZE];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return writer.finish(expected),
                Ok(count) => writer.append(&buffer[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(StoreError::of_source(error)),
            }
        }
    }

    /// Stores `bytes`.
    pub fn put_bytes(self, bytes: &[u8]) -> Result<BlobRef, StoreError> {
        if let Some(blob) = self.find(Digest::of(bytes)) {
            return Ok(blob);
        }
        self.put(&mut &*bytes, None)
    }

    /// A blob to be written piece by piece. Nothing is visible before [`BlobWriter::finish`].
    pub fn writer(self) -> Result<BlobWriter<'a>, StoreError> {
        BlobWriter::create(self.store)
    }

    /// Makes the file `path`, which lies on the store's file system (see [`Store::scratch`]), a blob without copying
    /// it. The caller makes sure that nobody writes to it any more; the name is gone afterwards.
    ///
    /// A file that belongs to another user and cannot be given to us is copied instead. When `cancel` is raised, the
    /// file stays where it is.
    pub fn adopt(self, path: &Path, cancel: &Cancel) -> Result<BlobRef, StoreError> {
        self.adopt_reading(path, cancel, &mut |source| {
            Digest::of_reader(source).map(|(digest, _)| digest).during("read", path)
        })
    }

    /// As [`Blobs::adopt`], with a reader of the caller that passes over the whole file and returns its digest. It is
    /// not called for a file that is copied.
    pub(crate) fn adopt_reading(
        self,
        path: &Path,
        cancel: &Cancel,
        read: &mut dyn FnMut(&mut dyn Read) -> Result<Digest, StoreError>,
    ) -> Result<BlobRef, StoreError> {
        // The name may have been made by a hostile job: a link would lead out, a fifo would hold us.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty()).during("open", path)?);
        let metadata = file.metadata().during("inspect", path)?;
        if !metadata.is_file() {
            return Err(StoreError::from_io("store", path, io::ErrorKind::InvalidInput.into()));
        }
        let ids = (rustix::process::geteuid(), rustix::process::getegid());
        let foreign = metadata.uid() != ids.0.as_raw();
        let given = !foreign || rustix::fs::fchown(&file, Some(ids.0), Some(ids.1)).is_ok();
        if !given || metadata.nlink() != 1 {
            let blob = self.put(&mut cancel.reading(file), None)?;
            fs::remove_file(path).during("remove", path)?;
            return Ok(blob);
        }
        let digest = read(&mut cancel.reading(&file))?;
        self.name(&file, path, digest)?;
        Ok(BlobRef { digest, size: metadata.len() })
    }

    /// Claims the right to download `digest`: at most one process at a time writes it, and the others wait here until
    /// it is done (then they get [`Claim::Stored`]) or has given up. A process that does not get on for longer than
    /// `patience`, because it is stopped or its server is, is not waited for.
    pub fn claim(self, digest: Digest, patience: Duration, cancel: &Cancel) -> Result<Claim<'a>, StoreError> {
        Partial::claim(self.store, digest, patience, cancel)
    }

    /// Names and sizes of all blobs, in no particular order.
    pub fn list(self) -> Result<Vec<BlobRef>, StoreError> {
        let mut blobs = Vec::new();
        for (digest, metadata) in entries(self.store.path())? {
            blobs.push(BlobRef { digest, size: metadata.len() });
        }
        Ok(blobs)
    }

    /// Gives an already written `file` at `from` its final name, unless the blob is there.
    pub(crate) fn name(self, file: &File, from: &Path, digest: Digest) -> Result<(), StoreError> {
        file.set_permissions(fs::Permissions::from_mode(0o444)).during("set the mode of", from)?;
        let path = self.prepare_name(digest)?;
        let _naming = self.store.journal().naming()?;
        match atomic::move_to_free_name(from, &path) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::EXIST) => fs::remove_file(from).during("remove", from),
            Err(error) => Err(StoreError::from_io("name the blob", &path, error.into())),
        }
    }

    /// As [`Blobs::name`], for a file without a name.
    pub(crate) fn name_unnamed(self, unnamed: &mut Unnamed, digest: Digest) -> Result<(), StoreError> {
        let path = self.prepare_name(digest)?;
        unnamed.file.set_permissions(fs::Permissions::from_mode(0o444)).during("set the mode of", &path)?;
        let _naming = self.store.journal().naming()?;
        unnamed.link(&path).map(drop)
    }

    /// Pins the name and makes sure that its directory exists.
    pub(crate) fn prepare_name(self, digest: Digest) -> Result<PathBuf, StoreError> {
        self.store.session().pin(digest);
        let path = self.path(digest);
        if let Some(shard) = path.parent() {
            atomic::make_dir(shard)?;
        }
        Ok(path)
    }

    /// Moves a damaged blob out of the way.
    pub(crate) fn quarantine(self, digest: Digest, found: Digest) -> Result<StoreError, StoreError> {
        let path = self.path(digest);
        let grave = self.store.dir(layout::QUARANTINE).join(atomic::unique_name(&format!("{digest}-")));
        match fs::rename(&path, &grave) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::from_io("set aside", &path, error))
            }
            _ => Ok(StoreError::Damaged { digest, found }),
        }
    }
}

fn path_of(root: &Path, digest: Digest) -> PathBuf {
    let name = digest.to_string();
    root.join(layout::BLOBS).join(&name[..2]).join(&name)
}

/// All blobs of the store at `root`.
pub(crate) fn entries(root: &Path) -> Result<Vec<(Digest, fs::Metadata)>, StoreError> {
    let mut found = Vec::new();
    let blobs = root.join(layout::BLOBS);
    for shard in fs::read_dir(&blobs).during("read", &blobs)? {
        let shard = shard.during("read", &blobs)?.path();
        for entry in fs::read_dir(&shard).during("read", &shard)? {
            let entry = entry.during("read", &shard)?;
            let digest = entry.file_name().to_str().and_then(|name| name.parse().ok());
            // A collection that runs beside us may have removed the file since.
            if let (Some(digest), Ok(metadata)) = (digest, entry.metadata()) {
                found.push((digest, metadata));
            }
        }
    }
    Ok(found)
}
