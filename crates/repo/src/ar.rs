//! Reader of Unix `ar` archives as Debian uses them: short names, no index, members one after the other.

use std::io::{self, Read};

/// First bytes of an archive.
const MAGIC: &[u8; 8] = b"!<arch>\n";
/// Bytes of a member's header.
const HEADER: usize = 60;

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArError {
    /// The first bytes are not those of an archive.
    #[error("not an ar archive")]
    Magic,
    /// A member's header does not end with its mark, or has a field that is not a number or a plain name.
    #[error("ar member {index} has a bad {field}")]
    Header {
        /// Number of the member, from 0.
        index: usize,
        /// The field.
        field: &'static str,
    },
    /// The archive ends inside a member.
    #[error("ar archive is truncated")]
    Truncated,
    /// The bytes cannot be read.
    #[error("cannot read the ar archive")]
    Read(#[source] io::Error),
}

/// Name and size of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Name without the padding and without a closing `/`.
    pub name: String,
    /// Bytes of content.
    pub size: u64,
}

/// An archive read from front to back; reading from it gives the content of the current member.
#[derive(Debug)]
pub struct Archive<R> {
    reader: R,
    index: usize,
    left: u64,
    padding: bool,
}

impl<R: Read> Archive<R> {
    /// Starts reading, after checking the first bytes.
    ///
    /// # Errors
    /// [`ArError::Magic`] for anything that is not an archive.
    pub fn new(mut reader: R) -> Result<Self, ArError> {
        let mut magic = [0; MAGIC.len()];
        if fill(&mut reader, &mut magic)? != magic.len() || &magic != MAGIC {
            return Err(ArError::Magic);
        }
        Ok(Self { reader, index: 0, left: 0, padding: false })
    }

    /// Skips what is left of the current member and reads the next header; `None` at the end.
    ///
    /// # Errors
    /// When the header is malformed or the archive ends too early.
    pub fn next_member(&mut self) -> Result<Option<Member>, ArError> {
        io::copy(&mut *self, &mut io::sink()).map_err(into_error)?;
        if self.padding {
            self.padding = false;
            // The pad byte of the last member is often left out.
            if fill(&mut self.reader, &mut [0])? == 0 {
                return Ok(None);
            }
        }
        let mut header = [0; HEADER];
        match fill(&mut self.reader, &mut header)? {
            0 => return Ok(None),
            HEADER => {}
            _ => return Err(ArError::Truncated),
        }
        let member = self.parse(&header)?;
        self.index += 1;
        self.left = member.size;
        self.padding = member.size % 2 == 1;
        Ok(Some(member))
    }

    /// Gives the underlying reader back, at whatever position it is.
    pub fn into_inner(self) -> R {
        self.reader
    }

    fn parse(&self, header: &[u8; HEADER]) -> Result<Member, ArError> {
        let bad = |field| ArError::Header { index: self.index, field };
        if &header[58..] != b"`\n" {
            return Err(bad("end mark"));
        }
        let name = header[..16].trim_ascii_end();
        let name = name.strip_suffix(b"/").unwrap_or(name);
        let plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'/';
        if name.is_empty() || !name.iter().all(plain) {
            return Err(bad("name"));
        }
        let digits = header[48..58].trim_ascii_end();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(bad("size"));
        }
        let size = digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        Ok(Member { name: String::from_utf8_lossy(name).into_owned(), size })
    }
}

impl<R: Read> Read for Archive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.reader.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, ArError::Truncated));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

fn into_error(error: io::Error) -> ArError {
    if error.kind() == io::ErrorKind::UnexpectedEof { ArError::Truncated } else { ArError::Read(error) }
}

/// Reads until `buffer` is full or the input ends.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize, ArError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ArError::Read(error)),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, content: &[u8]) -> Vec<u8> {
        let mut bytes = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, "100644", content.len())
            .into_bytes();
        bytes.extend_from_slice(content);
        if content.len() % 2 == 1 {
            bytes.push(b'\n');
        }
        bytes
    }

    fn archive(members: &[Vec<u8>]) -> Vec<u8> {
        [MAGIC.to_vec(), members.concat()].concat()
    }

    #[test]
    fn members_come_in_order_and_may_be_skipped() {
        let bytes =
            archive(&[member("debian-binary", b"2.0\n"), member("odd/", b"abc"), member("last", b"xyz")]);
        let mut reader = Archive::new(&bytes[..]).unwrap();
        assert_eq!(reader.next_member().unwrap().unwrap(), Member { name: "debian-binary".into(), size: 4 });
        assert_eq!(reader.next_member().unwrap().unwrap(), Member { name: "odd".into(), size: 3 });
        assert_eq!(reader.next_member().unwrap().unwrap().name, "last");
        let mut content = String::new();
        reader.read_to_string(&mut content).unwrap();
        assert_eq!(content, "xyz");
        assert_eq!(reader.next_member().unwrap(), None);
    }

    #[test]
    fn bad_archives_are_named() {
        assert!(matches!(Archive::new(&b"!<arch>"[..]), Err(ArError::Magic)));
        let mut size = member("a", b"");
        size[48] = b'-';
        let mut mark = member("a", b"");
        mark[58] = b'x';
        let slash = member("a/b", b"");
        for (bytes, field) in [(size, "size"), (mark, "end mark"), (slash, "name")] {
            let bytes = archive(&[bytes]);
            let error = Archive::new(&bytes[..]).unwrap().next_member().unwrap_err();
            assert!(matches!(error, ArError::Header { field: found, .. } if found == field), "{error}");
        }
        let mut cut = archive(&[member("a", b"abcdef")]);
        cut.truncate(cut.len() - 2);
        let mut reader = Archive::new(&cut[..]).unwrap();
        reader.next_member().unwrap();
        assert!(matches!(reader.next_member(), Err(ArError::Truncated)));
    }
}
