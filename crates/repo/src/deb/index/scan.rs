//! One pass over the text of a `Packages` file: checked, borrowed entries.

use super::{ESSENTIAL, IN_POOL, IndexError, IndexSource, MultiArch, PHASED, PROTECTED, write_pool_path};
use crate::deb::ascii::{Class, sha256};
use crate::deb::control::{Field, Scanner, Token};
use crate::deb::relation::{atom, is_name, relations};
use crate::deb::resolve::Priority;
use crate::deb::version::Version;
use crate::index::{Digest, Entry, Kind, Name, Provided};
use crate::resolve::Operator;

/// Text is scanned in pieces of about this size: they fit the caches, and scanning overlaps with building.
const PIECE: usize = 1 << 20;

/// Cuts a text between entries.
pub(super) fn split(text: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > PIECE {
        let Some(cut) = memchr::memmem::find(&rest[PIECE..], b"\n\n") else { break };
        let (piece, after) = rest.split_at(PIECE + cut + 2);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// Reads the entries of one piece, in order.
pub(super) fn scan<'a>(source: &IndexSource, piece: &'a [u8]) -> Result<Vec<Entry<'a>>, IndexError> {
    let broken = |cause| IndexError::Control { index: source.to_string(), source: cause };
    let mut scanner = Scanner::new(piece);
    let mut entries = Vec::with_capacity(piece.len() / 700);
    let mut reader = Reader {
        source,
        piece: piece.as_ptr().addr(),
        text: std::str::from_utf8(piece).ok(),
        entry: unknown(),
        seen: 0,
        path: String::new(),
    };
    while let Some(token) = scanner.next_token().map_err(broken)? {
        match token {
            Token::Field(field) => reader.field(field)?,
            Token::End => entries.push(reader.finish()?),
        }
    }
    Ok(entries)
}

const MANDATORY: [&str; 6] = ["Package", "Version", "Architecture", "Filename", "Size", "SHA256"];

/// The fields with relations.
const RELATIONS: [(&[u8], Kind); 9] = [
    (b"Depends", Kind::Requires),
    (b"Pre-Depends", Kind::PreRequires),
    (b"Recommends", Kind::Recommends),
    (b"Suggests", Kind::Suggests),
    (b"Enhances", Kind::Enhances),
    (b"Conflicts", Kind::Conflicts),
    (b"Breaks", Kind::Breaks),
    (b"Replaces", Kind::Replaces),
    (b"Provides", Kind::Provides),
];

/// A package that says nothing about itself is optional.
fn unknown<'a>() -> Entry<'a> {
    Entry { rank: Priority::Optional as u32, ..Entry::default() }
}

struct Reader<'s, 'a> {
    source: &'s IndexSource,
    /// Where the piece lies.
    piece: usize,
    /// The piece as text, if all of it is UTF-8: its fields need not be checked one by one then.
    text: Option<&'a str>,
    entry: Entry<'a>,
    /// One bit per mandatory field.
    seen: u8,
    path: String,
}

impl<'a> Reader<'_, 'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), IndexError> {
        match field.name {
            b"Package" => self.entry.name = Name::new(self.mandatory(0, field, is_name)?),
            b"Version" => {
                self.entry.version = self.mandatory(1, field, |text| Version::parse(text).is_ok())?;
            }
            b"Architecture" => self.entry.arch = self.mandatory(2, field, is_name)?,
            b"Filename" => self.entry.location = self.mandatory(3, field, is_safe_path)?,
            b"Size" => {
                let text = self.mandatory(4, field, |_| true)?;
                self.entry.size = text.parse().map_err(|_| self.bad(field))?;
            }
            b"SHA256" => {
                self.mandatory(5, field, |_| true)?;
                self.entry.digest = Digest::Sha256(sha256(field.value).ok_or_else(|| self.bad(field))?);
            }
            b"Source" => self.entry.source = self.text(field)?.split([' ', '(']).next().unwrap_or_default(),
            b"Installed-Size" => {
                let kib: u32 = self.text(field)?.parse().unwrap_or(u32::MAX);
                self.entry.installed = u64::from(kib) * 1024;
            }
            b"Description" => self.entry.summary = self.text(field)?.lines().next().unwrap_or_default(),
            b"Priority" => self.entry.rank = priority_of(field.value) as u32,
            b"Essential" => self.flag(ESSENTIAL, field.value == b"yes"),
            b"Protected" => self.flag(PROTECTED, field.value == b"yes"),
            b"Multi-Arch" => self.multi_arch(field.value),
            // apt ignores a value that is none.
            b"Phased-Update-Percentage" => {
                let part = self.text(field)?.parse::<u8>().is_ok_and(|percentage| percentage < 100);
                self.flag(PHASED, part);
            }
            name => {
                if let Some((_, kind)) = RELATIONS.iter().find(|(known, _)| *known == name) {
                    self.entry.relations[*kind as usize] = self.text(field)?;
                }
            }
        }
        Ok(())
    }

    fn flag(&mut self, flag: u32, set: bool) {
        self.entry.flags = if set { self.entry.flags | flag } else { self.entry.flags & !flag };
    }

    fn multi_arch(&mut self, value: &[u8]) {
        let flags = self.entry.flags & !MultiArch::MASK;
        self.entry.flags = flags | MultiArch::from_field(value).flags();
    }

    fn text(&self, field: Field<'a>) -> Result<&'a str, IndexError> {
        let start = field.value.as_ptr().addr().wrapping_sub(self.piece);
        match self.text.and_then(|text| text.get(start..start + field.value.len())) {
            Some(text) => Ok(text),
            None => std::str::from_utf8(field.value).map_err(|_| self.bad(field)),
        }
    }

    fn mandatory(
        &mut self,
        bit: usize,
        field: Field<'a>,
        accepts: impl FnOnce(&str) -> bool,
    ) -> Result<&'a str, IndexError> {
        let text = self.text(field)?;
        if self.seen & (1 << bit) != 0 || !accepts(text) {
            return Err(self.bad(field));
        }
        self.seen |= 1 << bit;
        Ok(text)
    }

    fn bad(&self, field: Field<'_>) -> IndexError {
        let shown = &field.value[..field.value.len().min(80)];
        IndexError::Value {
            index: self.source.to_string(),
            package: self.entry.name.text().chars().take(80).collect(),
            field: String::from_utf8_lossy(field.name).into_owned(),
            value: String::from_utf8_lossy(shown).escape_debug().to_string(),
        }
    }

    fn finish(&mut self) -> Result<Entry<'a>, IndexError> {
        let mut entry = std::mem::replace(&mut self.entry, unknown());
        let seen = std::mem::take(&mut self.seen);
        if let Some(missing) = (0..MANDATORY.len()).find(|bit| seen & (1 << bit) == 0) {
            return Err(IndexError::Missing {
                index: self.source.to_string(),
                package: entry.name.text().chars().take(80).collect(),
                field: MANDATORY[missing],
            });
        }
        if entry.source == entry.name.text() {
            entry.source = "";
        }
        let source = if entry.source.is_empty() { entry.name.text() } else { entry.source };
        let component = &self.source.component;
        write_pool_path(&mut self.path, component, source, entry.name.text(), entry.version, entry.arch);
        if entry.location == self.path {
            entry.location = "";
            entry.flags |= IN_POOL;
        }
        entry.provides = provided(entry.relations[Kind::Provides as usize]);
        Ok(entry)
    }
}

/// What a `Provides` field names. An entry that cannot be read, or with a bound other than
/// `=`, provides nothing, as in apt.
fn provided(field: &str) -> Vec<Provided<'_>> {
    let read = |entry| {
        let atom = atom(entry).ok()?;
        let version = match atom.bound {
            None => "",
            Some((Operator::Equal, version)) => version,
            Some(_) => return None,
        };
        Some(Provided { name: Name::new(atom.name), version })
    };
    relations(field).filter_map(read).collect()
}

/// A relative path that stays below its base and needs no quoting in a URL.
fn is_safe_path(path: &str) -> bool {
    static CHARACTERS: Class = Class::alphanumeric_and(b"+-_~:%@=,");
    let path = path.strip_prefix("./").unwrap_or(path);
    let mut before = b'/';
    let mut dots_only = true;
    for byte in path.bytes().chain([b'/']) {
        match byte {
            // A part that is empty, `.` or `..`. Names of more dots do not occur either.
            b'/' if before == b'/' || dots_only => return false,
            b'/' => dots_only = true,
            b'.' => {}
            byte if CHARACTERS.has(byte) => dots_only = false,
            _ => return false,
        }
        before = byte;
    }
    path.len() < 1024
}

fn priority_of(value: &[u8]) -> Priority {
    match value {
        b"required" => Priority::Required,
        b"important" => Priority::Important,
        b"standard" => Priority::Standard,
        b"extra" => Priority::Extra,
        _ => Priority::Optional,
    }
}
