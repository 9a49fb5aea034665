//! What is written, measured while it passes.

use std::io::{self, Read, Write};

use lbuild_digest::{Digest, Hasher};
use serde::{Deserialize, Serialize};

/// Digest and length in bytes of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Digest of the whole stream.
    pub sha256: Digest,
    /// Length of the stream in bytes.
    pub size: u64,
}

impl Measured {
    /// Measures bytes at hand.
    pub fn of(bytes: &[u8]) -> Self {
        Self { sha256: Digest::of(bytes), size: bytes.len() as u64 }
    }

    /// Reads a stream to its end and measures it.
    ///
    /// # Errors
    /// The reader's own error.
    pub fn of_reader(reader: &mut impl Read) -> io::Result<Self> {
        let (sha256, size) = Digest::of_reader(reader)?;
        Ok(Self { sha256, size })
    }
}

/// A writer that measures what it passes on.
#[derive(Debug)]
pub struct Meter<W> {
    sink: W,
    hasher: Hasher,
    size: u64,
}

impl<W: Write> Meter<W> {
    /// Measures everything that is written to `sink` through the result.
    pub fn new(sink: W) -> Self {
        Self { sink, hasher: Hasher::new(), size: 0 }
    }

    /// The sink and the measure of all that reached it.
    pub fn finish(self) -> (W, Measured) {
        (self.sink, Measured { sha256: self.hasher.finish(), size: self.size })
    }
}

impl<W: Write> Write for Meter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_its_bytes_and_what_passes_measure_alike() {
        let measured = Measured::of_reader(&mut &b"abc"[..]).unwrap();
        assert_eq!(measured, Measured { sha256: Digest::of(b"abc"), size: 3 });
        assert_eq!(measured, Measured::of(b"abc"));
        let mut meter = Meter::new(Vec::new());
        meter.write_all(b"abc").unwrap();
        assert_eq!(meter.finish(), (b"abc".to_vec(), measured));
    }
}
