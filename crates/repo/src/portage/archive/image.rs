//! The files that a package installs.

use std::io::{BufReader, Read};

use super::{ArchiveError, Format};
use crate::compress::Capped;
use crate::tar::{self, Entry, Kind, Policy, TarError};

/// Bytes read from the file at a time.
const READ: usize = 128 << 10;
/// The directory that gpkg puts the files in.
const DIRECTORY: &[u8] = b"image";

/// The archive of the files, read entry by entry. Names are relative to the root of the system.
#[derive(Debug)]
pub struct Image<'a> {
    archive: tar::Archive<Capped<'a>>,
    format: Format,
}

impl<'a> Image<'a> {
    pub(super) fn open(
        reader: impl Read + Send + 'a,
        format: Format,
        limit: u64,
    ) -> Result<Self, ArchiveError> {
        let plain = Capped::new(BufReader::with_capacity(READ, reader), limit).map_err(ArchiveError::Read)?;
        Ok(Self { archive: tar::Archive::new(plain, Policy::package()), format })
    }

    /// The next entry; `None` at the end.
    ///
    /// # Errors
    /// The first reason to refuse the archive.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ArchiveError> {
        let Some(mut entry) = self.archive.next_entry().map_err(ArchiveError::Image)? else {
            return Ok(None);
        };
        if self.format == Format::Gpkg {
            entry.path = below(&entry.path, entry.kind == Kind::Directory)?;
            if let Kind::Hardlink(target) = &mut entry.kind {
                *target = below(target, false)?;
            }
        }
        Ok(Some(entry))
    }

    /// Content of the current file.
    pub fn content(&mut self) -> tar::Content<'_, Capped<'a>> {
        self.archive.content()
    }
}

/// The name without the directory `image`.
fn below(path: &[u8], directory: bool) -> Result<Vec<u8>, ArchiveError> {
    match path.strip_prefix(DIRECTORY) {
        Some([]) if directory => Ok(Vec::new()),
        Some([b'/', rest @ ..]) => Ok(rest.to_vec()),
        _ => {
            let path = path.escape_ascii().to_string();
            Err(ArchiveError::Image(TarError::BadName { path, reason: "it is not below `image/`" }))
        }
    }
}
