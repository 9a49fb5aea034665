//! A part of a file, read as if it were the whole.

use std::io::{self, Read, Seek, SeekFrom};

use super::Part;

/// The part; seeking counts from its start.
#[derive(Debug)]
pub(super) struct Region<'r, R> {
    reader: &'r mut R,
    part: Part,
    at: u64,
}

impl<'r, R: Read + Seek> Region<'r, R> {
    /// At the start of the part.
    pub(super) fn new(reader: &'r mut R, part: Part) -> io::Result<Self> {
        reader.seek(SeekFrom::Start(part.start))?;
        Ok(Self { reader, part, at: 0 })
    }
}

impl<R: Read> Read for Region<'_, R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.part.length - self.at).unwrap_or(usize::MAX).min(target.len());
        let count = self.reader.read(&mut target[..left])?;
        if count == 0 && left > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl<R: Seek> Seek for Region<'_, R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let to = match position {
            SeekFrom::Start(to) => Some(to),
            SeekFrom::End(by) => self.part.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        let to = to.filter(|to| *to <= self.part.length).ok_or(io::ErrorKind::InvalidInput)?;
        self.reader.seek(SeekFrom::Start(self.part.start + to))?;
        self.at = to;
        Ok(to)
    }
}
