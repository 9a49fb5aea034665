//! Lines for a person: parts with a meaning, wrapped to the width of the terminal below their own start.

use crate::format::clean;
use crate::terminal::Style;

/// What a part of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Text.
    Plain,
    /// What the eye should find first.
    Strong,
    /// What may be skipped.
    Faint,
    /// What helps.
    Advice,
}

/// One line, which may become several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    parts: Vec<(Tone, String)>,
    /// Columns before what follows the first line break.
    hang: usize,
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::default().with(Tone::Plain, text)
    }
}

impl Line {
    /// A line whose continuation begins at this column.
    pub fn hanging(columns: usize) -> Self {
        Self { parts: Vec::new(), hang: columns }
    }

    /// The line with more at its end.
    #[must_use]
    pub fn with(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.parts.push((tone, text.into()));
        self
    }

    /// The line with text in which names stand in backticks.
    #[must_use]
    pub fn with_names(mut self, text: &str) -> Self {
        let pieces: Vec<&str> = text.split('`').collect();
        for (at, piece) in pieces.iter().enumerate() {
            self = match (at % 2 == 1, at + 1 == pieces.len()) {
                (true, false) => self.with(Tone::Strong, format!("`{piece}`")),
                // a backtick without its partner
                (true, true) => self.with(Tone::Plain, format!("`{piece}`").trim_end_matches('`')),
                (false, _) => self.with(Tone::Plain, *piece),
            };
        }
        self
    }

    /// The text alone.
    pub fn text(&self) -> String {
        self.parts.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// With colours, in lines of at most `width` columns as far as words allow, each after `indent` columns.
    pub fn render(&self, style: Style, indent: usize, width: Option<usize>) -> String {
        let width = width.unwrap_or(usize::MAX).max(indent + self.hang + 20);
        let mut out = " ".repeat(indent);
        let mut column = indent;
        for (tone, text) in &self.parts {
            for word in clean(text).split_inclusive(' ') {
                let length = word.trim_end().chars().count();
                if column + length > width && column > indent + self.hang {
                    out.truncate(out.trim_end().len());
                    out.push('\n');
                    out.push_str(&" ".repeat(indent + self.hang));
                    column = indent + self.hang;
                }
                out.push_str(&paint(style, *tone, word));
                column += word.chars().count();
            }
        }
        out.truncate(out.trim_end().len());
        out
    }
}

/// The blank after a word is not painted, so that it can be taken off the end of a line.
fn paint(style: Style, tone: Tone, word: &str) -> String {
    let bare = word.trim_end();
    let painted = match tone {
        _ if bare.is_empty() => String::new(),
        Tone::Plain => bare.to_owned(),
        Tone::Strong => style.strong(bare),
        Tone::Faint => style.faint(bare),
        Tone::Advice => style.advice(bare),
    };
    format!("{painted}{}", &word[bare.len()..])
}

#[cfg(test)]
mod tests {
    use super::{Line, Tone};
    use crate::terminal::Style;

    #[test]
    fn long_lines_go_on_below_their_start() {
        let line = Line::hanging(4).with(Tone::Faint, "one two ").with_names("three `four` five six");
        assert_eq!(line.text(), "one two three `four` five six");
        let plain = Style { color: false };
        assert_eq!(line.render(plain, 2, None), "  one two three `four` five six");
        let wrapped = line.render(plain, 2, Some(26));
        assert_eq!(wrapped, "  one two three `four`\n      five six");
        assert_eq!(Line::default().with_names("a `b` c`d").text(), "a `b` c`d");
    }

    #[test]
    fn only_words_are_painted() {
        let line = Line::default().with(Tone::Strong, "a b ");
        assert_eq!(line.render(Style { color: true }, 0, None), "\u{1b}[1ma\u{1b}[0m \u{1b}[1mb\u{1b}[0m");
    }

    #[test]
    fn foreign_text_stays_text() {
        let line = Line::from("a\u{1b}[2Jb".to_owned());
        assert_eq!(line.render(Style { color: false }, 0, None), "a\\u{1b}[2Jb");
    }
}
