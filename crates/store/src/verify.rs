//! Hashing every blob again.

use std::{
    fs::File,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde::Serialize;

use crate::{Cancel, Digest, Store, StoreError, blobs, error::During, records};

/// Result of [`Store::verify`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Number of blobs that were hashed.
    pub blobs: u64,
    /// Bytes that were hashed.
    pub bytes: u64,
    /// Blobs whose content was not what the name says. They are in `quarantine` now.
    pub damaged: Vec<Digest>,
    /// Steps that were forgotten because something that they made is gone.
    pub forgotten: u64,
}

impl Store {
    /// Hashes every blob with all processors, sets the damaged ones aside and forgets the steps that made what is no
    /// longer there. `progress` is told the bytes done so far and the total.
    pub fn verify(
        &self,
        progress: &(dyn Fn(u64, u64) + Sync),
        cancel: &Cancel,
    ) -> Result<Verified, StoreError> {
        let blobs = blobs::entries(self.path())?;
        let total: u64 = blobs.iter().map(|(_, metadata)| metadata.len()).sum();
        let next = AtomicUsize::new(0);
        let outcome: Mutex<Result<Verified, StoreError>> = Mutex::new(Ok(Verified::default()));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some((digest, _)) = blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let checked = self.check(*digest, cancel);
                        let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
                        let Ok(sum) = outcome.as_mut() else { return };
                        match checked {
                            Ok(Some((size, sound))) => {
                                sum.blobs += 1;
                                sum.bytes += size;
                                sum.damaged.extend((!sound).then_some(*digest));
                                progress(sum.bytes, total);
                            }
                            Ok(None) => {}
                            Err(error) => {
                                *outcome = Err(error);
                                return;
                            }
                        }
                    }
                });
            }
        });
        let mut verified = outcome.into_inner().unwrap_or_else(PoisonError::into_inner)?;
        verified.damaged.sort_unstable();
        verified.forgotten = self.forget_broken_steps()?;
        Ok(verified)
    }

    /// Size of the blob and whether it is sound; `None` if it was collected meanwhile.
    fn check(&self, digest: Digest, cancel: &Cancel) -> Result<Option<(u64, bool)>, StoreError> {
        let path = self.blobs().path(digest);
        let file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            result => result.during("open", &path)?,
        };
        let (found, size) = Digest::of_reader(&mut cancel.reading(file)).during("read", &path)?;
        if found != digest {
            self.blobs().quarantine(digest, found)?;
        }
        Ok(Some((size, found == digest)))
    }

    /// Removes records of steps whose outputs are not all there.
    pub(crate) fn forget_broken_steps(&self) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        for (_, path) in records::keys(&self.dir(crate::store::layout::STEPS))? {
            let record: Option<crate::StepRecord> = records::read(&path)?;
            let whole = record.is_some_and(|record| {
                record.outputs.iter().all(|output| match output.reference {
                    crate::OutputRef::Blob(blob) => self.blobs().path(blob.digest).exists(),
                    crate::OutputRef::Tree(key) => self.trees().path(key).exists(),
                })
            });
            if !whole {
                std::fs::remove_file(&path).during("remove", &path)?;
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }
}
