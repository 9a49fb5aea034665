//! Text to the fields of one stanza after the other.

use memchr::memchr;

use super::IndexError;

/// Bytes of a key; real ones stay below 30.
const MAX_KEY: usize = 64;
/// Fields of one stanza; real ones stay below 60.
const MAX_FIELDS: usize = 1024;

/// The fields of one stanza, sorted by key. Values are without white space at both ends.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Fields<'a> {
    /// The value of `key`; empty values count as absent, as for portage, which does not write them.
    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        let at = self.fields.binary_search_by(|(other, _)| (*other).cmp(key)).ok()?;
        Some(self.fields[at].1).filter(|value| !value.is_empty())
    }

    /// The value of `key`, or an empty text.
    pub(super) fn text(&self, key: &str) -> &'a str {
        self.get(key).unwrap_or_default()
    }
}

/// Reads stanzas.
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, line: 0 }
    }

    /// Reads the next stanza into `fields`; no when there is none. `what` names it in errors.
    pub(super) fn next_stanza(&mut self, fields: &mut Fields<'a>, what: &str) -> Result<bool, IndexError> {
        fields.fields.clear();
        while let Some(line) = self.next_line() {
            if line.is_empty() {
                if fields.fields.is_empty() {
                    continue;
                }
                break;
            }
            let field = split(line).ok_or(IndexError::Line { line: self.line })?;
            if fields.fields.len() >= MAX_FIELDS {
                return Err(IndexError::TooLarge);
            }
            fields.fields.push(field);
        }
        fields.fields.sort_unstable();
        if let Some(pair) = fields.fields.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let entry = fields.get("CPV").unwrap_or(what).to_owned();
            return Err(IndexError::Repeated { entry, field: pair[0].0.to_owned() });
        }
        Ok(!fields.fields.is_empty())
    }

    fn next_line(&mut self) -> Option<&'a [u8]> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        self.at += end + 1;
        self.line += 1;
        Some(&rest[..end])
    }
}

/// `KEY: value`.
fn split(line: &[u8]) -> Option<(&str, &str)> {
    let colon = memchr(b':', &line[..line.len().min(MAX_KEY + 1)])?;
    let (key, value) = (&line[..colon], &line[colon + 1..]);
    let proper = !key.is_empty() && key.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let value = std::str::from_utf8(value).ok()?;
    let strange = value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t');
    (proper && !strange).then_some((std::str::from_utf8(key).ok()?, value.trim_ascii()))
}
