//! deb822 text: stanzas of `Field: value` lines, as in `Packages`, `Release` and control files.
//!
//! The scanner borrows: a value is the bytes from after the colon to the end of its last continuation line, without
//! the white space at both ends.

use memchr::memchr;

use super::ascii::Class;

/// Why text is not deb822.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// A line that is neither a field nor a continuation.
    #[error("line {line} is not `field: value`: `{text}`")]
    NotAField {
        /// Line number from 1, counted from the start of the text that was given.
        line: usize,
        /// The start of the line.
        text: String,
    },
    /// A continuation line with no field before it.
    #[error("line {line} continues a field, but no field precedes it")]
    Orphan {
        /// Line number from 1.
        line: usize,
    },
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Name as written; field names are compared without case.
    pub name: &'a [u8],
    /// Value without white space at both ends; may hold line breaks.
    pub value: &'a [u8],
}

/// Something that the scanner meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// A field of the current stanza.
    Field(Field<'a>),
    /// The current stanza ends; never comes twice in a row.
    End,
}

/// Reads tokens from text.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    inside: bool,
}

impl<'a> Scanner<'a> {
    /// A scanner at the start of `text`.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, inside: false }
    }

    /// The next token; `None` at the end of the text.
    pub fn next_token(&mut self) -> Result<Option<Token<'a>>, ControlError> {
        while self.at < self.text.len() {
            let start = self.at;
            let end = self.line_end(start);
            self.at = end + 1;
            let line = &self.text[start..end];
            match line.first() {
                None => {}
                Some(b' ' | b'\t') if !is_blank(line) => {
                    return Err(ControlError::Orphan { line: self.line_number(start) });
                }
                Some(b' ' | b'\t' | b'\r') if is_blank(line) => {}
                Some(b'#') => continue,
                Some(_) => {
                    let Some(colon) = name_end(line) else {
                        return Err(self.not_a_field(start, line));
                    };
                    self.inside = true;
                    let value = trim(&self.text[start + colon + 1..self.value_end(end)]);
                    return Ok(Some(Token::Field(Field { name: &line[..colon], value })));
                }
            }
            if std::mem::take(&mut self.inside) {
                return Ok(Some(Token::End));
            }
        }
        Ok(std::mem::take(&mut self.inside).then_some(Token::End))
    }

    /// Takes continuation lines; returns the end of the last one.
    fn value_end(&mut self, mut end: usize) -> usize {
        while let Some(b' ' | b'\t') = self.text.get(self.at) {
            let next = self.line_end(self.at);
            if is_blank(&self.text[self.at..next]) {
                break;
            }
            end = next;
            self.at = next + 1;
        }
        end
    }

    fn line_end(&self, start: usize) -> usize {
        memchr(b'\n', &self.text[start..]).map_or(self.text.len(), |length| start + length)
    }

    fn line_number(&self, at: usize) -> usize {
        memchr::memchr_iter(b'\n', &self.text[..at]).count() + 1
    }

    fn not_a_field(&self, start: usize, line: &[u8]) -> ControlError {
        let shown = &line[..line.len().min(80)];
        ControlError::NotAField {
            line: self.line_number(start),
            text: String::from_utf8_lossy(shown).escape_debug().to_string(),
        }
    }
}

/// Length of the name that a line begins with; `None` when no colon ends it.
fn name_end(line: &[u8]) -> Option<usize> {
    static CHARACTERS: Class = Class::graphic_but(b':');
    let end = line.iter().position(|byte| !CHARACTERS.has(*byte))?;
    (line[end] == b':' && end > 0 && line[0] != b'-').then_some(end)
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

fn trim(value: &[u8]) -> &[u8] {
    value.trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, ControlError> {
        let mut scanner = Scanner::new(text.as_bytes());
        let mut out = Vec::new();
        while let Some(token) = scanner.next_token()? {
            out.push(match token {
                Token::End => "--".to_owned(),
                Token::Field(field) => {
                    let show = String::from_utf8_lossy;
                    format!("{}={}", show(field.name), show(field.value).replace('\n', "/"))
                }
            });
        }
        Ok(out)
    }

    #[test]
    fn stanzas_fields_and_continuations() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("\n\n\n", &[]),
            ("A: 1", &["A=1", "--"]),
            ("A: 1\nB:2\n\n\n \nC: 3\n", &["A=1", "B=2", "--", "C=3", "--"]),
            ("A: 1\n two\n\tthree\nB: x", &["A=1/ two/\tthree", "B=x", "--"]),
            ("A:\n one\n .\n two\n", &["A=one/ ./ two", "--"]),
            ("A: 1\r\nB: 2\r\n\r\nC: 3\r\n", &["A=1", "B=2", "--", "C=3", "--"]),
            ("# remark\nA: 1\n# remark\nB: 2\n", &["A=1", "B=2", "--"]),
            ("A: b: c\n", &["A=b: c", "--"]),
        ];
        for (text, expected) in table {
            assert_eq!(
                read(text).as_deref(),
                Ok(&expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
                "{text:?}"
            );
        }
    }

    #[test]
    fn bad_lines_are_named() {
        assert_eq!(read("A: 1\n\n two\n"), Err(ControlError::Orphan { line: 3 }));
        let not_a_field = |line, text: &str| Err(ControlError::NotAField { line, text: text.to_owned() });
        assert_eq!(read("A: 1\nno colon\n"), not_a_field(2, "no colon"));
        assert_eq!(read("A b: 1\n"), not_a_field(1, "A b: 1"));
        assert_eq!(read(": 1\n"), not_a_field(1, ": 1"));
        assert_eq!(read("\0\0"), not_a_field(1, "\\0\\0"));
    }
}
