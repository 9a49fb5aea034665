//! A header: a table of tags and the store that holds their values, everything checked before it is used.
//!
//! The layout is that of the RPM package format, chapter "Header structure": 16 bytes of introduction, 16 bytes for each
//! entry (tag, type, offset, count; big-endian), then the store. The first entry is the *region*, which says that this
//! header has not been changed since it was made.

use std::io::Read;

use super::tags::Tag;

/// First bytes: magic number, version 1, and four that are reserved.
const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
/// Entries at most, as in rpm.
const MAX_ENTRIES: u32 = 0xffff;
/// Bytes of a store at most, as in rpm.
const MAX_STORE: u32 = 256 << 20;
/// Bytes of an entry.
const ENTRY: usize = 16;

/// Why a header cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The first bytes are not those of a header.
    #[error("not a header of version 1")]
    Magic,
    /// It ends too early.
    #[error("header is truncated")]
    Truncated,
    /// More entries or bytes than a header may have.
    #[error("header claims {entries} entries and {bytes} bytes")]
    TooLarge {
        /// Entries.
        entries: u32,
        /// Bytes of the store.
        bytes: u32,
    },
    /// An entry points outside of the store, is not aligned, or has an unknown type or an impossible count.
    #[error("header entry {index} (tag {tag}) is out of order")]
    Entry {
        /// Number of the entry, from 0.
        index: usize,
        /// Its tag.
        tag: u32,
    },
    /// A tag stands twice.
    #[error("header has tag {0} twice")]
    Duplicate(u32),
    /// The region does not cover the whole header, so that parts of it are protected by nothing.
    #[error("header has no proper region")]
    Region,
    /// A value is not of the type that it should be.
    #[error("header tag `{0}` has an unexpected type")]
    Type(&'static str),
    /// A text is not UTF-8.
    #[error("header tag `{0}` is not UTF-8")]
    Text(&'static str),
    /// A tag that every package has is not there.
    #[error("header has no tag `{0}`")]
    Missing(&'static str),
    /// Lists that belong together have different lengths.
    #[error("header lists around `{0}` do not fit together")]
    Lists(&'static str),
}

/// Which of the two headers of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Signature,
    Main,
}

impl Role {
    fn region(self) -> u32 {
        match self {
            Self::Signature => 62,
            Self::Main => 63,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    tag: u32,
    kind: u32,
    offset: usize,
    count: usize,
}

/// A header that has been read and checked.
#[derive(Debug, Clone)]
pub struct Header {
    /// The whole header as it was read, from its magic number on.
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    store: usize,
    has_region: bool,
}

impl Header {
    pub(super) fn read(reader: &mut impl Read, role: Role) -> Result<Self, ReadError> {
        let mut bytes = vec![0; 16];
        fill(reader, &mut bytes)?;
        if bytes[..8] != MAGIC {
            return Err(HeaderError::Magic.into());
        }
        let (entries, size) = (number(&bytes, 8), number(&bytes, 12));
        if entries == 0 || entries > MAX_ENTRIES || size > MAX_STORE {
            return Err(HeaderError::TooLarge { entries, bytes: size }.into());
        }
        let rest = entries as usize * ENTRY + size as usize;
        // Reads what is there rather than reserving what is claimed.
        reader.take(rest as u64).read_to_end(&mut bytes).map_err(ReadError::Read)?;
        if bytes.len() != 16 + rest {
            return Err(HeaderError::Truncated.into());
        }
        let mut header =
            Self { bytes, entries: Vec::new(), store: 16 + entries as usize * ENTRY, has_region: false };
        header.check(role)?;
        Ok(header)
    }

    fn check(&mut self, role: Role) -> Result<(), HeaderError> {
        let count = (self.store - 16) / ENTRY;
        for index in 0..count {
            let at = 16 + index * ENTRY;
            let field = |number_of: usize| number(&self.bytes, at + 4 * number_of);
            let bad = HeaderError::Entry { index, tag: field(0) };
            let place = |value: u32| usize::try_from(value).map_err(|_| bad.clone());
            let entry =
                Entry { tag: field(0), kind: field(1), offset: place(field(2))?, count: place(field(3))? };
            if index == 0 && entry.tag == role.region() {
                self.check_region(entry, count)?;
                self.has_region = true;
                continue;
            }
            if entry.tag < 100 && (62..=63).contains(&entry.tag) {
                return Err(HeaderError::Region);
            }
            if !self.fits(entry) {
                return Err(bad);
            }
            self.entries.push(entry);
        }
        self.entries.sort_by_key(|entry| entry.tag);
        match self.entries.windows(2).find(|pair| pair[0].tag == pair[1].tag) {
            Some(pair) => Err(HeaderError::Duplicate(pair[0].tag)),
            None => Ok(()),
        }
    }

    /// The region's value is an entry of its own, which lies in the store and counts back over the entries.
    fn check_region(&self, region: Entry, entries: usize) -> Result<(), HeaderError> {
        let trailer = self.store().get(region.offset..).and_then(|rest| rest.get(..ENTRY));
        let trailer = trailer.ok_or(HeaderError::Region)?;
        let covered = i64::try_from(entries * ENTRY).map_err(|_| HeaderError::Region)?;
        let back = i64::from(number(trailer, 8).cast_signed());
        let proper = (region.kind, region.count) == (7, ENTRY)
            && number(trailer, 0) == region.tag
            && (number(trailer, 4), number(trailer, 12)) == (7, 16)
            && back == -covered;
        if proper { Ok(()) } else { Err(HeaderError::Region) }
    }

    fn store(&self) -> &[u8] {
        &self.bytes[self.store..]
    }

    /// Whether the value of an entry lies in the store.
    fn fits(&self, entry: Entry) -> bool {
        let store = self.store();
        let width = match entry.kind {
            1 | 2 | 7 => 1,
            3 => 2,
            4 => 4,
            5 => 8,
            6 | 8 | 9 => {
                let count_fits = entry.count > 0 && (entry.kind != 6 || entry.count == 1);
                return count_fits && strings_end(store, entry).is_some();
            }
            _ => return false,
        };
        let end = entry.count.checked_mul(width).and_then(|size| entry.offset.checked_add(size));
        entry.count > 0 && entry.offset.is_multiple_of(width) && end.is_some_and(|end| end <= store.len())
    }

    /// The whole header as digests and signatures cover it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether a region says that every entry is as it was when the header was made. Packages made before 2001 have none.
    pub fn has_region(&self) -> bool {
        self.has_region
    }

    fn find(&self, tag: Tag) -> Option<Entry> {
        let at = self.entries.binary_search_by_key(&tag.number, |entry| entry.tag).ok()?;
        Some(self.entries[at])
    }

    /// Whether the header has that tag.
    pub fn has(&self, tag: Tag) -> bool {
        self.find(tag).is_some()
    }

    /// The bytes of a binary value.
    pub(super) fn binary(&self, tag: Tag) -> Result<Option<&[u8]>, HeaderError> {
        let Some(entry) = self.find(tag) else { return Ok(None) };
        if entry.kind != 7 {
            return Err(HeaderError::Type(tag.name));
        }
        Ok(Some(&self.store()[entry.offset..entry.offset + entry.count]))
    }

    /// The numbers of a list of 8, 16, 32 or 64 bits; none when the tag is not there.
    pub(super) fn numbers(&self, tag: Tag) -> Result<Vec<u64>, HeaderError> {
        let Some(entry) = self.find(tag) else { return Ok(Vec::new()) };
        let width = match entry.kind {
            1 | 2 => 1,
            3 => 2,
            4 => 4,
            5 => 8,
            _ => return Err(HeaderError::Type(tag.name)),
        };
        let bytes = &self.store()[entry.offset..entry.offset + entry.count * width];
        let value = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Ok(bytes.chunks_exact(width).map(value).collect())
    }

    /// The first number of a list.
    pub(super) fn number(&self, tag: Tag) -> Result<Option<u64>, HeaderError> {
        Ok(self.numbers(tag)?.first().copied())
    }

    /// The texts of a string, a list of strings, or a string in several languages; none when the tag is not there.
    pub(super) fn strings(&self, tag: Tag) -> Result<Vec<&[u8]>, HeaderError> {
        let Some(entry) = self.find(tag) else { return Ok(Vec::new()) };
        if !matches!(entry.kind, 6 | 8 | 9) {
            return Err(HeaderError::Type(tag.name));
        }
        let texts = self.store()[entry.offset..].split(|byte| *byte == 0);
        Ok(texts.take(entry.count).collect())
    }

    /// The texts, which must be UTF-8.
    pub(super) fn texts(&self, tag: Tag) -> Result<Vec<&str>, HeaderError> {
        let utf8 = |text| std::str::from_utf8(text).map_err(|_| HeaderError::Text(tag.name));
        self.strings(tag)?.into_iter().map(utf8).collect()
    }

    /// The first text.
    pub(super) fn text(&self, tag: Tag) -> Result<Option<&str>, HeaderError> {
        Ok(self.texts(tag)?.first().copied())
    }

    /// The first text, with what is not UTF-8 replaced: for texts that only people read.
    pub(super) fn prose(&self, tag: Tag) -> Result<String, HeaderError> {
        let first = self.strings(tag)?.first().map(|text| String::from_utf8_lossy(text).into_owned());
        Ok(first.unwrap_or_default())
    }
}

/// Why a header cannot be had.
#[derive(Debug)]
pub(super) enum ReadError {
    Header(HeaderError),
    Read(std::io::Error),
}

impl From<HeaderError> for ReadError {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<(), ReadError> {
    reader.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => HeaderError::Truncated.into(),
        _ => ReadError::Read(error),
    })
}

/// The big-endian number at `at`, which is inside.
fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

/// Where the last string of an entry ends, after its NUL.
fn strings_end(store: &[u8], entry: Entry) -> Option<usize> {
    let rest = store.get(entry.offset..)?;
    let last = memchr::memchr_iter(0, rest).nth(entry.count - 1)?;
    Some(entry.offset + last + 1)
}
