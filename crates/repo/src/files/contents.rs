//! Debian's `Contents` lists, as <https://wiki.debian.org/DebianRepository/Format#A.22Contents.22_indices> describes them:
//! a path, white space, and the packages that have it, each with its section in front, between commas.

use std::io::{self, BufRead, Read as _};

/// Bytes of one line; the longest of Debian, of a file that hundreds of packages have, is about 20 kB.
const MAX_LINE: u64 = 1 << 20;

/// Why a list cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// The bytes cannot be read.
    #[error("the list of files cannot be read")]
    Read(#[source] io::Error),
    /// More on one line than any list has.
    #[error("line {line} of the list of files is longer than {MAX_LINE} bytes")]
    TooLong {
        /// The line, from 1.
        line: u64,
    },
    /// A line that is no path with packages.
    #[error("line {line} of the list of files has no path with packages: `{text}`")]
    Line {
        /// The line, from 1.
        line: u64,
        /// Its start, escaped.
        text: String,
    },
}

/// A list read from front to back.
#[derive(Debug)]
pub struct Contents<R> {
    reader: R,
    line: u64,
    text: Vec<u8>,
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    /// The path, without a slash at its start.
    pub path: &'a str,
    packages: &'a str,
}

impl<'a> Listed<'a> {
    /// The packages that have the file, without their sections.
    pub fn packages(&self) -> impl Iterator<Item = &'a str> {
        self.packages.split(',').map(|place| place.rsplit('/').next().unwrap_or(place))
    }
}

impl<R: BufRead> Contents<R> {
    /// Starts reading decompressed text.
    pub fn new(reader: R) -> Self {
        Self { reader, line: 0, text: Vec::new() }
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// At the first line that is none.
    pub fn next_file(&mut self) -> Result<Option<Listed<'_>>, ContentsError> {
        loop {
            self.text.clear();
            self.line += 1;
            let mut limited = (&mut self.reader).take(MAX_LINE);
            let read = limited.read_until(b'\n', &mut self.text).map_err(ContentsError::Read)?;
            if read == 0 {
                return Ok(None);
            }
            if self.text.last() == Some(&b'\n') {
                self.text.pop();
            } else if read as u64 == MAX_LINE {
                return Err(ContentsError::TooLong { line: self.line });
            }
            // Lists of before 2017 begin with a heading.
            let is_heading = self.line == 1 && self.text.starts_with(b"FILE ");
            if !self.text.is_empty() && !is_heading {
                break;
            }
        }
        let line = self.line;
        let refused = |text: &[u8]| {
            let start = String::from_utf8_lossy(&text[..text.len().min(120)]);
            ContentsError::Line { line, text: start.escape_debug().to_string() }
        };
        let text = std::str::from_utf8(&self.text).map_err(|_| refused(&self.text))?;
        // A path may have blanks in it, what follows has none.
        let found =
            text.rsplit_once([' ', '\t']).map(|(path, packages)| Listed { path: path.trim_end(), packages });
        let is_good = |listed: &Listed<'_>| {
            !listed.path.is_empty()
                && !text.chars().any(|c| c.is_control() && c != '\t')
                && listed.packages().all(|name| !name.is_empty())
        };
        found.filter(is_good).map(Some).ok_or_else(|| refused(&self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::{Contents, ContentsError};

    fn read(text: &[u8]) -> Result<Vec<(String, Vec<String>)>, ContentsError> {
        let mut contents = Contents::new(text);
        let mut found = Vec::new();
        while let Some(listed) = contents.next_file()? {
            found.push((listed.path.to_owned(), listed.packages().map(str::to_owned).collect()));
        }
        Ok(found)
    }

    #[test]
    fn paths_and_packages_are_told_apart() {
        let text = b"FILE LOCATION\nbin/sh  shells/dash,non-free/shells/other\n\nusr/a file with blanks\tutils/b\nx y";
        let found = read(text).expect("a good list");
        let shown: Vec<String> = found.iter().map(|(path, by)| format!("{path}={}", by.join(" "))).collect();
        assert_eq!(shown, ["bin/sh=dash other", "usr/a file with blanks=b", "x=y"]);
    }

    #[test]
    fn what_is_no_list_is_refused_by_its_line() {
        for (text, line) in [
            (&b"bin/sh shells/dash\nalone\n"[..], 2),
            (b"\xff b\n", 1),
            (b"a b\nc d\n e\n", 3),
            (b"a \x1b[2Jb\n", 1),
            (b"a b,\n", 1),
        ] {
            match read(text) {
                Err(ContentsError::Line { line: found, .. }) => assert_eq!(found, line, "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
        let long = vec![b'a'; 2 << 20];
        assert!(matches!(read(&long), Err(ContentsError::TooLong { line: 1 })));
    }
}
