//! A tree as a deterministic tar stream.
//!
//! The stream is ustar with PAX headers where ustar cannot say it. It depends on the tree alone: entries come in
//! byte order of their names, modification times are clamped to the epoch of the build, owners are numbers as
//! seen by the calling process (inside a user namespace: those of the image), and nothing else of the machine
//! enters. Extended attributes travel as `SCHILY.xattr.*`, as GNU tar, libarchive and the OCI tools read them.

mod archive;
mod header;
mod places;
mod stream;
mod xattr;

use std::collections::HashMap;
use std::io::{self, Write};
use std::os::fd::BorrowedFd;

use rustix::fs::{FileType, Stat, major, minor};
use serde::{Deserialize, Serialize};

use crate::exclude::Excludes;
use crate::walk::{Found, Step, walk};
pub use archive::Archive;
use header::{Entry, Kind};
pub use places::{NotOurs, Places};
use stream::Stream;

/// How a tree becomes a stream.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TarOptions {
    /// Latest modification time in the stream, in seconds since 1970 (`SOURCE_DATE_EPOCH`).
    pub epoch: u64,
    /// What stays out.
    pub excludes: Excludes,
}

/// What a stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TarTotals {
    /// Entries of every kind, the root included.
    pub entries: u64,
    /// Length of the stream in bytes.
    pub bytes: u64,
}

/// Why a tree could not be written as tar.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TarError {
    /// An entry of the tree could not be read.
    #[error("cannot read `/{path}`")]
    Read {
        /// Path inside the tree.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file ended before the size that it had when it was opened.
    #[error("`/{path}` became shorter while it was read")]
    Shrunk {
        /// Path inside the tree.
        path: String,
    },
    /// A socket, which tar cannot hold.
    #[error("`/{path}` is a socket, which an archive cannot hold")]
    Socket {
        /// Path inside the tree.
        path: String,
    },
    /// The stream could not be written.
    #[error("cannot write the archive")]
    Write(#[source] io::Error),
}

/// Writes the tree below `root` to `out`, which receives few and large writes.
///
/// # Errors
/// [`TarError`]: an unreadable entry, a socket, a file that changes meanwhile, or `out`'s own error.
pub fn write_tree(
    root: BorrowedFd<'_>,
    options: &TarOptions,
    out: impl Write,
) -> Result<TarTotals, TarError> {
    let mut writer = Writer { stream: Stream::new(out), options, links: HashMap::new(), entries: 0 };
    walk(root, &mut |found| writer.entry(found), &read_error)?;
    let bytes = writer.stream.finish().map_err(TarError::Write)?;
    Ok(TarTotals { entries: writer.entries, bytes })
}

fn read_error(path: &[u8], source: io::Error) -> TarError {
    TarError::Read { path: String::from_utf8_lossy(path).into_owned(), source }
}

struct Writer<'o, W> {
    stream: Stream<W>,
    options: &'o TarOptions,
    /// First name of each file that has several, by device and inode.
    links: HashMap<(u64, u64), Vec<u8>>,
    entries: u64,
}

impl<W: Write> Writer<'_, W> {
    fn entry(&mut self, found: &Found<'_>) -> Result<Step, TarError> {
        let excludes = &self.options.excludes;
        if excludes.omits(found.path) {
            return Ok(Step::Over);
        }
        let failed = |error: rustix::io::Errno| read_error(found.path, error.into());
        let stat = &found.stat;
        match found.kind() {
            FileType::RegularFile => self.file(found)?,
            FileType::Directory => {
                let attributes = xattr::of(&found.open().map_err(failed)?).map_err(failed)?;
                self.header(found, Kind::Directory, &attributes)?;
            }
            FileType::Symlink => {
                let target = found.read_link().map_err(failed)?;
                self.header(found, Kind::Symlink { target: target.to_bytes() }, &[])?;
            }
            FileType::Fifo => self.header(found, Kind::Fifo, &[])?,
            FileType::CharacterDevice => {
                self.header(
                    found,
                    Kind::Character { major: major(stat.st_rdev), minor: minor(stat.st_rdev) },
                    &[],
                )?;
            }
            FileType::BlockDevice => {
                self.header(
                    found,
                    Kind::Block { major: major(stat.st_rdev), minor: minor(stat.st_rdev) },
                    &[],
                )?;
            }
            _ => return Err(TarError::Socket { path: String::from_utf8_lossy(found.path).into_owned() }),
        }
        Ok(if excludes.empties(found.path) { Step::Over } else { Step::Into })
    }

    fn file(&mut self, found: &Found<'_>) -> Result<(), TarError> {
        if found.stat.st_nlink > 1 {
            let inode = (found.stat.st_dev, found.stat.st_ino);
            if let Some(target) = self.links.get(&inode).cloned() {
                return self.header(found, Kind::Hardlink { target: &target }, &[]);
            }
            self.links.insert(inode, found.path.to_vec());
        }
        let failed = |error: rustix::io::Errno| read_error(found.path, error.into());
        let fd = found.open().map_err(failed)?;
        let attributes = xattr::of(&fd).map_err(failed)?;
        let size = size_of(&found.stat);
        self.header(found, Kind::File { size }, &attributes)?;
        let complete = self.stream.contents(&fd, size, &|error| read_error(found.path, error))?;
        if complete {
            Ok(())
        } else {
            Err(TarError::Shrunk { path: String::from_utf8_lossy(found.path).into_owned() })
        }
    }

    fn header(
        &mut self,
        found: &Found<'_>,
        kind: Kind<'_>,
        xattrs: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<(), TarError> {
        let stat = &found.stat;
        let mtime = u64::try_from(stat.st_mtime).unwrap_or(0).min(self.options.epoch);
        let path = if found.path.is_empty() { b"." } else { found.path };
        let entry = Entry {
            path,
            kind,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            mtime,
            xattrs,
        };
        self.entries += 1;
        self.stream.push(&entry.blocks()).map_err(TarError::Write)
    }
}

/// The size of a file; the kernel never reports a negative one.
fn size_of(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}
