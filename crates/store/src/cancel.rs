//! Cancellation: one flag, shared by everything that waits.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::StoreError;

/// A flag that a signal handler or another thread raises, and that every wait in the build looks at.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everything that looks at this flag to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the flag was raised.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// `reader` until the flag is raised; then it fails with [`StoreError::Cancelled`] inside.
    pub fn reading<R: Read>(&self, reader: R) -> Reading<'_, R> {
        Reading { reader, cancel: self }
    }

    /// The flag itself, for libraries that raise an `AtomicBool` on a signal.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

/// A reader that can be stopped. See [`Cancel::reading`].
#[derive(Debug)]
pub struct Reading<'a, R> {
    reader: R,
    cancel: &'a Cancel,
}

impl<R: Read> Read for Reading<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other(StoreError::Cancelled));
        }
        self.reader.read(buffer)
    }
}
