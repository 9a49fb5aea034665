//! pacman's version order, as `vercmp(8)` decides it: `[epoch:]version[-release]`.
//!
//! The order is total among versions that have a release, as every package does, and a letter or digit before it, as
//! all but a few do: by `vercmp`, `1..a` is earlier than `1.`, that than `1.1`, and that than `1..a`. A version without a
//! release, which only a relation may have, equals all releases of the same version.

use std::cmp::Ordering;

/// Why a text is not a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Nothing.
    #[error("version is empty")]
    Empty,
    /// More than 255 bytes, which no file name can hold.
    #[error("version is longer than 255 bytes")]
    TooLong,
    /// What stands before the first `:` is not a number.
    #[error("epoch is not a number")]
    Epoch,
    /// Nothing stands between the epoch and the release, or it has no letter or digit.
    #[error("version has no letter or digit before its release")]
    NoVersion,
    /// What follows the `-` is not `number[.number]`.
    #[error("release is not a number")]
    Release,
    /// A character that a version cannot have.
    #[error("invalid character in version")]
    Character,
}

/// A version split into its parts, borrowed from its text.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// The digits before the first `:`, `0` when there are none.
    pub epoch: &'a str,
    /// The part up to the last `-`.
    pub version: &'a str,
    /// The part after the last `-`.
    pub release: Option<&'a str>,
}

/// Longest version in bytes: it is part of a file name.
const LONGEST: usize = 255;

impl<'a> Version<'a> {
    /// Checks and splits `text`, by the rules of PKGBUILD(5) for `epoch`, `pkgver` and `pkgrel`.
    pub fn parse(text: &'a str) -> Result<Self, VersionError> {
        if text.is_empty() {
            return Err(VersionError::Empty);
        }
        if text.len() > LONGEST {
            return Err(VersionError::TooLong);
        }
        if text.bytes().any(|byte| !byte.is_ascii_graphic() || matches!(byte, b'/' | b'<' | b'>' | b'=')) {
            return Err(VersionError::Character);
        }
        let split = Self::split(text);
        if text.split_once(':').is_some_and(|(epoch, _)| !is_number(epoch)) {
            return Err(VersionError::Epoch);
        }
        if split.version.contains([':', '-']) {
            return Err(VersionError::Character);
        }
        if !split.version.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
            return Err(VersionError::NoVersion);
        }
        if split.release.is_some_and(|release| !is_release(release)) {
            return Err(VersionError::Release);
        }
        Ok(split)
    }

    /// Splits without checking: `vercmp` compares any text.
    pub fn split(text: &'a str) -> Self {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (epoch, rest) = match text[digits..].strip_prefix(':') {
            Some(rest) => (&text[..digits], rest),
            None => ("", text),
        };
        let (version, release) = match rest.rsplit_once('-') {
            Some((version, release)) => (version, Some(release)),
            None => (rest, None),
        };
        Self { epoch: if epoch.is_empty() { "0" } else { epoch }, version, release }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `number` or `number.number`.
fn is_release(text: &str) -> bool {
    match text.split_once('.') {
        Some((whole, part)) => is_number(whole) && is_number(part),
        None => is_number(text),
    }
}

/// Orders two version texts, of packages or of relations.
pub fn compare(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (a, b) = (Version::split(a), Version::split(b));
    let releases = || match (a.release, b.release) {
        (Some(a), Some(b)) => compare_part(a.as_bytes(), b.as_bytes()),
        _ => Ordering::Equal,
    };
    compare_part(a.epoch.as_bytes(), b.epoch.as_bytes())
        .then_with(|| compare_part(a.version.as_bytes(), b.version.as_bytes()))
        .then_with(releases)
}

/// Orders parts segment by segment: runs of digits, runs of letters, and between them only the number of separators
/// counts.
fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    while !a.is_empty() && !b.is_empty() {
        let (separators_a, rest_a) = take_while(a, |byte| !byte.is_ascii_alphanumeric());
        let (separators_b, rest_b) = take_while(b, |byte| !byte.is_ascii_alphanumeric());
        (a, b) = (rest_a, rest_b);
        if a.is_empty() || b.is_empty() {
            break;
        }
        let order = separators_a.len().cmp(&separators_b.len());
        if order.is_ne() {
            return order;
        }
        let number = a[0].is_ascii_digit();
        let belongs = if number { u8::is_ascii_digit } else { u8::is_ascii_alphabetic };
        let (segment_a, rest_a) = take_while(a, |byte| belongs(&byte));
        let (segment_b, rest_b) = take_while(b, |byte| belongs(&byte));
        if segment_b.is_empty() {
            // A number is newer than letters.
            return if number { Ordering::Greater } else { Ordering::Less };
        }
        let order = if number { compare_numbers(segment_a, segment_b) } else { segment_a.cmp(segment_b) };
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    match (a.first(), b.first()) {
        (None, None) => Ordering::Equal,
        // Letters that remain are a pre-release; anything else that remains is newer.
        (Some(first), _) if first.is_ascii_alphabetic() => Ordering::Less,
        (None, Some(first)) if !first.is_ascii_alphabetic() => Ordering::Less,
        _ => Ordering::Greater,
    }
}

fn take_while(text: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !belongs(*byte)).unwrap_or(text.len()))
}

/// Orders numbers of any length.
fn compare_numbers(a: &[u8], b: &[u8]) -> Ordering {
    let (_, a) = take_while(a, |byte| byte == b'0');
    let (_, b) = take_while(b, |byte| byte == b'0');
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}
