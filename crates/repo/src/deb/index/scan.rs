//! One pass over the text of a `Packages` file: checked, borrowed stanzas.

use super::names::hash;
use super::{IndexError, IndexSource};
use crate::deb::ascii::{Class, sha256};
use crate::deb::control::{Field, Scanner, Token};
use crate::deb::relation::{Atom, Operator, is_name, relations};
use crate::deb::resolve::Priority;
use crate::deb::version::Version;

/// Text is scanned in pieces of about this size: they fit the caches, and scanning overlaps with building.
const PIECE: usize = 1 << 20;

/// Something that a package provides besides its own name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Provided<'a> {
    pub name: &'a str,
    pub name_hash: u64,
    /// Empty when the provides has no version.
    pub version: &'a str,
}

/// A stanza with the fields that are kept.
#[derive(Debug, Default)]
pub(super) struct Stanza<'a> {
    pub name: &'a str,
    pub name_hash: u64,
    pub version: &'a str,
    pub arch: &'a str,
    /// Source package; empty when it bears the same name.
    pub source: &'a str,
    pub filename: &'a str,
    /// The start of a `filename` in the pool's usual form: everything before `/a/apt/apt_1.0_amd64.deb`.
    pub pool: Option<&'a str>,
    pub size: u64,
    pub installed_kib: u32,
    pub sha256: [u8; 32],
    pub priority: u8,
    pub essential: bool,
    pub protected: bool,
    pub multi_arch: u8,
    /// The texts of [`RELATIONS`].
    pub relations: [&'a str; 6],
    pub provides: Vec<Provided<'a>>,
}

impl Stanza<'_> {
    /// A package that says nothing about itself is optional.
    fn new() -> Self {
        Self { priority: Priority::Optional as u8, ..Self::default() }
    }
}

/// Position of `Provides` in [`Stanza::relations`].
pub(super) const PROVIDES: usize = 5;

/// Cuts a text between stanzas.
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

/// Reads the stanzas of one piece, in order.
pub(super) fn scan<'a>(source: &IndexSource, piece: &'a [u8]) -> Result<Vec<Stanza<'a>>, IndexError> {
    let broken = |cause| IndexError::Control { index: source.to_string(), source: cause };
    let mut scanner = Scanner::new(piece);
    let mut stanzas = Vec::with_capacity(piece.len() / 700);
    let mut reader = Reader {
        source,
        piece: piece.as_ptr().addr(),
        text: std::str::from_utf8(piece).ok(),
        stanza: Stanza::new(),
        seen: 0,
        path: String::new(),
    };
    while let Some(token) = scanner.next_token().map_err(broken)? {
        match token {
            Token::Field(field) => reader.field(field)?,
            Token::End => stanzas.push(reader.finish()?),
        }
    }
    Ok(stanzas)
}

const MANDATORY: [&str; 6] = ["Package", "Version", "Architecture", "Filename", "Size", "SHA256"];

/// The fields with relations, in the order of [`Stanza::relations`].
const RELATIONS: [&[u8]; 6] =
    [b"Pre-Depends", b"Depends", b"Conflicts", b"Breaks", b"Recommends", b"Provides"];

struct Reader<'s, 'a> {
    source: &'s IndexSource,
    /// Where the piece lies.
    piece: usize,
    /// The piece as text, if all of it is UTF-8: its fields need not be checked one by one then.
    text: Option<&'a str>,
    stanza: Stanza<'a>,
    /// One bit per mandatory field.
    seen: u8,
    path: String,
}

impl<'a> Reader<'_, 'a> {
    fn field(&mut self, field: Field<'a>) -> Result<(), IndexError> {
        match field.name {
            b"Package" => self.stanza.name = self.mandatory(0, field, is_name)?,
            b"Version" => {
                self.stanza.version = self.mandatory(1, field, |text| Version::parse(text).is_ok())?;
            }
            b"Architecture" => self.stanza.arch = self.mandatory(2, field, is_name)?,
            b"Filename" => self.stanza.filename = self.mandatory(3, field, is_safe_path)?,
            b"Size" => {
                let text = self.mandatory(4, field, |_| true)?;
                self.stanza.size = text.parse().map_err(|_| self.bad(field))?;
            }
            b"SHA256" => {
                self.mandatory(5, field, |_| true)?;
                self.stanza.sha256 = sha256(field.value).ok_or_else(|| self.bad(field))?;
            }
            b"Source" => self.stanza.source = self.text(field)?.split([' ', '(']).next().unwrap_or_default(),
            b"Installed-Size" => self.stanza.installed_kib = self.text(field)?.parse().unwrap_or(u32::MAX),
            b"Priority" => self.stanza.priority = priority_number(field.value),
            b"Essential" => self.stanza.essential = field.value == b"yes",
            b"Protected" => self.stanza.protected = field.value == b"yes",
            b"Multi-Arch" => self.stanza.multi_arch = multi_arch_number(field.value),
            name => {
                if let Some(relation) = RELATIONS.iter().position(|known| *known == name) {
                    self.stanza.relations[relation] = self.text(field)?;
                }
            }
        }
        Ok(())
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
            package: self.stanza.name.chars().take(80).collect(),
            field: String::from_utf8_lossy(field.name).into_owned(),
            value: String::from_utf8_lossy(shown).escape_debug().to_string(),
        }
    }

    fn finish(&mut self) -> Result<Stanza<'a>, IndexError> {
        let mut stanza = std::mem::replace(&mut self.stanza, Stanza::new());
        let seen = std::mem::take(&mut self.seen);
        if let Some(missing) = (0..MANDATORY.len()).find(|bit| seen & (1 << bit) == 0) {
            return Err(IndexError::Missing {
                index: self.source.to_string(),
                package: stanza.name.chars().take(80).collect(),
                field: MANDATORY[missing],
            });
        }
        if stanza.source == stanza.name {
            stanza.source = "";
        }
        stanza.name_hash = hash(stanza.name.as_bytes());
        stanza.provides = provided(stanza.relations[PROVIDES]);
        usual_path(&stanza, &mut self.path);
        stanza.pool = stanza.filename.strip_suffix(self.path.as_str());
        Ok(stanza)
    }
}

/// What a `Provides` field names. An entry that cannot be read, or with a bound other than
/// `=`, provides nothing, as in apt.
fn provided(field: &str) -> Vec<Provided<'_>> {
    let read = |entry| {
        let atom = Atom::parse(entry).ok()?;
        let version = match atom.bound {
            None => "",
            Some((Operator::Equal, version)) => version,
            Some(_) => return None,
        };
        Some(Provided { name: atom.name, name_hash: hash(atom.name.as_bytes()), version })
    };
    relations(field).filter_map(read).collect()
}

/// `/liba/liba/liba1_1.0_amd64.deb`: where the pool keeps this package.
pub(super) fn write_usual_path(path: &mut String, source: &str, name: &str, version: &str, arch: &str) {
    let letters = if source.starts_with("lib") { 4 } else { 1 };
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    path.clear();
    for part in [
        "/",
        source.get(..letters).unwrap_or(source),
        "/",
        source,
        "/",
        name,
        "_",
        version,
        "_",
        arch,
        ".deb",
    ] {
        path.push_str(part);
    }
}

fn usual_path(stanza: &Stanza<'_>, path: &mut String) {
    let source = if stanza.source.is_empty() { stanza.name } else { stanza.source };
    write_usual_path(path, source, stanza.name, stanza.version, stanza.arch);
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

fn priority_number(value: &[u8]) -> u8 {
    (match value {
        b"required" => Priority::Required,
        b"important" => Priority::Important,
        b"standard" => Priority::Standard,
        b"extra" => Priority::Extra,
        _ => Priority::Optional,
    }) as u8
}

fn multi_arch_number(value: &[u8]) -> u8 {
    match value {
        b"same" => 1,
        b"foreign" => 2,
        b"allowed" => 3,
        _ => 0,
    }
}
