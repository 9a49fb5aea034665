//! SHA-256 digests of what is written, counted while it passes.

use std::fmt;
use std::io::{self, Read, Write};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest; displayed and serialised as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of bytes at hand.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(&text, &mut bytes).map_err(serde::de::Error::custom)?;
        Ok(Self(bytes))
    }
}

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
        let mut meter = Meter::new(io::sink());
        let mut buffer = vec![0; 256 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(meter.finish().1),
                Ok(n) => meter.write_all(&buffer[..n])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A writer that measures what it passes on.
#[derive(Debug)]
pub struct Meter<W> {
    sink: W,
    hash: Sha256,
    size: u64,
}

impl<W: Write> Meter<W> {
    /// Measures everything that is written to `sink` through the result.
    pub fn new(sink: W) -> Self {
        Self { sink, hash: Sha256::new(), size: 0 }
    }

    /// The sink and the measure of all that reached it.
    pub fn finish(self) -> (W, Measured) {
        (self.sink, Measured { sha256: Digest(self.hash.finalize().into()), size: self.size })
    }
}

impl<W: Write> Write for Meter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.hash.update(&bytes[..written]);
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

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_stream_and_its_bytes_measure_alike() {
        let measured = Measured::of_reader(&mut &b"abc"[..]).unwrap();
        assert_eq!(measured, Measured::of(b"abc"));
        assert_eq!(measured.sha256.to_string(), ABC);
        assert_eq!(measured.size, 3);
    }

    #[test]
    fn digests_survive_json() {
        let json = serde_json::to_string(&Digest::of(b"abc")).unwrap();
        assert_eq!(json, format!("\"{ABC}\""));
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), Digest::of(b"abc"));
        assert!(serde_json::from_str::<Digest>("\"abc\"").is_err());
    }
}
