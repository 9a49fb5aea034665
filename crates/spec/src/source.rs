//! The text of a spec and where things are in it.
//!
//! The crate does no I/O: whoever read the file hands over its name, its format and its text.

use std::fmt;

/// One spec as text, with the name that messages use for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// File name as the user wrote it; only printed, never opened.
    pub file: String,
    /// Which syntax the text is in.
    pub format: Format,
    /// The text itself.
    pub text: String,
}

/// The syntaxes that a spec can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// TOML 1.0.
    Toml,
    /// YAML 1.2 core schema, without anchors, aliases and tags.
    Yaml,
    /// JSON (RFC 8259).
    Json,
}

impl Format {
    /// Guesses the format from the file name extension: `.toml`, `.yaml`, `.yml`, `.json`.
    pub fn from_path(path: &str) -> Option<Self> {
        let (_, extension) = path.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Toml => "TOML",
            Self::Yaml => "YAML",
            Self::Json => "JSON",
        })
    }
}

/// A range of bytes in the text of a spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Byte offset of the first byte.
    pub start: usize,
    /// Byte offset behind the last byte.
    pub end: usize,
}

impl Span {
    /// The range from `start` up to, not including, `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// A position for people: both numbers count from 1, columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// Finds lines and columns for byte offsets.
#[derive(Clone, Debug)]
pub struct LineIndex {
    starts: Vec<usize>,
}

impl LineIndex {
    /// Indexes the line starts of `text`.
    pub fn new(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at + 1);
        Self { starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// The line and column of a byte offset; an offset past the end is the end.
    pub fn position(&self, text: &str, offset: usize) -> Position {
        let offset = floor_boundary(text, offset);
        let line = self.starts.partition_point(|&start| start <= offset).max(1);
        let start = self.starts[line - 1];
        let column = text[start..offset].chars().count() + 1;
        Position { line: clamp(line), column: clamp(column) }
    }

    /// Number of characters of `span` on its first line, at least 1.
    pub fn length(&self, text: &str, span: Span) -> u32 {
        let start = floor_boundary(text, span.start);
        let end = floor_boundary(text, span.end.max(start));
        clamp(text[start..end].lines().next().unwrap_or("").chars().count().max(1))
    }

    /// The text of a line (counted from 1) without its line break.
    pub fn line<'t>(&self, text: &'t str, line: u32) -> &'t str {
        let index = (line as usize).saturating_sub(1);
        let Some(&start) = self.starts.get(index) else { return "" };
        text[start..].lines().next().unwrap_or("")
    }
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

fn clamp(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_not_bytes() {
        let text = "a\nä€x\n";
        let index = LineIndex::new(text);
        assert_eq!(index.position(text, 0), Position { line: 1, column: 1 });
        let x = text.find('x').unwrap();
        assert_eq!(index.position(text, x), Position { line: 2, column: 3 });
        assert_eq!(index.position(text, 999), Position { line: 3, column: 1 });
        assert_eq!(index.length(text, Span::new(2, x + 1)), 3);
        assert_eq!(index.line(text, 2), "ä€x");
    }

    #[test]
    fn formats_are_guessed_from_the_extension() {
        assert_eq!(Format::from_path("a/b.YML"), Some(Format::Yaml));
        assert_eq!(Format::from_path("x.toml"), Some(Format::Toml));
        assert_eq!(Format::from_path("x"), None);
    }
}
