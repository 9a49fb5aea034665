//! A small archive of directories and files that do not come from a tree.

use std::io::{self, Write};

use super::header::{BLOCK, Entry, Kind};

/// Writes entries one after the other; everything belongs to root and carries one time.
#[derive(Debug)]
pub struct Archive<'w, W: Write> {
    out: &'w mut W,
    mtime: u64,
}

impl<'w, W: Write> Archive<'w, W> {
    /// Begins an archive whose entries have this time, in seconds since 1970.
    pub fn new(out: &'w mut W, mtime: u64) -> Self {
        Self { out, mtime }
    }

    /// Adds a directory.
    pub fn directory(&mut self, path: &str) -> io::Result<()> {
        self.entry(path, Kind::Directory, 0o755)
    }

    /// Adds a file that everybody may read.
    pub fn file(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.header(path, bytes.len() as u64)?;
        self.out.write_all(bytes)?;
        self.pad(bytes.len() as u64)
    }

    /// Announces a file whose contents go through [`Archive::sink`], followed by [`Archive::pad`].
    pub fn header(&mut self, path: &str, size: u64) -> io::Result<()> {
        self.entry(path, Kind::File { size }, 0o644)
    }

    /// The same for a file that only its owner may read.
    pub fn private(&mut self, path: &str, size: u64) -> io::Result<()> {
        self.entry(path, Kind::File { size }, 0o600)
    }

    /// Where contents go.
    pub fn sink(&mut self) -> &mut W {
        self.out
    }

    /// Fills the last block of contents of `size` bytes.
    pub fn pad(&mut self, size: u64) -> io::Result<()> {
        let block = BLOCK as u64;
        let rest = usize::try_from(size.next_multiple_of(block) - size).expect("less than one block");
        self.out.write_all(&[0; BLOCK][..rest])
    }

    /// Ends the archive.
    pub fn finish(self) -> io::Result<()> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        self.out.flush()
    }

    fn entry(&mut self, path: &str, kind: Kind<'_>, mode: u32) -> io::Result<()> {
        let path = path.as_bytes();
        let entry = Entry { path, kind, mode, uid: 0, gid: 0, mtime: self.mtime, xattrs: &[] };
        self.out.write_all(&entry.blocks())
    }
}
