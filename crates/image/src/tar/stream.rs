//! The output side of the tar writer: one large buffer that files are read straight into.

use std::io::{self, Write};
use std::os::fd::OwnedFd;

use super::TarError;
use super::header::BLOCK;

/// Large enough that system calls vanish against copying, small enough to stay in the cache's reach.
const BUFFER: usize = 1 << 20;
/// Streams end with two empty blocks and fill whole records of 20 blocks, as POSIX asks.
const RECORD: u64 = 20 * BLOCK as u64;

pub(super) struct Stream<W> {
    out: W,
    buffer: Vec<u8>,
    /// How much of the buffer is filled.
    filled: usize,
    /// Bytes that left the buffer.
    written: u64,
}

impl<W: Write> Stream<W> {
    pub fn new(out: W) -> Self {
        Self { out, buffer: vec![0; BUFFER], filled: 0, written: 0 }
    }

    pub fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = self.room()?;
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            self.filled += count;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Appends `size` bytes of a file and fills its last block; `false` when the file is shorter.
    pub fn contents(
        &mut self,
        file: &OwnedFd,
        size: u64,
        failed: &dyn Fn(io::Error) -> TarError,
    ) -> Result<bool, TarError> {
        let mut left = size;
        while left > 0 {
            let room = self.room().map_err(TarError::Write)?;
            let want = usize::try_from(left).map_or(room.len(), |left| left.min(room.len()));
            let count = match rustix::io::read(file, &mut room[..want]) {
                Ok(0) => return Ok(false),
                Ok(count) => count,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(failed(error.into())),
            };
            self.filled += count;
            left -= count as u64;
        }
        let tail = (self.written + self.filled as u64) % BLOCK as u64;
        if tail > 0 {
            self.zeros(BLOCK as u64 - tail).map_err(TarError::Write)?;
        }
        Ok(true)
    }

    /// Writes the end of the archive and returns the length of the stream in bytes.
    pub fn finish(&mut self) -> io::Result<u64> {
        let end = self.written + self.filled as u64 + 2 * BLOCK as u64;
        self.zeros(2 * BLOCK as u64 + (end.next_multiple_of(RECORD) - end))?;
        self.drain()?;
        self.out.flush()?;
        Ok(self.written)
    }

    fn zeros(&mut self, count: u64) -> io::Result<()> {
        const ZEROS: [u8; BLOCK] = [0; BLOCK];
        let mut left = count;
        while left > 0 {
            let part = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
            self.push(&ZEROS[..part])?;
            left -= part as u64;
        }
        Ok(())
    }

    /// The free part of the buffer, never empty.
    fn room(&mut self) -> io::Result<&mut [u8]> {
        if self.filled == self.buffer.len() {
            self.drain()?;
        }
        Ok(&mut self.buffer[self.filled..])
    }

    fn drain(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer[..self.filled])?;
        self.written += self.filled as u64;
        self.filled = 0;
        Ok(())
    }
}
