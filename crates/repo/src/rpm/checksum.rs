//! Checksums of RPM metadata and packages, of every type that they come in, and readers that check them.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha224, Sha256, Sha384, Sha512};

/// How a checksum is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// MD5, broken.
    Md5,
    /// SHA-1, broken; metadata calls it `sha` or `sha1`.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The algorithm that metadata calls so.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "md5" => Self::Md5,
            "sha" | "sha1" => Self::Sha1,
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => return None,
        })
    }

    /// The algorithm with that number in package headers (RFC 9580, 9.5).
    pub fn numbered(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Md5,
            2 => Self::Sha1,
            8 => Self::Sha256,
            9 => Self::Sha384,
            10 => Self::Sha512,
            11 => Self::Sha224,
            _ => return None,
        })
    }

    /// The usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Bytes of a digest.
    pub fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Whether nobody can make two contents with the same digest.
    pub fn is_strong(self) -> bool {
        !matches!(self, Self::Md5 | Self::Sha1)
    }

    /// A computation of this kind.
    pub fn hasher(self) -> Box<dyn DynDigest + Send> {
        match self {
            Self::Md5 => Box::new(<md5::Md5 as Default>::default()),
            Self::Sha1 => Box::new(Sha1::default()),
            Self::Sha224 => Box::new(Sha224::default()),
            Self::Sha256 => Box::new(Sha256::default()),
            Self::Sha384 => Box::new(Sha384::default()),
            Self::Sha512 => Box::new(Sha512::default()),
        }
    }
}

/// A digest and how it was computed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum {
    algorithm: Algorithm,
    bytes: [u8; 64],
}

/// Why a text is not a checksum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChecksumError {
    /// Nobody here knows the type.
    #[error("unknown type of checksum `{0}`")]
    Unknown(String),
    /// Not as many hexadecimal digits as the type has.
    #[error("checksum of type `{algorithm}` is not {digits} hexadecimal digits")]
    Digits {
        /// The type.
        algorithm: &'static str,
        /// Digits that it should have.
        digits: usize,
    },
}

/// A content does not have the checksum or the size that it should. It is the inner error of an [`io::Error`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Another checksum.
    #[error("checksum is {found}, expected {expected}")]
    Checksum {
        /// What was promised.
        expected: Box<Checksum>,
        /// What was computed.
        found: Box<Checksum>,
    },
    /// Another size.
    #[error("size is {found} bytes, expected {expected}")]
    Size {
        /// What was promised.
        expected: u64,
        /// What was counted; the rest is not read.
        found: u64,
    },
}

impl Mismatch {
    /// Another checksum than the expected one.
    pub(super) fn checksum(expected: Checksum, found: Checksum) -> Self {
        Self::Checksum { expected: Box::new(expected), found: Box::new(found) }
    }

    /// The mismatch that `error` says was found, if that is what it says.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref())
    }
}

impl Checksum {
    /// Reads `digits` of the type called `name`.
    ///
    /// # Errors
    /// When the type is unknown or the digits do not fit it.
    pub fn parse(name: &str, digits: &str) -> Result<Self, ChecksumError> {
        let unknown = || ChecksumError::Unknown(name.chars().take(40).collect());
        Self::from_hex(Algorithm::named(name).ok_or_else(unknown)?, digits)
    }

    /// Reads hexadecimal digits.
    ///
    /// # Errors
    /// When there are more or fewer than the algorithm has.
    pub fn from_hex(algorithm: Algorithm, digits: &str) -> Result<Self, ChecksumError> {
        let mut bytes = [0; 64];
        let length = algorithm.length();
        hex::decode_to_slice(digits, &mut bytes[..length])
            .map_err(|_| ChecksumError::Digits { algorithm: algorithm.name(), digits: length * 2 })?;
        Ok(Self { algorithm, bytes })
    }

    /// The checksum of `content`.
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Self {
        let mut hasher = algorithm.hasher();
        hasher.update(content);
        Self::finish(algorithm, hasher)
    }

    /// What `hasher` has computed.
    pub fn finish(algorithm: Algorithm, hasher: Box<dyn DynDigest + Send>) -> Self {
        let mut bytes = [0; 64];
        bytes[..algorithm.length()].copy_from_slice(&hasher.finalize());
        Self { algorithm, bytes }
    }

    /// How it was computed.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digest.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.length()]
    }

    /// The digest, when it is one of SHA-256.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        self.bytes().try_into().ok().filter(|_| self.algorithm == Algorithm::Sha256)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.algorithm.name(), hex::encode(self.bytes()))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Checksum({self})")
    }
}

/// What is promised about a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// Its checksum.
    pub checksum: Checksum,
    /// Its size in bytes, when it is known.
    pub size: Option<u64>,
}

/// Passes a content through and fails at its end when it is not what was promised.
pub struct Checked<R> {
    inner: BufReader<R>,
    promise: Promise,
    hasher: Option<Box<dyn DynDigest + Send>>,
    count: u64,
}

impl<R: Read> Checked<R> {
    /// Starts reading.
    pub fn new(reader: R, promise: Promise) -> Self {
        let hasher = Some(promise.checksum.algorithm.hasher());
        Self { inner: BufReader::with_capacity(128 << 10, reader), promise, hasher, count: 0 }
    }

    /// Starts reading what comes after `prefix`, when the promise is about both together.
    pub fn after(prefix: &[u8], reader: R, promise: Promise) -> Self {
        let mut checked = Self::new(reader, promise);
        if let Some(hasher) = &mut checked.hasher {
            hasher.update(prefix);
        }
        checked.count = prefix.len() as u64;
        checked
    }

    fn check(&mut self) -> io::Result<()> {
        let Some(hasher) = self.hasher.take() else { return Ok(()) };
        let refuse = |mismatch| Err(io::Error::new(io::ErrorKind::InvalidData, mismatch));
        let found = self.count;
        if let Some(expected) = self.promise.size.filter(|size| *size != found) {
            return refuse(Mismatch::Size { expected, found });
        }
        let expected = self.promise.checksum;
        let found = Checksum::finish(expected.algorithm, hasher);
        if found == expected { Ok(()) } else { refuse(Mismatch::checksum(expected, found)) }
    }
}

impl<R: Read> BufRead for Checked<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let is_over = self.promise.size.is_some_and(|size| self.count > size);
        if self.inner.fill_buf()?.is_empty() || is_over {
            self.check()?;
        }
        // A second call gives what the first has read.
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&self.inner.buffer()[..count]);
        }
        self.count += count as u64;
        self.inner.consume(count);
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(target)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R> fmt::Debug for Checked<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Checked").field("promise", &self.promise).finish_non_exhaustive()
    }
}
