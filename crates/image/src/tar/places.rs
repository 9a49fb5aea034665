//! Where the members of an archive lie, found by reading their headers and nothing else.
//!
//! The archive may be anywhere: this says which bytes it wants next, and is given them. It reads archives that
//! [`super::Archive`] wrote: regular files and directories.

use std::collections::BTreeMap;
use std::ops::Range;

use super::header::BLOCK;

/// Members that an archive may have.
const MOST: usize = 1000;

/// Longest records of one PAX header, in bytes.
const LONGEST: u64 = 64 << 10;

/// Why an archive cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no archive of ours at byte {at}")]
pub struct NotOurs {
    /// Where something else stands.
    pub at: u64,
}

/// What is found so far.
#[derive(Debug)]
pub struct Places {
    /// What is wanted next; nothing at the end of the archive.
    next: Option<Wanted>,
    /// Size of the next member, when a PAX header gave it.
    size: Option<u64>,
    members: BTreeMap<String, Range<u64>>,
}

#[derive(Debug)]
enum Wanted {
    Header(u64),
    Records(Range<u64>),
}

impl Default for Places {
    fn default() -> Self {
        Self { next: Some(Wanted::Header(0)), size: None, members: BTreeMap::new() }
    }
}

impl Places {
    /// The bytes of the archive that are wanted next; none when all members are known.
    pub fn wanted(&self) -> Option<Range<u64>> {
        match &self.next {
            Some(Wanted::Header(at)) => Some(*at..at + BLOCK as u64),
            Some(Wanted::Records(range)) => Some(range.clone()),
            None => None,
        }
    }

    /// Takes the bytes that were wanted.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), NotOurs> {
        match self.next.take() {
            Some(Wanted::Header(at)) => self.header(at, bytes).ok_or(NotOurs { at }),
            Some(Wanted::Records(range)) => {
                self.size = size_record(bytes);
                self.next = aligned(range.end).map(Wanted::Header);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn header(&mut self, at: u64, block: &[u8]) -> Option<()> {
        if block.len() != BLOCK || self.members.len() > MOST {
            return None;
        }
        if block.iter().all(|&byte| byte == 0) {
            return Some(());
        }
        if &block[257..262] != b"ustar" {
            return None;
        }
        let begins = at + BLOCK as u64;
        let size = number(&block[124..136])?;
        if block[156] == b'x' {
            if size > LONGEST {
                return None;
            }
            self.next = Some(Wanted::Records(begins..begins + size));
            return Some(());
        }
        let size = self.size.take().unwrap_or(size);
        let ends = begins.checked_add(size)?;
        if block[156] == b'0' {
            self.members.insert(text(&block[..100])?.to_owned(), begins..ends);
        }
        self.next = Some(Wanted::Header(aligned(ends)?));
        Some(())
    }

    /// Where the content of a file lies.
    pub fn member(&self, path: &str) -> Option<Range<u64>> {
        self.members.get(path).cloned()
    }
}

fn aligned(at: u64) -> Option<u64> {
    at.checked_next_multiple_of(BLOCK as u64)
}

fn text(field: &[u8]) -> Option<&str> {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    std::str::from_utf8(&field[..end]).ok()
}

fn number(field: &[u8]) -> Option<u64> {
    u64::from_str_radix(text(field)?.trim(), 8).ok()
}

/// The size that PAX records give: lines of `LENGTH KEY=VALUE`.
fn size_record(records: &[u8]) -> Option<u64> {
    let lines = std::str::from_utf8(records).ok()?.lines();
    lines.filter_map(|line| line.split_once(' ')?.1.strip_prefix("size=")).next_back()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::Archive;
    use super::{NotOurs, Places};

    fn part(bytes: &[u8], range: std::ops::Range<u64>) -> &[u8] {
        let at = |place| usize::try_from(place).unwrap();
        bytes.get(at(range.start)..at(range.end)).unwrap_or_default()
    }

    fn places(archive: &[u8]) -> Result<Places, NotOurs> {
        let mut places = Places::default();
        while let Some(range) = places.wanted() {
            places.read(part(archive, range))?;
        }
        Ok(places)
    }

    #[test]
    fn every_file_is_found_and_nothing_else() {
        let mut bytes = Vec::new();
        let mut archive = Archive::new(&mut bytes, 0);
        archive.directory("blobs").unwrap();
        for (name, content) in [("blobs/a", &b"one"[..]), ("empty", b""), ("b", &[7; 1000])] {
            archive.file(name, content).unwrap();
        }
        archive.finish().unwrap();
        let places = places(&bytes).unwrap();
        let content = |name| places.member(name).map(|at| part(&bytes, at));
        assert_eq!(content("blobs/a"), Some(&b"one"[..]));
        assert_eq!(content("empty"), Some(&b""[..]));
        assert_eq!(content("b"), Some(&[7; 1000][..]));
        assert_eq!((content("blobs"), content("c")), (None, None));
    }

    #[test]
    fn a_file_beyond_what_the_header_can_say_is_found() {
        let mut bytes = Vec::new();
        let size = 10 << 30;
        Archive::new(&mut bytes, 0).header("large", size).unwrap();
        let mut places = Places::default();
        let mut end = 0;
        while let Some(range) = places.wanted().filter(|range| range.end <= bytes.len() as u64) {
            end = range.end;
            places.read(part(&bytes, range)).unwrap();
        }
        assert_eq!(places.member("large"), Some(end..end + size));
        assert_eq!(places.wanted(), Some(end + size..end + size + 512));
    }

    #[test]
    fn other_bytes_are_refused() {
        assert_eq!(places(&[1; 2000]).err(), Some(NotOurs { at: 0 }));
        assert_eq!(places(b"short").err(), Some(NotOurs { at: 0 }));
    }
}
