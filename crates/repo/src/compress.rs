//! The one decompressing reader: xz, zstd, gzip, bzip2, lzma or plain, recognised by the first bytes, never more than a
//! cap of output.
//!
//! A bomb is stopped at the cap, not at the end of its stream, and no decoder may use more than [`MEMORY`] bytes.

mod ahead;
mod blocks;

use std::io::{self, BufRead, Cursor, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::{GzDecoder, MultiGzDecoder};
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, IGNORE_CHECK, Stream};

pub use ahead::read_ahead;
use blocks::Blocks;

/// Memory that one decoder may use, in bytes: what `xz -9` (64 MiB) and `zstd --ultra` (128 MiB) need, with room.
pub const MEMORY: u64 = 192 << 20;

/// Log2 of the largest zstd window accepted (128 MiB), as the `zstd` program does without `--long`.
const ZSTD_WINDOW_LOG: u32 = 27;

/// What a stream is compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Not compressed.
    Plain,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
    /// gzip.
    Gzip,
    /// bzip2.
    Bzip2,
    /// The format before xz (`.lzma`), which has no checksum.
    Lzma,
}

impl Format {
    /// Recognises a format by the first bytes of a stream; six are enough.
    pub fn sniff(head: &[u8]) -> Self {
        if head.starts_with(b"\xfd7zXZ\0") {
            Self::Xz
        } else if head.starts_with(b"\x28\xb5\x2f\xfd") {
            Self::Zstd
        } else if head.starts_with(b"\x1f\x8b") {
            Self::Gzip
        } else if let [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A']
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72] = head
        {
            Self::Bzip2
        } else if let [0x5d, 0, 0, size @ ..] = head
            && size.iter().any(|byte| *byte != 0)
        {
            // The usual parameters, and a dictionary of at least 64 KiB; a tar of a file named `]` goes on with zeros.
            Self::Lzma
        } else {
            Self::Plain
        }
    }
}

/// The output of a stream passed the cap. It is the inner error of an [`io::Error`] of kind `FileTooLarge`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("decompressed data is larger than {limit} bytes")]
pub struct CapExceeded {
    /// The cap in bytes.
    pub limit: u64,
}

impl CapExceeded {
    /// The cap that `error` says was passed, if that is what it says.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).copied()
    }
}

/// Decompresses a stream up to a cap.
///
/// After the last byte of the stream it reads on for more frames of the same format, as the command-line tools do.
pub struct Capped<'a> {
    decoder: Box<dyn Read + Send + 'a>,
    format: Format,
    left: u64,
    limit: u64,
}

impl<'a> Capped<'a> {
    /// Recognises the format of `reader` and decompresses it to at most `limit` bytes.
    ///
    /// # Errors
    /// When the first bytes cannot be read or the decoder cannot be set up.
    pub fn new(reader: impl BufRead + Send + 'a, limit: u64) -> io::Result<Self> {
        Self::open(reader, limit, How::default())
    }

    /// Like [`Capped::new`] for a stream whose compressed bytes are checked against a stronger digest by the caller:
    /// the format's own checksum is not computed, which saves 6 % of decompressing xz.
    ///
    /// # Errors
    /// As [`Capped::new`].
    pub fn checked_outside(reader: impl BufRead + Send + 'a, limit: u64) -> io::Result<Self> {
        Self::open(reader, limit, How { unchecked: true, ..How::default() })
    }

    /// Like [`Capped::new`], with up to `threads` threads for a stream of many blocks, which have a share each of
    /// [`MEMORY`]: for large streams, since the threads hold whole blocks in memory.
    ///
    /// # Errors
    /// As [`Capped::new`].
    pub fn in_parallel(reader: impl BufRead + Send + 'a, limit: u64, threads: u32) -> io::Result<Self> {
        Self::open(reader, limit, How { threads, ..How::default() })
    }

    /// Decompresses one gzip member to at most `limit` bytes and takes nothing from `reader` that comes after it, for formats
    /// that give each member a meaning.
    pub fn gzip_member(reader: impl BufRead + Send + 'a, limit: u64) -> Self {
        Self { decoder: Box::new(GzDecoder::new(reader)), format: Format::Gzip, left: limit, limit }
    }

    fn open(mut reader: impl BufRead + Send + 'a, limit: u64, how: How) -> io::Result<Self> {
        let mut head = [0; 6];
        let mut filled = 0;
        while filled < head.len() {
            match reader.read(&mut head[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let format = Format::sniff(&head[..filled]);
        let whole = Cursor::new(head).take(filled as u64).chain(reader);
        Ok(Self { decoder: decoder(whole, format, how)?, format, left: limit, limit })
    }

    /// The format that was recognised.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Bytes given out so far.
    pub fn produced(&self) -> u64 {
        self.limit - self.left
    }
}

/// How to decompress xz.
#[derive(Default, Clone, Copy)]
struct How {
    /// Leaves the checksum out. The library's decoder with threads cannot.
    unchecked: bool,
    /// More than one thread for blocks.
    threads: u32,
}

fn decoder<'a>(
    reader: impl BufRead + Send + 'a,
    format: Format,
    how: How,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    Ok(match format {
        Format::Plain => Box::new(reader),
        Format::Xz if how.threads > 1 => Box::new(Blocks::new(reader, how.threads)?),
        Format::Xz => {
            let flags = if how.unchecked { CONCATENATED | IGNORE_CHECK } else { CONCATENATED };
            let stream = Stream::new_stream_decoder(MEMORY, flags)?;
            Box::new(XzDecoder::new_stream(reader, stream))
        }
        Format::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(reader)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        Format::Gzip => Box::new(MultiGzDecoder::new(reader)),
        Format::Bzip2 => Box::new(MultiBzDecoder::new(reader)),
        Format::Lzma => Box::new(Lzma(XzDecoder::new_stream(reader, Stream::new_lzma_decoder(MEMORY)?))),
    })
}

/// A stream of the format before xz, which cannot be followed by another.
struct Lzma<R>(XzDecoder<R>);

impl<R: BufRead> Read for Lzma<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        if count == 0 && !buffer.is_empty() && !self.0.get_mut().fill_buf()?.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "data after the end of the lzma stream"));
        }
        Ok(count)
    }
}

impl Read for Capped<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return match self.decoder.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(io::Error::new(io::ErrorKind::FileTooLarge, CapExceeded { limit: self.limit })),
            };
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.decoder.read(&mut buffer[..wanted])?;
        self.left -= count as u64;
        Ok(count)
    }
}

impl std::fmt::Debug for Capped<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Capped")
            .field("format", &self.format)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
