//! The gzip members that an index or a package is made of: together one tar archive, each with a meaning of its own.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use crate::compress::Capped;
use crate::tar::{self, Kind, Policy, TarError};

/// Bytes that a small member may have, compressed or not: signatures, or the control files of a package.
pub(super) const MAX_SMALL: u64 = 32 << 20;
/// Files in a small member.
const MAX_FILES: u64 = 256;
/// Bytes read from the file at a time.
const READ: usize = 128 << 10;

/// What the first bytes of a file say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Magic {
    /// gzip: format 2.
    Gzip,
    /// ADB, the container of format 3.
    Adb,
    /// Anything else.
    Other,
}

impl Magic {
    /// Recognises a format by its first four bytes: `ADB.` is plain, `ADBd` deflated, `ADBc` compressed as a header says.
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [b'A', b'D', b'B', b'.' | b'd' | b'c', ..] => Self::Adb,
            _ => Self::Other,
        }
    }
}

/// A file of a small member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SmallFile {
    pub name: String,
    pub mode: u32,
    pub mtime: i64,
    pub content: Vec<u8>,
}

/// Reads one gzip member that is a piece of a tar archive with plain files in its top directory, and nothing after it.
pub(super) fn small_files(reader: &mut (impl BufRead + Send)) -> Result<Vec<SmallFile>, TarError> {
    let plain = Capped::gzip_member(&mut *reader, MAX_SMALL);
    let policy = Policy { unclosed: true, max_entries: MAX_FILES, ..Policy::strict() };
    let mut archive = tar::Archive::new(plain, policy);
    let mut files = Vec::new();
    while let Some(entry) = archive.next_entry()? {
        let name = String::from_utf8_lossy(&entry.path).into_owned();
        if entry.kind != Kind::File || name.contains('/') {
            return Err(TarError::BadName {
                path: name.escape_debug().to_string(),
                reason: "it is no plain file of the top directory",
            });
        }
        let mut content = Vec::new();
        archive.content().read_to_end(&mut content).map_err(TarError::from)?;
        files.push(SmallFile { name, mode: entry.mode, mtime: entry.mtime, content });
    }
    Ok(files)
}

/// A reader that keeps what is taken from it, or its SHA-256 digest, as it is told.
#[derive(Debug)]
pub(super) struct Recorder<R> {
    reader: BufReader<Chain<Cursor<Vec<u8>>, R>>,
    keep: Keep,
}

/// What a [`Recorder`] does with bytes.
#[derive(Debug)]
enum Keep {
    Bytes(Vec<u8>),
    Digest(Box<sha2::Sha256>),
}

impl<R: Read> Recorder<R> {
    /// Recognises the format, and starts with keeping bytes.
    pub(super) fn new(mut reader: R) -> io::Result<(Magic, Self)> {
        let mut head = Vec::new();
        reader.by_ref().take(4).read_to_end(&mut head)?;
        let magic = Magic::of(&head);
        let reader = BufReader::with_capacity(READ, Cursor::new(head).chain(reader));
        Ok((magic, Self { reader, keep: Keep::Bytes(Vec::new()) }))
    }

    /// Moves the kept bytes out.
    pub(super) fn take_bytes(&mut self) -> Vec<u8> {
        match &mut self.keep {
            Keep::Bytes(bytes) => std::mem::take(bytes),
            Keep::Digest(_) => Vec::new(),
        }
    }

    /// From now on digests instead of keeping.
    pub(super) fn start_digest(&mut self) {
        self.keep = Keep::Digest(Box::default());
    }

    /// The digest of what was taken since [`Recorder::start_digest`], and the reader.
    pub(super) fn finish(self) -> (Option<[u8; 32]>, R) {
        let digest = match self.keep {
            Keep::Bytes(_) => None,
            Keep::Digest(digest) => Some(sha2::Digest::finalize(*digest).into()),
        };
        (digest, self.reader.into_inner().into_inner().1)
    }
}

impl<R: Read> BufRead for Recorder<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let full = matches!(&self.keep, Keep::Bytes(bytes) if bytes.len() as u64 > MAX_SMALL);
        if full {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                crate::compress::CapExceeded { limit: MAX_SMALL },
            ));
        }
        self.reader.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        let taken = &self.reader.buffer()[..count];
        match &mut self.keep {
            Keep::Bytes(bytes) => bytes.extend_from_slice(taken),
            Keep::Digest(digest) => sha2::Digest::update(&mut **digest, taken),
        }
        self.reader.consume(count);
    }
}

impl<R: Read> Read for Recorder<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let buffer = self.fill_buf()?;
        let count = buffer.len().min(target.len());
        target[..count].copy_from_slice(&buffer[..count]);
        self.consume(count);
        Ok(count)
    }
}
