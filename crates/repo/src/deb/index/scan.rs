//! One pass over the text of a `Packages` file: checked, borrowed entries.

use super::{ESSENTIAL, IN_POOL, IndexError, IndexSource, MultiArch, PHASED, PROTECTED, PoolPath};
use crate::deb::ascii::{Class, sha256};
use crate::deb::control::{Field, Scanner, Token};
use crate::deb::relation::{atom, is_name, relations};
use crate::deb::resolve::Priority;
use crate::deb::version::Version;
use crate::index::{Digest, Entry, Kind, Name, Provided};
use crate::resolve::Operator;

/// Text is scanned in pieces of about this size: they fit the caches, and scanning overlaps with building.
const PIECE: usize = 256 << 10;

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

/// What a field says.
#[derive(Debug, Clone, Copy)]
enum Meaning {
    Package,
    Version,
    Architecture,
    Filename,
    Size,
    Sha256,
    Source,
    InstalledSize,
    Description,
    Priority,
    Essential,
    Protected,
    MultiArch,
    Phased,
    Relation(Kind),
}

/// What the field of this name says; `None` for what nobody asks for. Half of all fields are of that kind, so that a
/// length that no other field has is worth more than a table.
fn meaning(name: &[u8]) -> Option<Meaning> {
    let of = |wanted: &[u8], meaning| (name == wanted).then_some(meaning);
    let relation = |wanted: &[u8], kind| of(wanted, Meaning::Relation(kind));
    match (name.len(), name.first()?) {
        (4, _) => of(b"Size", Meaning::Size),
        (6, b'S') => of(b"SHA256", Meaning::Sha256).or_else(|| of(b"Source", Meaning::Source)),
        (6, _) => relation(b"Breaks", Kind::Breaks),
        (7, b'P') => of(b"Package", Meaning::Package),
        (7, b'V') => of(b"Version", Meaning::Version),
        (7, _) => relation(b"Depends", Kind::Requires),
        (8, b'F') => of(b"Filename", Meaning::Filename),
        (8, b'P') => of(b"Priority", Meaning::Priority).or_else(|| relation(b"Provides", Kind::Provides)),
        (8, b'S') => relation(b"Suggests", Kind::Suggests),
        (8, b'R') => relation(b"Replaces", Kind::Replaces),
        (8, b'E') => relation(b"Enhances", Kind::Enhances),
        (9, b'C') => relation(b"Conflicts", Kind::Conflicts),
        (9, b'E') => of(b"Essential", Meaning::Essential),
        (9, _) => of(b"Protected", Meaning::Protected),
        (10, b'M') => of(b"Multi-Arch", Meaning::MultiArch),
        (10, _) => relation(b"Recommends", Kind::Recommends),
        (11, b'D') => of(b"Description", Meaning::Description),
        (11, _) => relation(b"Pre-Depends", Kind::PreRequires),
        (12, _) => of(b"Architecture", Meaning::Architecture),
        (14, _) => of(b"Installed-Size", Meaning::InstalledSize),
        (24, _) => of(b"Phased-Update-Percentage", Meaning::Phased),
        _ => None,
    }
}

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
}

impl<'a> Reader<'_, 'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), IndexError> {
        let Some(meaning) = meaning(field.name) else { return Ok(()) };
        match meaning {
            Meaning::Package => self.entry.name = Name::new(self.mandatory(0, field, is_name)?),
            Meaning::Version => {
                self.entry.version = self.mandatory(1, field, |text| Version::parse(text).is_ok())?;
            }
            Meaning::Architecture => self.entry.arch = self.mandatory(2, field, is_name)?,
            // Whether it is safe is seen with the rest: where it is what follows from that, there is nothing to look at.
            Meaning::Filename => self.entry.location = self.mandatory(3, field, |_| true)?,
            Meaning::Size => {
                let text = self.mandatory(4, field, |_| true)?;
                self.entry.size = text.parse().map_err(|_| self.bad(field))?;
            }
            Meaning::Sha256 => {
                self.mandatory(5, field, |_| true)?;
                self.entry.digest = Digest::Sha256(sha256(field.value).ok_or_else(|| self.bad(field))?);
            }
            Meaning::Source => {
                self.entry.source = self.text(field)?.split([' ', '(']).next().unwrap_or_default();
            }
            Meaning::InstalledSize => {
                let kib: u32 = self.text(field)?.parse().unwrap_or(u32::MAX);
                self.entry.installed = u64::from(kib) * 1024;
            }
            Meaning::Description => {
                self.entry.summary = self.text(field)?.lines().next().unwrap_or_default();
            }
            Meaning::Priority => self.entry.rank = priority_of(field.value) as u32,
            Meaning::Essential => self.flag(ESSENTIAL, field.value == b"yes"),
            Meaning::Protected => self.flag(PROTECTED, field.value == b"yes"),
            Meaning::MultiArch => self.multi_arch(field.value),
            // apt ignores a value that is none.
            Meaning::Phased => {
                let part = self.text(field)?.parse::<u8>().is_ok_and(|percentage| percentage < 100);
                self.flag(PHASED, part);
            }
            Meaning::Relation(kind) => self.entry.relations[kind as usize] = self.text(field)?,
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
        let parts = PoolPath::new(component, source, entry.name.text(), entry.version, entry.arch);
        if parts.is(entry.location) && is_name(source) {
            entry.location = "";
            entry.flags |= IN_POOL;
        } else if !is_safe_path(entry.location) {
            let (name, value) = (b"Filename".as_slice(), entry.location.as_bytes());
            self.entry.name = entry.name;
            return Err(self.bad(Field { name, value }));
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
