//! RPM version order: `rpmvercmp` (rpm-version(7)) over epoch, version and release, with `~` before and `^` after.

use std::cmp::Ordering;
use std::fmt;

/// Why a text is not an epoch, version and release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The version is empty.
    #[error("version is empty")]
    Empty,
    /// What stands before the `:` is not a number from 0 to 4294967295.
    #[error("epoch is not a number from 0 to 4294967295")]
    Epoch,
    /// Nothing stands after the last `-`.
    #[error("release is empty")]
    NoRelease,
    /// White space, a control character, or a second `-` or `:`.
    #[error("invalid character in version")]
    Character,
    /// Longer than any version is.
    #[error("version is longer than {MAX_LENGTH} bytes")]
    TooLong,
}

/// Bytes that a version text may have; the longest of Fedora has some 60.
pub const MAX_LENGTH: usize = 1024;

/// Epoch, version and release, borrowed from their texts.
///
/// The order is total; an absent release comes before every release, as libsolv sorts them. Whether a version fits a
/// bound is another question, see [`super::relation::Bound`].
#[derive(Debug, Clone, Copy)]
pub struct Evr<'a> {
    /// The epoch; 0 when it is not written.
    pub epoch: u32,
    /// The version.
    pub version: &'a str,
    /// The release, empty when there is none.
    pub release: &'a str,
}

impl<'a> Evr<'a> {
    /// Reads `[epoch:]version[-release]`.
    ///
    /// # Errors
    /// When a part is empty or has a character that it cannot have.
    pub fn parse(text: &'a str) -> Result<Self, VersionError> {
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => (parse_epoch(epoch)?, rest),
            None => (0, text),
        };
        let (version, release) = match rest.rsplit_once('-') {
            Some((_, "")) => return Err(VersionError::NoRelease),
            Some(parts) => parts,
            None => (rest, ""),
        };
        Self { epoch, version, release }.checked()
    }

    /// Splits without checking: what is not a version still has a place in the order.
    pub fn split(text: &'a str) -> Self {
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
            None => (0, text),
        };
        let (version, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Self { epoch, version, release }
    }

    /// Refuses parts that no package can have.
    ///
    /// # Errors
    /// As [`Evr::parse`].
    pub fn checked(self) -> Result<Self, VersionError> {
        let good = |byte: u8| byte > b' ' && byte != 0x7f && !matches!(byte, b'-' | b':');
        if self.version.is_empty() {
            return Err(VersionError::Empty);
        }
        if self.version.len() + self.release.len() > MAX_LENGTH {
            return Err(VersionError::TooLong);
        }
        let characters = self.version.bytes().all(good) && self.release.bytes().all(good);
        if characters { Ok(self) } else { Err(VersionError::Character) }
    }
}

/// Reads an epoch.
///
/// # Errors
/// [`VersionError::Epoch`] for anything but a number from 0 to 4294967295.
pub fn parse_epoch(text: &str) -> Result<u32, VersionError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(VersionError::Epoch)
}

impl fmt::Display for Evr<'_> {
    /// Writes the epoch only when it is not 0, as `rpm` does.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.epoch != 0 {
            write!(formatter, "{}:", self.epoch)?;
        }
        formatter.write_str(self.version)?;
        if !self.release.is_empty() {
            write!(formatter, "-{}", self.release)?;
        }
        Ok(())
    }
}

impl Ord for Evr<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare_part(self.version, other.version))
            .then_with(|| compare_part(self.release, other.release))
    }
}

impl PartialOrd for Evr<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Evr<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Evr<'_> {}

/// Orders two versions, or two releases, by segments of digits and of letters. What separates them does not count.
pub fn compare_part(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        a = skip_separators(a);
        b = skip_separators(b);
        match (a.first(), b.first()) {
            (None, None) => return Ordering::Equal,
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => (a, b) = (&a[1..], &b[1..]),
            (Some(b'~'), _) => return Ordering::Less,
            // What ends here is after `~`, but before everything else; `1.0^git1` is before `1.0.1`.
            (_, Some(b'~') | None) => return Ordering::Greater,
            (None | Some(b'^'), _) => return Ordering::Less,
            (_, Some(b'^')) => return Ordering::Greater,
            (Some(first), Some(second)) => {
                let order = match (first.is_ascii_digit(), second.is_ascii_digit()) {
                    (true, true) => compare_numbers(&mut a, &mut b),
                    (false, false) => compare_words(&mut a, &mut b),
                    (of_digits, _) => of_digits.cmp(&!of_digits),
                };
                if order.is_ne() {
                    return order;
                }
            }
        }
    }
}

fn skip_separators(text: &[u8]) -> &[u8] {
    let meant = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'~' | b'^');
    &text[text.iter().position(meant).unwrap_or(text.len())..]
}

/// Compares the leading digits by value, without a limit to their length, and takes them off.
fn compare_numbers(a: &mut &[u8], b: &mut &[u8]) -> Ordering {
    let (a, b) = (number(a), number(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Takes the leading digits off and leaves out their zeros.
fn number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let digits = take(text, u8::is_ascii_digit);
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros..]
}

fn compare_words(a: &mut &[u8], b: &mut &[u8]) -> Ordering {
    take(a, u8::is_ascii_alphabetic).cmp(take(b, u8::is_ascii_alphabetic))
}

fn take<'a>(text: &mut &'a [u8], class: fn(&u8) -> bool) -> &'a [u8] {
    let end = text.iter().position(|byte| !class(byte)).unwrap_or(text.len());
    let (taken, rest) = text.split_at(end);
    *text = rest;
    taken
}
