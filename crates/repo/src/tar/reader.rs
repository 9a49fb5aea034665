//! Reads an archive from front to back, one entry after the other.

use std::io::{self, BufRead, BufReader, Read};

use super::error::TarError;
use super::header::{BLOCK, Header};
use super::name::{check_target, normalise, shown};
use super::pax::Pax;
use super::policy::{Judge, Policy};

/// Bytes read ahead; content is handed out from this buffer without a copy.
const BUFFER: usize = 256 << 10;
/// Largest extended header.
const MAX_EXTENDED: u64 = 1 << 20;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file, whose content [`Archive::content`] gives.
    File,
    /// A directory.
    Directory,
    /// A symlink and its target, which may be anything.
    Symlink(Vec<u8>),
    /// A hardlink to an earlier file of the archive.
    Hardlink(Vec<u8>),
    /// A character device.
    Character {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    Block {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name without `.` components and without leading or closing slash; empty for the root.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Bytes of content; 0 for everything but files.
    pub size: u64,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Owner's name, empty when not given.
    pub user: Vec<u8>,
    /// Group's name, empty when not given.
    pub group: Vec<u8>,
    /// Modification time, seconds since 1970.
    pub mtime: i64,
    /// Extended attributes.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// An archive being read.
#[derive(Debug)]
pub struct Archive<R> {
    reader: BufReader<R>,
    judge: Judge,
    unclosed: bool,
    index: u64,
    /// Bytes read of the archive.
    position: u64,
    /// Content of the current entry not yet read, and the zeros after it.
    left: u64,
    padding: u64,
    done: bool,
}

/// Extended headers that came before an entry.
#[derive(Default)]
struct Extended {
    pax: Option<Pax>,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl<R: Read> Archive<R> {
    /// Starts reading under `policy`.
    pub fn new(reader: R, policy: Policy) -> Self {
        Self {
            reader: BufReader::with_capacity(BUFFER, reader),
            unclosed: policy.unclosed,
            judge: Judge::new(policy),
            index: 0,
            position: 0,
            left: 0,
            padding: 0,
            done: false,
        }
    }

    /// Skips what is left of the current entry and reads the next; `None` at the end, when everything has been read.
    ///
    /// # Errors
    /// The first reason to refuse the archive.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, TarError> {
        if self.done {
            return Ok(None);
        }
        let mut extended = Extended::default();
        loop {
            self.skip_content()?;
            let Some(header) = self.header()? else {
                if extended.pax.is_some() || extended.name.is_some() || extended.link.is_some() {
                    return Err(TarError::Extended { reason: "no entry follows" });
                }
                self.finish()?;
                return Ok(None);
            };
            self.judge.count()?;
            match header.kind {
                b'x' if extended.pax.is_some() => return Err(TarError::NestedPax),
                b'x' => extended.pax = Some(Pax::parse(&self.extended(header.size)?)?),
                b'g' => return Err(TarError::GlobalPax),
                b'L' if extended.name.is_none() => extended.name = Some(self.long_name(header.size)?),
                b'K' if extended.link.is_none() => extended.link = Some(self.long_name(header.size)?),
                b'L' | b'K' => return Err(TarError::Extended { reason: "a long name comes twice" }),
                _ => {
                    let entry = entry(header, extended)?;
                    self.judge.admit(&entry)?;
                    self.expect_content(entry.size);
                    return Ok(Some(entry));
                }
            }
        }
    }

    /// Content of the current file.
    pub fn content(&mut self) -> Content<'_, R> {
        Content { archive: self }
    }

    /// Bytes from the start of the archive to what is read next: right after [`Self::next_entry`], where the content of
    /// the entry begins.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Gives the underlying reader back; what was read ahead is lost.
    pub fn into_inner(self) -> R {
        self.reader.into_inner()
    }

    fn expect_content(&mut self, size: u64) {
        self.left = size;
        self.padding = size.next_multiple_of(BLOCK as u64) - size;
    }

    fn skip_content(&mut self) -> Result<(), TarError> {
        io::copy(&mut self.content(), &mut io::sink()).map_err(TarError::from)?;
        let padding = std::mem::take(&mut self.padding);
        let skipped =
            io::copy(&mut (&mut self.reader).take(padding), &mut io::sink()).map_err(TarError::from)?;
        self.position += skipped;
        if skipped == padding { Ok(()) } else { Err(TarError::Truncated) }
    }

    /// The next header block, or `None` for the first block of zeros, or for the end where it may be missing.
    fn header(&mut self) -> Result<Option<Header>, TarError> {
        if self.unclosed && self.reader.fill_buf().map_err(TarError::from)?.is_empty() {
            return Ok(None);
        }
        let mut block = [0; BLOCK];
        self.reader.read_exact(&mut block).map_err(TarError::from)?;
        self.position += BLOCK as u64;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let header = Header::parse(&block, self.index)?;
        self.index += 1;
        Ok(Some(header))
    }

    fn extended(&mut self, size: u64) -> Result<Vec<u8>, TarError> {
        if size > MAX_EXTENDED {
            return Err(TarError::Extended { reason: "it is larger than 1 MiB" });
        }
        self.expect_content(size);
        let mut bytes = Vec::new();
        self.content().read_to_end(&mut bytes).map_err(TarError::from)?;
        Ok(bytes)
    }

    fn long_name(&mut self, size: u64) -> Result<Vec<u8>, TarError> {
        let mut bytes = self.extended(size)?;
        if bytes.last() == Some(&0) {
            bytes.pop();
        }
        Ok(bytes)
    }

    /// Reads to the end of the input, which must hold only zeros.
    fn finish(&mut self) -> Result<(), TarError> {
        self.done = true;
        loop {
            let buffer = self.reader.fill_buf().map_err(TarError::from)?;
            if buffer.is_empty() {
                return Ok(());
            }
            if buffer.iter().any(|byte| *byte != 0) {
                return Err(TarError::TrailingData);
            }
            let count = buffer.len();
            self.reader.consume(count);
        }
    }
}

/// Content of one file, borrowed from the archive's buffer.
pub struct Content<'a, R> {
    archive: &'a mut Archive<R>,
}

impl<R: Read> BufRead for Content<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = usize::try_from(self.archive.left).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(&[]);
        }
        let buffer = self.archive.reader.fill_buf()?;
        if buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(&buffer[..buffer.len().min(left)])
    }

    fn consume(&mut self, count: usize) {
        self.archive.left -= count as u64;
        self.archive.position += count as u64;
        self.archive.reader.consume(count);
    }
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let buffer = self.fill_buf()?;
        let count = buffer.len().min(target.len());
        target[..count].copy_from_slice(&buffer[..count]);
        self.consume(count);
        Ok(count)
    }
}

fn entry(header: Header, extended: Extended) -> Result<Entry, TarError> {
    let mut pax = extended.pax.unwrap_or_default();
    let name = pax.path.take().or(extended.name).unwrap_or(header.name);
    let link = pax.link.take().or(extended.link).unwrap_or(header.link);
    let path = normalise(&name)?;
    if pax.sparse || header.kind == b'S' {
        return Err(TarError::Sparse { path: shown(&path) });
    }
    if let Some(size) = pax.size.filter(|size| *size != header.size) {
        return Err(TarError::SizeMismatch { path: shown(&path), header: header.size, pax: size });
    }
    let kind = match header.kind {
        // Before ustar, a directory was a file whose name ends with a slash.
        0 | b'0' if name.ends_with(b"/") => Kind::Directory,
        0 | b'0' => Kind::File,
        b'1' => Kind::Hardlink(normalise(&link)?),
        b'2' => {
            check_target(&path, &link)?;
            Kind::Symlink(link)
        }
        b'3' => Kind::Character { major: header.major, minor: header.minor },
        b'4' => Kind::Block { major: header.major, minor: header.minor },
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        other => {
            return Err(TarError::UnknownType { path: shown(&path), kind: other.escape_ascii().to_string() });
        }
    };
    if path.is_empty() && kind != Kind::Directory {
        return Err(TarError::BadName { path: shown(&name), reason: "it is the root but not a directory" });
    }
    if kind != Kind::File && header.size != 0 {
        return Err(TarError::UnexpectedContent { path: shown(&path) });
    }
    Ok(Entry {
        path,
        kind,
        size: header.size,
        mode: header.mode,
        uid: pax.uid.unwrap_or(header.uid),
        gid: pax.gid.unwrap_or(header.gid),
        user: pax.user.unwrap_or(header.user),
        group: pax.group.unwrap_or(header.group),
        mtime: pax.mtime.unwrap_or(header.mtime),
        xattrs: pax.xattrs,
    })
}
