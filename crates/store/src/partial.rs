//! Downloads of blobs whose digest is known beforehand: one writer at a time, resumable after any kind of death.

use std::{
    fs::{self, File},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use crate::{BlobRef, Cancel, Digest, Hasher, Store, StoreError, error::During, lock, store::layout};

/// The answer to [`crate::Blobs::claim`].
#[derive(Debug)]
pub enum Claim<'a> {
    /// The store has the blob.
    Stored(BlobRef),
    /// It is for the caller to supply it.
    Ours(Partial<'a>),
}

/// A blob of known digest that is being written by this process alone. Dropped without [`Partial::finish`], what was
/// written stays for the next try.
#[derive(Debug)]
pub struct Partial<'a> {
    store: &'a Store,
    digest: Digest,
    path: PathBuf,
    file: File,
    hasher: Hasher,
    size: u64,
}

impl<'a> Partial<'a> {
    pub(crate) fn claim(store: &'a Store, digest: Digest, cancel: &Cancel) -> Result<Claim<'a>, StoreError> {
        let path = store.dir(layout::PARTS).join(digest.to_string());
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
                lock::pause(cancel)?;
                continue;
            }
            // Whoever held the lock has finished and moved the file away: look again.
            if !lock::is_at(&file, &path) {
                continue;
            }
            return Self::resume(store, digest, path, file);
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
        let size = io::copy(&mut file, &mut HashSink(&mut hasher)).during("read", &path)?;
        Ok(Claim::Ours(Self { store, digest, path, file, hasher, size }))
    }

    /// Bytes that are there already.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What [`Partial::note`] was last told about the origin of these bytes.
    pub fn noted(&self) -> Option<String> {
        fs::read_to_string(self.note_path()).ok()
    }

    /// Remembers where the bytes come from (a validator, an URL), so that a resumed download can insist on the same.
    pub fn note(&self, text: &str) -> Result<(), StoreError> {
        let path = self.note_path();
        fs::write(&path, text).during("write", &path)
    }

    /// Forgets what is there.
    pub fn restart(&mut self) -> Result<(), StoreError> {
        self.file.set_len(0).during("truncate", &self.path)?;
        self.file.seek(SeekFrom::Start(0)).during("truncate", &self.path)?;
        self.hasher = Hasher::new();
        self.size = 0;
        remove_if_there(&self.note_path())
    }

    /// Adds `bytes`. A failed write leaves what was added before it.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if let Err(error) = self.file.write_all(bytes) {
            // A part of it may have been written: drop it, so that content and hash agree.
            self.file.set_len(self.size).during("truncate", &self.path)?;
            self.file.seek(SeekFrom::Start(self.size)).during("truncate", &self.path)?;
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
        let blob = BlobRef { digest: self.digest, size: self.size };
        remove_if_there(&self.note_path())?;
        self.store.blobs().name(&self.file, &self.path, self.digest)?;
        Ok(blob)
    }

    fn note_path(&self) -> PathBuf {
        self.path.with_extension("note")
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        // The lock is still held. After `finish` the name leads elsewhere or nowhere.
        if self.size == 0 && lock::is_at(&self.file, &self.path) {
            drop(fs::remove_file(&self.path));
        }
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

/// Hashes what is written to it.
struct HashSink<'a>(&'a mut Hasher);

impl Write for HashSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
