//! Alpine's version order, as `apk version -t` decides it (apk-package(5), section "package names and versions").
//!
//! A version is `number{.number}...{letter}{_suffix{number}}...{~hash}{-r#}`. It is read as a row of parts, and two versions
//! compare as their rows do, part by part. What is not a version still has a place in the order: the row ends where the
//! text stops to make sense, just below the place where it would have ended well.

use std::cmp::Ordering;

/// Why a text is not a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Nothing.
    #[error("version is empty")]
    Empty,
    /// It does not start with a digit.
    #[error("version does not start with a number")]
    Start,
    /// From this byte on it is not part of a version.
    #[error("version makes no sense from byte {at} on")]
    Part {
        /// Bytes before it.
        at: usize,
    },
}

/// What a suffix means: those before a release come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Suffix {
    Alpha,
    Beta,
    Pre,
    Rc,
    Cvs,
    Svn,
    Git,
    Hg,
    Patch,
}

impl Suffix {
    fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"alpha" => Self::Alpha,
            b"beta" => Self::Beta,
            b"pre" => Self::Pre,
            b"rc" => Self::Rc,
            b"cvs" => Self::Cvs,
            b"svn" => Self::Svn,
            b"git" => Self::Git,
            b"hg" => Self::Hg,
            b"p" => Self::Patch,
            _ => return None,
        })
    }
}

/// A number of any length, without leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number<'a>(&'a [u8]);

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(other.0))
    }
}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A part of a version. The order of the variants is the order of what may follow a common beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    /// A suffix of something before the release.
    Before(Suffix),
    /// What makes no sense.
    Invalid,
    /// The end.
    End,
    /// `-r` and a number: the build of the package.
    Revision(Number<'a>),
    /// `~` and hexadecimal digits: a commit.
    Commit(&'a [u8]),
    /// The number of a suffix.
    SuffixNumber(Number<'a>),
    /// A suffix of something after the release.
    After(Suffix),
    /// A letter after the numbers.
    Letter(u8),
    /// A number after the first one with a zero in front, which compares as text, like a decimal fraction.
    Fraction(&'a [u8]),
    /// Another number after the first one.
    Digits(Number<'a>),
    /// The first number.
    First(Number<'a>),
}

/// Which part came before: it decides what may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Start,
    Digits,
    Letter,
    Suffix,
    SuffixNumber,
    Commit,
    Revision,
    Stopped,
}

/// The parts of a version in order, closed by [`Part::End`] or [`Part::Invalid`], which then repeat.
#[derive(Debug, Clone)]
struct Parts<'a> {
    text: &'a [u8],
    at: usize,
    state: State,
}

impl<'a> Parts<'a> {
    fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), at: 0, state: State::Start }
    }

    fn next_part(&mut self) -> Part<'a> {
        let start = self.at;
        let part = self.read().unwrap_or(Part::Invalid);
        if part == Part::Invalid {
            (self.at, self.state) = (start, State::Stopped);
        }
        part
    }

    /// The next part, or nothing when there is none that makes sense.
    fn read(&mut self) -> Option<Part<'a>> {
        let Some(&byte) = self.text.get(self.at) else {
            return self.follows(State::Revision).then_some(Part::End);
        };
        match (byte, self.state) {
            (b'0'..=b'9', State::Start) => {
                let digits = self.take(u8::is_ascii_digit);
                self.state = State::Digits;
                Some(Part::First(number(digits)))
            }
            (b'.', State::Digits) => {
                self.at += 1;
                let digits = self.digits()?;
                let fraction = digits[0] == b'0';
                Some(if fraction { Part::Fraction(digits) } else { Part::Digits(number(digits)) })
            }
            (b'a'..=b'z', State::Digits) => {
                (self.at, self.state) = (self.at + 1, State::Letter);
                Some(Part::Letter(byte))
            }
            (b'_', _) if self.follows(State::SuffixNumber) => {
                (self.at, self.state) = (self.at + 1, State::Suffix);
                let suffix = Suffix::of(self.take(u8::is_ascii_lowercase))?;
                Some(if suffix < Suffix::Cvs { Part::Before(suffix) } else { Part::After(suffix) })
            }
            (b'0'..=b'9', State::Suffix) => {
                self.state = State::SuffixNumber;
                Some(Part::SuffixNumber(number(self.digits()?)))
            }
            (b'~', _) if self.follows(State::SuffixNumber) => {
                (self.at, self.state) = (self.at + 1, State::Commit);
                let commit = self.take(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                (!commit.is_empty()).then_some(Part::Commit(commit))
            }
            (b'-', _) if self.follows(State::Commit) && self.text[self.at..].starts_with(b"-r") => {
                (self.at, self.state) = (self.at + 2, State::Revision);
                Some(Part::Revision(number(self.digits()?)))
            }
            _ => None,
        }
    }

    /// Whether something was read, and nothing that comes after `last`.
    fn follows(&self, last: State) -> bool {
        (State::Digits..=last).contains(&self.state)
    }

    fn take(&mut self, fits: impl Fn(&u8) -> bool) -> &'a [u8] {
        let rest = &self.text[self.at..];
        let end = rest.iter().position(|byte| !fits(byte)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn digits(&mut self) -> Option<&'a [u8]> {
        let digits = self.take(u8::is_ascii_digit);
        (!digits.is_empty()).then_some(digits)
    }
}

fn number(digits: &[u8]) -> Number<'_> {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    Number(&digits[zeros..])
}

/// Whether `text` is a version.
///
/// # Errors
/// What is wrong with it.
pub fn validate(text: &str) -> Result<(), VersionError> {
    if text.is_empty() {
        return Err(VersionError::Empty);
    }
    let mut parts = Parts::new(text);
    loop {
        match parts.next_part() {
            Part::End => return Ok(()),
            Part::Invalid if parts.at == 0 => return Err(VersionError::Start),
            Part::Invalid => return Err(VersionError::Part { at: parts.at }),
            _ => {}
        }
    }
}

/// Orders two versions.
pub fn compare(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (mut a, mut b) = (Parts::new(a), Parts::new(b));
    loop {
        let (part, other) = (a.next_part(), b.next_part());
        let order = part.cmp(&other);
        if order.is_ne() || matches!(part, Part::End | Part::Invalid) {
            return order;
        }
    }
}

/// Orders `version` against a bound that may be the beginning of it: then they count as equal, as in `pkg~1.2`.
pub fn compare_fuzzy(version: &str, bound: &str) -> Ordering {
    let (mut version, mut bound) = (Parts::new(version), Parts::new(bound));
    loop {
        let (part, wanted) = (version.next_part(), bound.next_part());
        if wanted == Part::End {
            return Ordering::Equal;
        }
        let order = part.cmp(&wanted);
        if order.is_ne() || matches!(part, Part::End | Part::Invalid) {
            return order;
        }
    }
}
