//! SHA-256 digests: the names of blobs, the keys of steps and trees, and what is said of artifacts. They have one form
//! as text: 64 lower-case hexadecimal digits.
//!
//! [`Digest`] is one, [`Hasher`] makes one of a stream of bytes or of the fields of a key.

use std::{fmt, io, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::Digest as _;

/// A SHA-256 digest. Shown, parsed and serialised as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// A text that is not 64 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a sha256 digest of 64 lower-case hex digits")]
pub struct InvalidDigest;

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Reads `source` to its end and returns the digest and the number of bytes.
    ///
    /// # Errors
    /// The reader's own error.
    pub fn of_reader(source: &mut dyn io::Read) -> io::Result<(Self, u64)> {
        let mut hasher = Hasher::new();
        let size = hasher.absorb(source)?;
        Ok((hasher.finish(), size))
    }
}

/// Bytes read at once when hashing: large enough that system calls do not show up in a profile.
pub const READ_SIZE: usize = 256 * 1024;

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let mut bytes = [0_u8; 32];
        if !lower || hex::decode_to_slice(text, &mut bytes).is_err() {
            return Err(InvalidDigest);
        }
        Ok(Self(bytes))
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
        text.parse().map_err(de::Error::custom)
    }
}

/// SHA-256 over a stream of bytes.
#[derive(Clone, Debug, Default)]
pub struct Hasher(sha2::Sha256);

impl Hasher {
    /// A hasher that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds everything that `source` gives, and returns how many bytes that was.
    ///
    /// # Errors
    /// The reader's own error.
    pub fn absorb(&mut self, source: &mut dyn io::Read) -> io::Result<u64> {
        let mut buffer = vec![0_u8; READ_SIZE];
        let mut size = 0_u64;
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return Ok(size),
                Ok(count) => {
                    self.update(&buffer[..count]);
                    size += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Adds one field of a key: label and value are length-delimited, so no two different sequences of fields
    /// hash alike.
    pub fn field(&mut self, label: &str, value: &[u8]) -> &mut Self {
        for part in [label.as_bytes(), value] {
            self.update(&(part.len() as u64).to_le_bytes());
            self.update(part);
        }
        self
    }

    /// The digest of everything added.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_agrees_with_the_published_vector() {
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").to_string(), text);
        assert_eq!(text.parse(), Ok(Digest::of(b"abc")));
        assert_eq!(Digest::of_reader(&mut &b"abc"[..]).unwrap(), (Digest::of(b"abc"), 3));
    }

    #[test]
    fn parsing_refuses_what_is_not_a_digest() {
        let upper = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        for text in ["", "abc", upper, &"0".repeat(63), &"g".repeat(64), "../../etc/passwd"] {
            assert_eq!(text.parse::<Digest>(), Err(InvalidDigest), "{text}");
        }
    }

    #[test]
    fn digests_survive_json() {
        let json = serde_json::to_string(&Digest::of(b"abc")).unwrap();
        assert_eq!(json, format!("\"{}\"", Digest::of(b"abc")));
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), Digest::of(b"abc"));
        assert!(serde_json::from_str::<Digest>("\"abc\"").is_err());
    }

    #[test]
    fn fields_are_delimited() {
        let key = |fields: &[(&str, &str)]| {
            let mut hasher = Hasher::new();
            for (label, value) in fields {
                hasher.field(label, value.as_bytes());
            }
            hasher.finish()
        };
        assert_ne!(key(&[("a", "bc")]), key(&[("ab", "c")]));
        assert_ne!(key(&[("a", "b"), ("c", "d")]), key(&[("a", "bcd")]));
    }
}
