//! Writing a blob of which the digest is not known yet.

use std::io::{self, Write};

use crate::{BlobRef, Digest, Hasher, Store, StoreError, atomic::Unnamed, error::During, store::layout};

/// A blob that is being written. Dropped without [`BlobWriter::finish`], nothing stays.
#[derive(Debug)]
pub struct BlobWriter<'a> {
    store: &'a Store,
    file: Unnamed,
    hasher: Hasher,
    size: u64,
}

impl<'a> BlobWriter<'a> {
    pub(crate) fn create(store: &'a Store) -> Result<Self, StoreError> {
        let file = Unnamed::create(&store.dir(layout::TMP))?;
        Ok(Self { store, file, hasher: Hasher::new(), size: 0 })
    }

    /// Adds `bytes`. As [`Write::write_all`], with the store's own error.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let needed = self.size + bytes.len() as u64;
        self.file
            .file
            .write_all(bytes)
            .during("write a blob in", self.store.path())
            .map_err(|error| error.needing(needed))?;
        self.hasher.update(bytes);
        self.size = needed;
        Ok(())
    }

    /// Bytes written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Names the blob by its content. With `expected`, content of another digest is refused.
    pub fn finish(mut self, expected: Option<Digest>) -> Result<BlobRef, StoreError> {
        let digest = std::mem::take(&mut self.hasher).finish();
        if let Some(expected) = expected.filter(|expected| *expected != digest) {
            return Err(StoreError::Mismatch { expected, found: digest });
        }
        self.store.blobs().name_unnamed(&mut self.file, digest)?;
        Ok(BlobRef { digest, size: self.size })
    }
}

impl Write for BlobWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
