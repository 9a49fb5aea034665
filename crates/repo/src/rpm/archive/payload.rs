//! The contents of a package, entry after entry, each held against what the header says about it.

use std::collections::HashMap;
use std::io::{self, BufReader, Read};

use sha2::digest::DynDigest;

use super::files::PackageFile;
use super::{ArchiveError, Rpm, tags};
use crate::compress::Capped;
use crate::rpm::checksum::{Checked, Checksum, Mismatch};
use crate::rpm::cpio::{Archive, CpioError, Entry};
use crate::tar::normalise;

/// Bytes read from the archive at a time.
const READ: usize = 128 << 10;

/// The contents of a package, read from front to back.
pub struct Payload<'a> {
    archive: Archive<BufReader<Capped<'a>>>,
    files: Vec<PackageFile>,
    /// Place of a path in the list, for archives whose entries have names.
    places: HashMap<Vec<u8>, usize>,
    seen: Vec<bool>,
    /// The last file of each group of hard links, which has the content.
    last_links: HashMap<u32, usize>,
    is_source: bool,
}

/// The content of one file; reading to its end checks its digest.
pub struct Content<'a, 'p> {
    archive: &'p mut Archive<BufReader<Capped<'a>>>,
    check: Option<(Checksum, Box<dyn DynDigest + Send>)>,
}

impl<R: Read> Rpm<R> {
    /// The contents, of at most `limit` bytes once decompressed. Their digest is checked when their end is reached.
    ///
    /// # Errors
    /// When the header's list of files is malformed, or the contents are stored in an unknown form.
    pub fn payload<'a>(self, limit: u64) -> Result<Payload<'a>, ArchiveError>
    where
        R: Send + 'a,
    {
        let files = self.files()?;
        let text = |tag| self.header().text(tag).map_err(ArchiveError::Header);
        let form = text(tags::PAYLOADFORMAT)?.unwrap_or("cpio");
        let compressor = text(tags::PAYLOADCOMPRESSOR)?.unwrap_or("gzip");
        if form != "cpio" || !matches!(compressor, "gzip" | "bzip2" | "lzma" | "xz" | "zstd" | "none") {
            let form = format!("{form}, {compressor}");
            return Err(ArchiveError::PayloadForm(form.chars().take(80).collect()));
        }
        let is_source = self.is_source();
        let (promise, old_promise) = (self.promise()?, self.old_promise()?);
        let compressed: Box<dyn io::BufRead + Send> = match (promise, old_promise) {
            (Some(promise), _) => Box::new(Checked::new(self.reader, promise)),
            (None, Some(promise)) => Box::new(Checked::after(self.header.bytes(), self.reader, promise)),
            (None, None) => Box::new(BufReader::with_capacity(READ, self.reader)),
        };
        let plain = Capped::new(compressed, limit).map_err(ArchiveError::reading)?;
        let places = files.iter().enumerate().map(|(at, file)| (file.path.clone(), at)).collect();
        let links = files.iter().enumerate().filter_map(|(at, file)| Some((file.link_group?, at)));
        Ok(Payload {
            archive: Archive::new(BufReader::with_capacity(READ, plain)),
            places,
            seen: vec![false; files.len()],
            last_links: links.collect(),
            files,
            is_source,
        })
    }
}

impl<'a> Payload<'a> {
    /// The files that the header lists.
    pub fn files(&self) -> &[PackageFile] {
        &self.files
    }

    /// The next entry: the number of its file in [`Payload::files`], and its content. Of hard links to one file, the
    /// last has the content. `None` at the end, when everything that should be there was there.
    ///
    /// # Errors
    /// When the archive is malformed, does not fit the header, or was changed.
    pub fn next_entry(&mut self) -> Result<Option<(usize, Content<'a, '_>)>, ArchiveError> {
        let entry = self.archive.next_entry().map_err(named)?;
        let Some(entry) = entry else {
            let absent = (0..self.files.len()).find(|at| !self.seen[*at] && !self.may_be_absent(*at));
            return match absent {
                Some(at) => Err(ArchiveError::Absent(shown(&self.files[at].path))),
                None => Ok(None),
            };
        };
        let at = self.place(&entry)?;
        let file = &self.files[at];
        let refuse = |reason| Err(ArchiveError::Unexpected { path: shown(&file.path), reason });
        if std::mem::replace(&mut self.seen[at], true) {
            return refuse("it was there before");
        }
        if file.flags.is_ghost() {
            return refuse("it is owned but not contained");
        }
        let is_link_without_content =
            file.link_group.is_some_and(|group| self.last_links.get(&group) != Some(&at));
        let size = if file.is_file() || file.is_symlink() { file.size } else { 0 };
        let mut has_content = !is_link_without_content;
        match entry {
            Entry::Numbered(_) => self.archive.set_size(if has_content { size } else { 0 }),
            Entry::Named(entry) => {
                if entry.mode & 0o170_000 != file.kind() {
                    return refuse("it is of another kind");
                }
                // Old tools let another link than the last one have the content.
                has_content = u64::from(entry.size) == size;
                if !has_content && (file.link_group.is_none() || entry.size != 0) {
                    return refuse("it has another size");
                }
            }
        }
        let digest = file.digest.filter(|_| has_content && file.is_file());
        let check = digest.map(|digest| (digest, digest.algorithm().hasher()));
        Ok(Some((at, Content { archive: &mut self.archive, check })))
    }

    /// Ghosts are never in the archive; packagers may leave out what the header lists in no other case.
    fn may_be_absent(&self, at: usize) -> bool {
        self.files[at].flags.is_ghost()
    }

    /// The number of an entry's file.
    fn place(&self, entry: &Entry) -> Result<usize, ArchiveError> {
        match entry {
            Entry::Numbered(number) => {
                let at = usize::try_from(*number).ok().filter(|at| *at < self.files.len());
                let path = format!("number {number}");
                at.ok_or(ArchiveError::Unexpected { path, reason: "the header has no such file" })
            }
            Entry::Named(entry) => {
                let name = entry.name.strip_prefix(b"/").unwrap_or(&entry.name);
                let name = if self.is_source { name } else { name.strip_prefix(b"./").unwrap_or(name) };
                let path =
                    if name.is_empty() { Vec::new() } else { normalise(name).map_err(ArchiveError::Path)? };
                let reason = "the header has no such file";
                self.places
                    .get(&path)
                    .copied()
                    .ok_or_else(|| ArchiveError::Unexpected { path: shown(&entry.name), reason })
            }
        }
    }
}

impl Content<'_, '_> {
    /// Reads what is left and checks it.
    ///
    /// # Errors
    /// When the content is not all there, or is not the one that the header lists.
    pub fn finish(mut self) -> Result<(), ArchiveError> {
        let mut buffer = [0; 8192];
        loop {
            match self.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(named(CpioError::Read(error))),
            }
        }
    }
}

impl Read for Content<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.archive.read(buffer)?;
        if count > 0 {
            if let Some((_, hasher)) = &mut self.check {
                hasher.update(&buffer[..count]);
            }
        } else if !buffer.is_empty()
            && let Some((expected, hasher)) = self.check.take()
        {
            let found = Checksum::finish(expected.algorithm(), hasher);
            if found != expected {
                let mismatch = Mismatch::checksum(expected, found);
                return Err(io::Error::new(io::ErrorKind::InvalidData, mismatch));
            }
        }
        Ok(count)
    }
}

impl std::fmt::Debug for Payload<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Payload").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Content<'_, '_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Content").field("has_digest", &self.check.is_some()).finish_non_exhaustive()
    }
}

/// Looks for a wrong digest inside of a failure to read.
fn named(error: CpioError) -> ArchiveError {
    match error {
        CpioError::Read(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<CpioError>()) {
            Some(CpioError::Truncated) => ArchiveError::Cpio(CpioError::Truncated),
            _ => ArchiveError::reading(error),
        },
        other => ArchiveError::Cpio(other),
    }
}

fn shown(path: &[u8]) -> String {
    path.escape_ascii().to_string().chars().take(200).collect()
}
