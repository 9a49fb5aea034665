//! xbps's version order (`xbps_cmpver`): a list of numbers made from `version_revision`.
//!
//! A run of digits is its number. A dot and `pl` count 0, `alpha` -3, `beta` -2, `pre` and `rc` -1; any other letter counts
//! 0 and then its place in the alphabet; every other character counts nothing. Lists are compared number by number, as
//! if the shorter one went on with zeros, and then the revisions after `_`.

use std::cmp::Ordering;

/// Why a text is not a version, or not `name-version_revision`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// There is no `-` before a version, or nothing before it.
    #[error("no name before the version")]
    Name,
    /// There is no digit in the version before its revision.
    #[error("no digit in the version")]
    NoDigit,
    /// There is no `_` with a number after it.
    #[error("no revision after the version")]
    Revision,
    /// A character that it cannot have.
    #[error("invalid character")]
    Character,
    /// More than 255 bytes, which no file name can hold.
    #[error("longer than 255 bytes")]
    TooLong,
}

/// A name and a version, as in `glibc-2.41_1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PkgVer<'a> {
    /// The name.
    pub name: &'a str,
    /// The version with its revision.
    pub version: &'a str,
}

impl<'a> PkgVer<'a> {
    /// Splits `name-version_revision` before the last `-`.
    pub fn parse(text: &'a str) -> Result<Self, VersionError> {
        if text.len() > 255 {
            return Err(VersionError::TooLong);
        }
        if text.bytes().any(|byte| !byte.is_ascii_graphic() || b"/<>*?[]".contains(&byte)) {
            return Err(VersionError::Character);
        }
        let (name, version) = text.rsplit_once('-').ok_or(VersionError::Name)?;
        if name.is_empty() || name.starts_with(['.', '-']) {
            return Err(VersionError::Name);
        }
        check(version)?;
        Ok(Self { name, version })
    }
}

/// Checks `version_revision`.
pub fn check(version: &str) -> Result<(), VersionError> {
    let (before, revision) = version.rsplit_once('_').ok_or(VersionError::Revision)?;
    // What counts is the digit before the first `_`.
    let front = before.split_once('_').map_or(before, |(front, _)| front);
    if !front.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(VersionError::NoDigit);
    }
    if revision.is_empty() || !revision.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(VersionError::Revision);
    }
    Ok(())
}

/// The words that count as one number.
const WORDS: [(&[u8], i64); 6] =
    [(b"alpha", -3), (b"beta", -2), (b"pre", -1), (b"rc", -1), (b"pl", 0), (b".", 0)];

/// The numbers of a version, one after the other; its revision afterwards.
struct Numbers<'a> {
    rest: &'a [u8],
    /// The place in the alphabet of a letter whose 0 was given out.
    letter: Option<i64>,
    revision: i64,
}

impl<'a> Numbers<'a> {
    fn new(version: &'a str) -> Self {
        Self { rest: version.as_bytes(), letter: None, revision: 0 }
    }

    /// Takes leading digits. Numbers too large for 64 bits are equal.
    fn take_number(&mut self) -> i64 {
        let end = self.rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits
            .iter()
            .fold(0_i64, |number, digit| number.saturating_mul(10).saturating_add(i64::from(digit - b'0')))
    }
}

impl Iterator for Numbers<'_> {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        if let Some(letter) = self.letter.take() {
            return Some(letter);
        }
        loop {
            let first = *self.rest.first()?;
            if first.is_ascii_digit() {
                return Some(self.take_number());
            }
            let word = WORDS.iter().find(|(word, _)| {
                self.rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            });
            if let Some((word, number)) = word {
                self.rest = &self.rest[word.len()..];
                return Some(*number);
            }
            self.rest = &self.rest[1..];
            if first == b'_' {
                self.revision = self.take_number();
            } else if first.is_ascii_alphabetic() {
                self.letter = Some(i64::from(first.to_ascii_lowercase() - b'a') + 1);
                return Some(0);
            }
        }
    }
}

/// Orders two version texts.
pub fn compare(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (mut a, mut b) = (Numbers::new(a), Numbers::new(b));
    loop {
        let (next_a, next_b) = (a.next(), b.next());
        if next_a.is_none() && next_b.is_none() {
            return a.revision.cmp(&b.revision);
        }
        let order = next_a.unwrap_or(0).cmp(&next_b.unwrap_or(0));
        if order.is_ne() {
            return order;
        }
    }
}
