//! The text format of databases: `%KEY%` lines, each followed by one value per line up to an empty line.

/// Why text does not have the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SectionsError {
    /// Not UTF-8.
    #[error("text is not UTF-8")]
    NotText,
    /// A value that no key stands before, or a malformed key.
    #[error("line {line} belongs to no section")]
    Stray {
        /// Number of the line, from 1.
        line: usize,
    },
    /// White space or control characters make a value unusable.
    #[error("line {line} has a control character or only white space")]
    Value {
        /// Number of the line, from 1.
        line: usize,
    },
}

/// A key and its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section<'a> {
    pub key: &'a str,
    pub values: Vec<&'a str>,
}

/// Reads all sections of `bytes`, in order.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Section<'_>>, SectionsError> {
    let text = std::str::from_utf8(bytes).map_err(|_| SectionsError::NotText)?;
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut open = false;
    for (number, line) in text.lines().enumerate() {
        let line_number = number + 1;
        if line.is_empty() {
            open = false;
        } else if open {
            if line.trim().is_empty() || line.chars().any(char::is_control) {
                return Err(SectionsError::Value { line: line_number });
            }
            if let Some(section) = sections.last_mut() {
                section.values.push(line);
            }
        } else {
            let key = key(line).ok_or(SectionsError::Stray { line: line_number })?;
            sections.push(Section { key, values: Vec::new() });
            open = true;
        }
    }
    Ok(sections)
}

/// The key of a `%KEY%` line.
fn key(line: &str) -> Option<&str> {
    let key = line.strip_prefix('%')?.strip_suffix('%')?;
    let proper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (!key.is_empty() && key.bytes().all(proper)).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::{SectionsError, read};

    #[test]
    fn keys_and_values() {
        let sections = read(b"%A%\n1\n2\n\n\n%B2%\n\n%C%\n%d%").expect("good text");
        let flat: Vec<_> = sections.iter().map(|section| (section.key, section.values.join(","))).collect();
        assert_eq!(flat, [("A", "1,2".to_owned()), ("B2", String::new()), ("C", "%d%".to_owned())]);
        assert!(read(b"").expect("nothing").is_empty());
    }

    #[test]
    fn what_is_not_the_format() {
        for (text, error) in [
            (b"a\n".as_slice(), SectionsError::Stray { line: 1 }),
            (b"%a%\nb\n", SectionsError::Stray { line: 1 }),
            (b"%A\nb\n", SectionsError::Stray { line: 1 }),
            (b"%%\nb\n", SectionsError::Stray { line: 1 }),
            (b"%A%\nb\n\nc\n", SectionsError::Stray { line: 4 }),
            (b"%A%\n \n", SectionsError::Value { line: 2 }),
            (b"%A%\na\x1b[2J\n", SectionsError::Value { line: 2 }),
            (b"%A%\na\0\n", SectionsError::Value { line: 2 }),
            (b"%A%\n\xff\n", SectionsError::NotText),
        ] {
            assert_eq!(read(text), Err(error), "{}", text.escape_ascii());
        }
    }
}
