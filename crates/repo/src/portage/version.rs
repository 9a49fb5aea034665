//! Gentoo's version order (Package Manager Specification, chapter 3), as portage decides it.
//!
//! `1.2.3b_rc4_p5-r6`: numbers, one letter, suffixes, revision. Two texts can be the same version (`1.0`, `1.00`, `1.0-r0`).

use std::cmp::Ordering;

/// Why a text is not a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Nothing at all.
    #[error("version is empty")]
    Empty,
    /// A part between dots is not a number.
    #[error("version has a part that is not a number")]
    Number,
    /// What follows an underscore is not `alpha`, `beta`, `pre`, `rc` or `p` with a number or without.
    #[error("version has an unknown suffix")]
    Suffix,
    /// What follows `-r` is not a number.
    #[error("revision is not a number")]
    Revision,
    /// A character that a version cannot have in this place.
    #[error("invalid character in version")]
    Character,
}

/// A version split into its parts, borrowed from its text.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// Numbers with dots between them.
    numbers: &'a str,
    /// The letter after them.
    letter: Option<u8>,
    /// Suffixes with the underscore before each, possibly none.
    suffixes: &'a str,
    /// Digits after `-r`; empty when there is no revision, which is the same as 0.
    revision: &'a str,
}

/// The suffixes in their order. What has none stands between `rc` and `p`.
const SUFFIXES: [(&str, u8); 5] = [("alpha", 0), ("beta", 1), ("pre", 2), ("rc", 3), ("p", 4)];
/// Rank of `p`, with which the end of the suffixes is compared.
const PATCH: u8 = 4;

impl<'a> Version<'a> {
    /// Checks and splits `text`.
    pub fn parse(text: &'a str) -> Result<Self, VersionError> {
        if text.is_empty() {
            return Err(VersionError::Empty);
        }
        let (rest, revision) = match text.rsplit_once("-r") {
            Some((rest, digits)) if is_number(digits) => (rest, digits),
            Some(_) => return Err(VersionError::Revision),
            None => (text, ""),
        };
        let end = rest.find('_').unwrap_or(rest.len());
        let (front, suffixes) = rest.split_at(end);
        let letter = front.bytes().last().filter(u8::is_ascii_lowercase);
        let numbers = &front[..front.len() - usize::from(letter.is_some())];
        if numbers.bytes().any(|byte| !byte.is_ascii_digit() && byte != b'.') {
            return Err(VersionError::Character);
        }
        if !numbers.split('.').all(is_number) {
            return Err(VersionError::Number);
        }
        if !suffixes.split('_').skip(1).all(|suffix| split_suffix(suffix).is_some()) {
            return Err(VersionError::Suffix);
        }
        Ok(Self { numbers, letter, suffixes, revision })
    }

    /// Order without the revision.
    fn compare_upstream(&self, other: &Self) -> Ordering {
        compare_numbers(self.numbers, other.numbers)
            .then_with(|| self.letter.cmp(&other.letter))
            .then_with(|| compare_suffixes(self.suffixes, other.suffixes))
    }
}

impl Ord for Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare_upstream(other).then_with(|| number(self.revision).cmp(&number(other.revision)))
    }
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version<'_> {}

/// Orders two version texts. What is not a version comes before everything that is, in the order of its bytes.
pub fn compare(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    match (Version::parse(a), Version::parse(b)) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Err(_), Err(_)) => a.cmp(b),
        (Ok(_), Err(_)) => Ordering::Greater,
        (Err(_), Ok(_)) => Ordering::Less,
    }
}

/// The text without its revision.
pub fn without_revision(text: &str) -> &str {
    text.rsplit_once("-r").map_or(text, |(version, _)| version)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number of any length in a form that compares: its length without leading zeros, then its digits.
fn number(digits: &str) -> (usize, &str) {
    let digits = digits.trim_start_matches('0');
    (digits.len(), digits)
}

/// Rank of a suffix and its number.
fn split_suffix(suffix: &str) -> Option<(u8, &str)> {
    let end = suffix.find(|letter: char| letter.is_ascii_digit()).unwrap_or(suffix.len());
    let (kind, digits) = suffix.split_at(end);
    let (_, rank) = SUFFIXES.iter().find(|(name, _)| *name == kind)?;
    (digits.is_empty() || is_number(digits)).then_some((*rank, digits))
}

fn compare_numbers(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    let first = number(a.next().unwrap_or_default()).cmp(&number(b.next().unwrap_or_default()));
    if first.is_ne() {
        return first;
    }
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) if a.is_none() || b.is_none() => a.is_some().cmp(&b.is_some()),
            (a, b) => compare_fraction(a.unwrap_or_default(), b.unwrap_or_default()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// A part after the first compares as a number, unless one of the two starts with a zero: then both are digits after a
/// decimal point, so that 1.02 is below 1.1.
fn compare_fraction(a: &str, b: &str) -> Ordering {
    if a.starts_with('0') || b.starts_with('0') {
        a.trim_end_matches('0').cmp(b.trim_end_matches('0'))
    } else {
        number(a).cmp(&number(b))
    }
}

fn compare_suffixes(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('_').skip(1), b.split('_').skip(1));
    loop {
        let (next_a, next_b) = (a.next(), b.next());
        if next_a.is_none() && next_b.is_none() {
            return Ordering::Equal;
        }
        let order = suffix_key(next_a).cmp(&suffix_key(next_b));
        if order.is_ne() {
            return order;
        }
    }
}

/// The end of the suffixes is a `p` with a number below 0.
fn suffix_key(suffix: Option<&str>) -> (u8, Option<(usize, &str)>) {
    match suffix.and_then(split_suffix) {
        Some((rank, digits)) => (rank, Some(number(digits))),
        None => (PATCH, None),
    }
}
