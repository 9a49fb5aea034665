//! A strict reader of the cpio archives inside of packages: "new ASCII" with and without checksums, and the stripped
//! form for large files, in which an entry is only a number of a file in the package's header.

use std::io::{self, Read};

/// Longest name in bytes (`PATH_MAX`).
const MAX_NAME: u64 = 4096;
/// Name of the entry after the last.
const TRAILER: &[u8] = b"TRAILER!!!";

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CpioError {
    /// An entry does not begin as one should.
    #[error("cpio entry {index} has an unknown format")]
    Magic {
        /// Number of the entry, from 0.
        index: u64,
    },
    /// A field of an entry is not a hexadecimal number.
    #[error("cpio entry {index} has a bad field")]
    Field {
        /// Number of the entry, from 0.
        index: u64,
    },
    /// A name is empty, too long, or does not end with a NUL.
    #[error("cpio entry {index} has a bad name")]
    Name {
        /// Number of the entry, from 0.
        index: u64,
    },
    /// The content does not have the checksum that the entry has.
    #[error("cpio entry {index} has a wrong checksum")]
    Checksum {
        /// Number of the entry, from 0.
        index: u64,
    },
    /// The archive ends before its trailer.
    #[error("cpio archive is truncated")]
    Truncated,
    /// Something stands after the trailer.
    #[error("cpio archive goes on after its end")]
    Trailing,
    /// The size of a stripped entry was not said before its content was asked for.
    #[error("cpio entry {index} has no size")]
    NoSize {
        /// Number of the entry, from 0.
        index: u64,
    },
    /// The bytes cannot be read.
    #[error("cannot read the cpio archive")]
    Read(#[source] io::Error),
}

/// What an entry says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// With a name and attributes of its own.
    Named(Named),
    /// Only the number of a file in the package's header.
    Numbered(u32),
}

/// An entry with attributes of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name as it stands.
    pub name: Vec<u8>,
    /// Kind and permissions, as `st_mode`.
    pub mode: u32,
    /// Inode number, equal for hard links to one file.
    pub inode: u32,
    /// Number of hard links.
    pub links: u32,
    /// Modification time, seconds since the Unix epoch.
    pub mtime: u32,
    /// Bytes of content.
    pub size: u32,
}

/// An archive read from front to back; reading from it gives the content of the current entry.
#[derive(Debug)]
pub struct Archive<R> {
    reader: R,
    index: u64,
    /// Bytes of content left; `None` for a stripped entry whose size is not known yet.
    left: Option<u64>,
    padding: u64,
    /// The checksum that the content should have, and the one of what was read of it.
    checksum: Option<(u32, u32)>,
}

impl<R: Read> Archive<R> {
    /// Starts reading.
    pub fn new(reader: R) -> Self {
        Self { reader, index: 0, left: Some(0), padding: 0, checksum: None }
    }

    /// Skips what is left of the current entry and reads the next one; `None` at the end, after which nothing but zeros
    /// may follow.
    ///
    /// # Errors
    /// When an entry is malformed or the archive ends too early.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, CpioError> {
        self.finish_entry()?;
        let mut magic = [0; 6];
        self.fill(&mut magic)?;
        let entry = match &magic {
            b"070701" | b"070702" => self.named(magic[5] == b'2')?,
            b"07070X" => {
                let mut digits = [0; 8];
                self.fill(&mut digits)?;
                let number = self.hex(digits)?;
                self.skip(2)?;
                self.left = None;
                self.checksum = None;
                Some(Entry::Numbered(number))
            }
            _ => return Err(CpioError::Magic { index: self.index }),
        };
        if entry.is_none() {
            self.expect_end()?;
        }
        self.index += 1;
        Ok(entry)
    }

    /// Says how many bytes the content of the current, stripped entry has.
    pub fn set_size(&mut self, size: u64) {
        self.left = Some(size);
        self.padding = size.wrapping_neg() % 4;
    }

    /// Reads the rest of the current entry and checks it.
    ///
    /// # Errors
    /// When it is not all there or has another checksum.
    pub fn finish_entry(&mut self) -> Result<(), CpioError> {
        if self.left.is_none() {
            return Err(CpioError::NoSize { index: self.index.saturating_sub(1) });
        }
        io::copy(&mut *self, &mut io::sink()).map_err(into_error)?;
        let padding = std::mem::take(&mut self.padding);
        self.skip(padding)?;
        match self.checksum.take() {
            Some((said, found)) if said != found => {
                Err(CpioError::Checksum { index: self.index.saturating_sub(1) })
            }
            _ => Ok(()),
        }
    }

    fn named(&mut self, has_checksum: bool) -> Result<Option<Entry>, CpioError> {
        let mut digits = [0; 104];
        self.fill(&mut digits)?;
        let mut fields = [0; 13];
        for (field, digits) in fields.iter_mut().zip(digits.as_chunks::<8>().0) {
            *field = self.hex(*digits)?;
        }
        let [inode, mode, _uid, _gid, links, mtime, size, .., name_size, checksum] = fields;
        let bad_name = CpioError::Name { index: self.index };
        let name_size = u64::from(name_size);
        if !(2..=MAX_NAME).contains(&name_size) {
            return Err(bad_name);
        }
        let mut name = vec![0; usize::try_from(name_size).unwrap_or_default()];
        self.fill(&mut name)?;
        self.skip((110 + name_size).wrapping_neg() % 4)?;
        if name.pop() != Some(0) || name.contains(&0) {
            return Err(bad_name);
        }
        self.left = Some(u64::from(size));
        self.padding = u64::from(size).wrapping_neg() % 4;
        self.checksum = has_checksum.then_some((checksum, 0));
        if name == TRAILER {
            return if size == 0 { Ok(None) } else { Err(bad_name) };
        }
        Ok(Some(Entry::Named(Named { name, mode, inode, links, mtime, size })))
    }

    fn hex(&self, digits: [u8; 8]) -> Result<u32, CpioError> {
        let bad = || CpioError::Field { index: self.index };
        digits.iter().try_fold(0, |sum: u32, digit| {
            let value = char::from(*digit).to_digit(16).ok_or_else(bad)?;
            Ok(sum << 4 | value)
        })
    }

    fn skip(&mut self, count: u64) -> Result<(), CpioError> {
        let skipped =
            io::copy(&mut (&mut self.reader).take(count), &mut io::sink()).map_err(CpioError::Read)?;
        if skipped == count { Ok(()) } else { Err(CpioError::Truncated) }
    }

    /// Some tools fill the last block with zeros.
    fn expect_end(&mut self) -> Result<(), CpioError> {
        let mut buffer = [0; 4096];
        loop {
            match self.reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) if buffer[..count].iter().any(|byte| *byte != 0) => {
                    return Err(CpioError::Trailing);
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(CpioError::Read(error)),
            }
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), CpioError> {
        self.reader.read_exact(buffer).map_err(into_error)
    }
}

impl<R: Read> Read for Archive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.ok_or_else(|| io::Error::other(CpioError::NoSize { index: self.index }))?;
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.reader.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, CpioError::Truncated));
        }
        self.left = Some(left - count as u64);
        if let Some((_, sum)) = &mut self.checksum {
            *sum = buffer[..count].iter().fold(*sum, |sum, byte| sum.wrapping_add(u32::from(*byte)));
        }
        Ok(count)
    }
}

fn into_error(error: io::Error) -> CpioError {
    if error.kind() == io::ErrorKind::UnexpectedEof { CpioError::Truncated } else { CpioError::Read(error) }
}
