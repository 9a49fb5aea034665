//! `/lib/apk/db/installed`: what apk says is installed, with every file.

use std::collections::HashSet;

use super::stanza::{Builder, Checksum, Line, Package, StanzaError};

/// Owner and permissions of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
    /// Digest of the extended attributes.
    pub xattrs: Option<Checksum>,
}

/// A file of an installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File<'a> {
    /// Name in its directory.
    pub name: &'a str,
    /// Owner and permissions, when not root's and 0644 or 0755.
    pub access: Option<Access>,
    /// Digest of the content, or of a symlink's target.
    pub checksum: Option<Checksum>,
}

/// A directory of an installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory<'a> {
    /// Path below the root, without leading slash; empty for the root.
    pub path: &'a str,
    /// Owner and permissions, when not root's and 0755.
    pub access: Option<Access>,
    /// The files.
    pub files: Vec<File<'a>>,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed<'a> {
    /// The package as the index described it.
    pub package: Package<'a>,
    /// Its directories with their files.
    pub directories: Vec<Directory<'a>>,
    /// Tag of the repository that it is from, with its `@`; empty for none.
    pub tag: &'a str,
    /// Something went wrong when it was installed: `f` files, `s` a script, `x` extended attributes.
    pub failed: &'a str,
}

/// Reads the text of the database.
///
/// # Errors
/// When a stanza is malformed, or a package is installed twice.
pub fn read(text: &str) -> Result<Vec<Installed<'_>>, StanzaError> {
    let mut found: Vec<Installed<'_>> = Vec::new();
    let mut names = HashSet::new();
    let mut reader = Reader::default();
    let mut number = 0;
    // The empty line after the last stanza may be missing.
    for text in text.split('\n').chain([""]) {
        number += 1;
        match Line::parse(number, text)? {
            Some(line) => reader.add(line)?,
            None if reader.builder.is_empty() && reader.directories.is_empty() => {}
            None => {
                let installed = reader.finish(number)?;
                if !names.insert(installed.package.name) {
                    return Err(StanzaError::Duplicate { package: installed.package.name.to_owned() });
                }
                found.push(installed);
            }
        }
    }
    Ok(found)
}

/// Collects one package.
#[derive(Debug, Default)]
struct Reader<'a> {
    builder: Builder<'a>,
    directories: Vec<Directory<'a>>,
    tag: &'a str,
    failed: &'a str,
}

impl<'a> Reader<'a> {
    fn add(&mut self, line: Line<'a>) -> Result<(), StanzaError> {
        match line.field {
            b'F' => self.directories.push(Directory { path: path(line)?, access: None, files: Vec::new() }),
            b'M' => self.directory(line)?.access = Some(access(line)?),
            b'R' => {
                let name = path(line)?;
                if name.is_empty() || name.contains('/') {
                    return Err(line.bad());
                }
                self.directory(line)?.files.push(File { name, access: None, checksum: None });
            }
            b'a' => self.file(line)?.access = Some(access(line)?),
            b'Z' => self.file(line)?.checksum = Some(line.checksum()?),
            b's' => self.tag = line.value,
            b'f' => self.failed = line.value,
            _ => self.builder.add(line)?,
        }
        Ok(())
    }

    fn directory(&mut self, line: Line<'a>) -> Result<&mut Directory<'a>, StanzaError> {
        self.directories.last_mut().ok_or_else(|| line.bad())
    }

    fn file(&mut self, line: Line<'a>) -> Result<&mut File<'a>, StanzaError> {
        self.directory(line)?.files.last_mut().ok_or_else(|| line.bad())
    }

    fn finish(&mut self, line: usize) -> Result<Installed<'a>, StanzaError> {
        let Self { mut builder, directories, tag, failed } = std::mem::take(self);
        Ok(Installed { package: builder.finish(line)?, directories, tag, failed })
    }
}

/// A path that stays below the root.
fn path(line: Line<'_>) -> Result<&str, StanzaError> {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    if line.value.is_empty() || line.value.split('/').all(plain) { Ok(line.value) } else { Err(line.bad()) }
}

/// `uid:gid:mode` and perhaps `:checksum`.
fn access(line: Line<'_>) -> Result<Access, StanzaError> {
    let mut parts = line.value.splitn(4, ':');
    let mut number = |radix| {
        let digits = parts.next().filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| u32::from_str_radix(digits, radix).ok()).ok_or_else(|| line.bad())
    };
    let (uid, gid, mode) = (number(10)?, number(10)?, number(8)?);
    let xattrs = parts.next().map(|text| text.parse().map_err(|()| line.bad())).transpose()?;
    Ok(Access { uid, gid, mode, xattrs })
}
