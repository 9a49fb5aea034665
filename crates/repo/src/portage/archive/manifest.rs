//! `Manifest`: size and digests of every member, one `DATA name size ALGORITHM digest ...` per line (GLEP 74 and 78).

use std::collections::BTreeMap;
use std::io::{self, Read};

use blake2::Digest as _;
use sha2::Digest as _;

use super::ArchiveError;

/// What a manifest says about a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    size: u64,
    /// Algorithm and digest, as written.
    digests: Vec<(String, String)>,
}

/// What a member really is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measured {
    size: u64,
    sha512: String,
    blake2b: String,
}

impl Measured {
    /// Reads content to its end.
    pub(super) fn of(mut content: impl Read) -> io::Result<Self> {
        let mut buffer = vec![0; 64 << 10];
        let (mut size, mut sha512, mut blake2b) = (0, sha2::Sha512::new(), blake2::Blake2b512::new());
        loop {
            let count = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            size += count as u64;
            sha512.update(&buffer[..count]);
            blake2b.update(&buffer[..count]);
        }
        Ok(Self { size, sha512: hex::encode(sha512.finalize()), blake2b: hex::encode(blake2b.finalize()) })
    }
}

impl Line {
    /// Compares a member with what was written: its size, every digest that is known, and one of them at least.
    pub(super) fn check(&self, member: &str, measured: &Measured) -> Result<(), ArchiveError> {
        let wrong = |what| ArchiveError::Digest { member: member.to_owned(), what };
        if self.size != measured.size {
            return Err(wrong("size"));
        }
        let mut checked = false;
        for (algorithm, digest) in &self.digests {
            let (what, expected) = match algorithm.as_str() {
                "SHA512" => ("SHA512", &measured.sha512),
                "BLAKE2B" => ("BLAKE2B", &measured.blake2b),
                _ => continue,
            };
            if !digest.eq_ignore_ascii_case(expected) {
                return Err(wrong(what));
            }
            checked = true;
        }
        if checked { Ok(()) } else { Err(ArchiveError::NoDigest(member.to_owned())) }
    }
}

/// Reads the text of a manifest: lines by the name of the member.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, Line>, ArchiveError> {
    let mut lines = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim_ascii().is_empty()) {
        let bad =
            || ArchiveError::Manifest(line.chars().take(200).collect::<String>().escape_debug().to_string());
        let (name, read) = read_line(line).ok_or_else(bad)?;
        if lines.insert(name, read).is_some() {
            return Err(bad());
        }
    }
    Ok(lines)
}

fn read_line(line: &str) -> Option<(String, Line)> {
    let mut words = line.split_ascii_whitespace();
    if words.next()? != "DATA" {
        return None;
    }
    let (name, size) = (words.next()?, words.next()?.parse().ok()?);
    let mut digests: Vec<(String, String)> = Vec::new();
    while let Some(algorithm) = words.next() {
        let digest = words.next()?;
        if digests.iter().any(|(other, _)| other == algorithm) {
            return None;
        }
        digests.push((algorithm.to_owned(), digest.to_owned()));
    }
    Some((name.to_owned(), Line { size, digests }))
}
