//! Downloads of blobs whose digest is known beforehand: one writer at a time, resumable after any kind of death.

use std::{
    fs::{self, File},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    BlobRef, Cancel, Digest, Hasher, Store, StoreError, atomic::Unnamed, error::During, lock, store::layout,
};

/// The answer to [`crate::Blobs::claim`].
#[derive(Debug)]
pub enum Claim<'a> {
    /// The store has the blob.
    Stored(BlobRef),
    /// It is for the caller to supply it.
    Ours(Partial<'a>),
}

/// A blob of known digest that is being written. Dropped without [`Partial::finish`], what was written stays for the
/// next try.
#[derive(Debug)]
pub struct Partial<'a> {
    store: &'a Store,
    digest: Digest,
    /// Where it is, or would be if it were shared.
    path: PathBuf,
    place: Place,
    hasher: Hasher,
    size: u64,
}

/// Where the bytes go.
#[derive(Debug)]
enum Place {
    /// The file that all processes know, with its lock held.
    Shared(File),
    /// A file of our own, because whoever holds the shared one does not get on.
    Private(Unnamed),
}

impl<'a> Partial<'a> {
    pub(crate) fn claim(
        store: &'a Store,
        digest: Digest,
        patience: Duration,
        cancel: &Cancel,
    ) -> Result<Claim<'a>, StoreError> {
        let path = store.dir(layout::PARTS).join(digest.to_string());
        let mut holder = Holder { size: 0, since: Instant::now() };
        loop {
            if let Some(blob) = store.blobs().find(digest) {
                return Ok(Claim::Stored(blob));
            }
            let file = File::options()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(&path)
                .during("create", &path)?;
            if !lock::try_exclusive(&file).during("lock", &path)? {
                if holder.idle(&file) > patience {
                    let place = Place::Private(Unnamed::create(&store.dir(layout::TMP))?);
                    return Ok(Claim::Ours(Self {
                        store,
                        digest,
                        path,
                        place,
                        hasher: Hasher::new(),
                        size: 0,
                    }));
                }
                lock::pause(cancel)?;
                continue;
            }
            // Whoever held the lock has finished and moved the file away: look again.
            if lock::is_at(&file, &path) {
                return Self::resume(store, digest, path, file);
            }
        }
    }

    fn resume(
        store: &'a Store,
        digest: Digest,
        path: PathBuf,
        mut file: File,
    ) -> Result<Claim<'a>, StoreError> {
        // The blob may have been named between our look and our lock.
        if let Some(blob) = store.blobs().find(digest) {
            fs::remove_file(&path).during("remove", &path)?;
            return Ok(Claim::Stored(blob));
        }
        let mut hasher = Hasher::new();
        let size = hasher.absorb(&mut file).during("read", &path)?;
        Ok(Claim::Ours(Self { store, digest, path, place: Place::Shared(file), hasher, size }))
    }

    /// Bytes that are there already.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What [`Partial::note`] was last told about the origin of these bytes.
    pub fn noted(&self) -> Option<String> {
        match self.place {
            Place::Shared(_) => fs::read_to_string(self.note_path()).ok(),
            Place::Private(_) => None,
        }
    }

    /// Remembers where the bytes come from (a validator, an URL), so that a resumed download can insist on the same.
    pub fn note(&self, text: &str) -> Result<(), StoreError> {
        let path = self.note_path();
        match self.place {
            Place::Shared(_) => fs::write(&path, text).during("write", &path),
            Place::Private(_) => Ok(()),
        }
    }

    /// Forgets what is there.
    pub fn restart(&mut self) -> Result<(), StoreError> {
        self.cut(0)?;
        self.hasher = Hasher::new();
        self.size = 0;
        self.remove_note()
    }

    /// Adds `bytes`. A failed write leaves what was added before it.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if let Err(error) = self.file().write_all(bytes) {
            // A part of it may have been written: drop it, so that content and hash agree.
            self.cut(self.size)?;
            return Err(StoreError::from_io("write", &self.path, error));
        }
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Names the blob; nothing may be added afterwards. Content of another digest is refused and forgotten, and the
    /// claim stays with the caller for another try.
    pub fn finish(&mut self) -> Result<BlobRef, StoreError> {
        let found = self.hasher.clone().finish();
        if found != self.digest {
            let expected = self.digest;
            self.restart()?;
            return Err(StoreError::Mismatch { expected, found });
        }
        self.remove_note()?;
        let blobs = self.store.blobs();
        match &mut self.place {
            Place::Shared(file) => blobs.name(file, &self.path, self.digest)?,
            Place::Private(unnamed) => blobs.name_unnamed(unnamed, self.digest)?,
        }
        Ok(BlobRef { digest: self.digest, size: self.size })
    }

    fn file(&mut self) -> &mut File {
        match &mut self.place {
            Place::Shared(file) => file,
            Place::Private(unnamed) => &mut unnamed.file,
        }
    }

    fn cut(&mut self, size: u64) -> Result<(), StoreError> {
        let file = self.file();
        let cut = file.set_len(size).and_then(|()| file.seek(SeekFrom::Start(size)));
        cut.map(drop).during("truncate", &self.path)
    }

    fn note_path(&self) -> PathBuf {
        self.path.with_extension("note")
    }

    fn remove_note(&self) -> Result<(), StoreError> {
        let path = self.note_path();
        match self.place {
            Place::Shared(_) => remove_if_there(&path),
            Place::Private(_) => Ok(()),
        }
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        // The lock is still held. After `finish` the name leads elsewhere or nowhere.
        if let Place::Shared(file) = &self.place
            && self.size == 0
            && lock::is_at(file, &self.path)
        {
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Watches whether the process that holds a file gets on with it.
struct Holder {
    size: u64,
    since: Instant,
}

impl Holder {
    /// For how long the file has not grown.
    fn idle(&mut self, file: &File) -> Duration {
        let size = file.metadata().map_or(self.size, |metadata| metadata.len());
        if size != self.size {
            (self.size, self.since) = (size, Instant::now());
        }
        self.since.elapsed()
    }
}

fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::from_io("remove", path, error))
        }
        _ => Ok(()),
    }
}
