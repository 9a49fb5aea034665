//! `.MTREE`: the files of a package with their owners, modes and digests, in the format of mtree(5).

use std::io::{BufRead, Read};

use super::database::digest;
use crate::compress::Capped;

/// Bytes of a decompressed `.MTREE`; the largest of Arch Linux has about 30 MB.
const MAX_BYTES: u64 = 256 << 20;

/// Why an mtree is refused.
#[derive(Debug, thiserror::Error)]
pub enum MtreeError {
    /// It cannot be decompressed, or is larger than any package's.
    #[error("mtree cannot be read")]
    Read(#[source] std::io::Error),
    /// The first line is not `#mtree`.
    #[error("not an mtree")]
    Magic,
    /// A line that is not an entry, a comment, `/set` or `/unset`.
    #[error("line {line} of the mtree is no entry")]
    Entry {
        /// Number of the line, from 1.
        line: usize,
    },
    /// A property that is not known, or has a value that it cannot have.
    #[error("line {line} of the mtree has a bad property `{property}`")]
    Property {
        /// Number of the line, from 1.
        line: usize,
        /// The property, escaped.
        property: String,
    },
    /// A property that an entry of its type must have, and no `/set` gives.
    #[error("line {line} of the mtree has no property `{property}`")]
    Missing {
        /// Number of the line, from 1.
        line: usize,
        /// Its name.
        property: &'static str,
    },
    /// A path that leaves the tree.
    #[error("line {line} of the mtree has a path outside of the package")]
    Outside {
        /// Number of the line, from 1.
        line: usize,
    },
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A file.
    File {
        /// Bytes.
        size: u64,
        /// Digest; packages of 2021 and later have it only as SHA-256.
        md5: Option<[u8; 16]>,
        /// Digest.
        sha256: Option<[u8; 32]>,
    },
    /// A directory.
    Directory,
    /// A symlink to this target.
    Link(Vec<u8>),
    /// A named pipe, a device or a socket.
    Special,
}

/// One path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path without the leading `./`.
    pub path: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Modification time, in whole seconds since the Unix epoch.
    pub time: i64,
    /// What it is.
    pub kind: Type,
}

/// The properties that `/set` gives to what follows.
#[derive(Debug, Clone, Default)]
struct Properties {
    kind: Option<Kind>,
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
    time: Option<i64>,
    size: Option<u64>,
    md5: Option<[u8; 16]>,
    sha256: Option<[u8; 32]>,
    link: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Directory,
    Link,
    Special,
}

/// Reads a `.MTREE`, compressed or not.
pub fn read(reader: impl BufRead + Send) -> Result<Vec<Entry>, MtreeError> {
    let mut text = Vec::new();
    let mut plain = Capped::new(reader, MAX_BYTES).map_err(MtreeError::Read)?;
    plain.read_to_end(&mut text).map_err(MtreeError::Read)?;
    parse(&text)
}

/// Reads plain mtree text.
pub fn parse(text: &[u8]) -> Result<Vec<Entry>, MtreeError> {
    let mut lines = text.split(|byte| *byte == b'\n').enumerate().map(|(at, line)| (at + 1, line));
    if lines.next().is_none_or(|(_, line)| line != b"#mtree") {
        return Err(MtreeError::Magic);
    }
    let mut defaults = Properties::default();
    let mut entries = Vec::new();
    for (number, line) in lines {
        let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        match words.next() {
            None => {}
            Some(first) if first.starts_with(b"#") => {}
            Some(b"/set") => words.try_for_each(|word| defaults.set(word, number, true))?,
            Some(b"/unset") => words.try_for_each(|word| defaults.unset(word, number))?,
            Some(path) => {
                let mut properties = defaults.clone();
                words.try_for_each(|word| properties.set(word, number, false))?;
                entries.push(properties.into_entry(path, number)?);
            }
        }
    }
    Ok(entries)
}

impl Properties {
    /// Takes `key=value`. Only what many entries share can be a default.
    fn set(&mut self, word: &[u8], line: usize, default: bool) -> Result<(), MtreeError> {
        let bad = || MtreeError::Property { line, property: word.escape_ascii().to_string() };
        let text = std::str::from_utf8(word).map_err(|_| bad())?;
        let (key, value) = text.split_once('=').ok_or_else(bad)?;
        let octal = |value| u32::from_str_radix(value, 8).ok().filter(|mode| *mode <= 0o7777);
        match key {
            "type" => self.kind = Some(kind(value).ok_or_else(bad)?),
            "mode" => self.mode = Some(octal(value).ok_or_else(bad)?),
            "uid" => self.uid = Some(value.parse().map_err(|_| bad())?),
            "gid" => self.gid = Some(value.parse().map_err(|_| bad())?),
            _ if default => return Err(bad()),
            "time" => self.time = Some(seconds(value).ok_or_else(bad)?),
            "size" => self.size = Some(value.parse().map_err(|_| bad())?),
            "md5digest" => self.md5 = Some(digest(value).ok_or_else(bad)?),
            "sha256digest" => self.sha256 = Some(digest(value).ok_or_else(bad)?),
            "link" => self.link = Some(unescape(value.as_bytes()).ok_or_else(bad)?),
            _ => return Err(bad()),
        }
        Ok(())
    }

    fn unset(&mut self, word: &[u8], line: usize) -> Result<(), MtreeError> {
        match word {
            b"type" => self.kind = None,
            b"mode" => self.mode = None,
            b"uid" => self.uid = None,
            b"gid" => self.gid = None,
            _ => return Err(MtreeError::Property { line, property: word.escape_ascii().to_string() }),
        }
        Ok(())
    }

    fn into_entry(self, path: &[u8], line: usize) -> Result<Entry, MtreeError> {
        let missing = |property| MtreeError::Missing { line, property };
        let path = path.strip_prefix(b"./").and_then(unescape).ok_or(MtreeError::Entry { line })?;
        let outside = |part: &[u8]| matches!(part, b"" | b"." | b"..") || part.contains(&0);
        if path.split(|byte| *byte == b'/').any(outside) {
            return Err(MtreeError::Outside { line });
        }
        let kind = match self.kind.ok_or_else(|| missing("type"))? {
            Kind::File => Type::File {
                size: self.size.ok_or_else(|| missing("size"))?,
                md5: self.md5,
                sha256: self.sha256,
            },
            Kind::Directory => Type::Directory,
            Kind::Link => Type::Link(self.link.ok_or_else(|| missing("link"))?),
            Kind::Special => Type::Special,
        };
        Ok(Entry {
            path,
            mode: self.mode.ok_or_else(|| missing("mode"))?,
            uid: self.uid.ok_or_else(|| missing("uid"))?,
            gid: self.gid.ok_or_else(|| missing("gid"))?,
            time: self.time.ok_or_else(|| missing("time"))?,
            kind,
        })
    }
}

fn kind(value: &str) -> Option<Kind> {
    Some(match value {
        "file" => Kind::File,
        "dir" => Kind::Directory,
        "link" => Kind::Link,
        "block" | "char" | "fifo" | "socket" => Kind::Special,
        _ => return None,
    })
}

/// Whole seconds of `seconds.fraction`.
fn seconds(value: &str) -> Option<i64> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    whole.parse().ok().filter(|_| digits)
}

/// Undoes `\ooo`, by which mtree writes every byte that is not plain.
fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(3)?;
        let octal = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
        bytes.push(u8::from_str_radix(octal, 8).ok()?);
        rest = after;
    }
    Some(bytes)
}
