//! Debian version order (Debian Policy 5.6.12), as `dpkg --compare-versions` decides it.

use std::cmp::Ordering;

use super::ascii::Class;

/// Why a text is not a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Nothing, or only white space.
    #[error("version is empty")]
    Empty,
    /// White space inside the version.
    #[error("version has embedded white space")]
    Space,
    /// What stands before the first `:` is not a number from 0 to 2147483647.
    #[error("epoch is not a number from 0 to 2147483647")]
    Epoch,
    /// Nothing stands after the epoch.
    #[error("nothing after the colon of the epoch")]
    NoUpstream,
    /// The text after the last `-` is empty.
    #[error("revision is empty")]
    NoRevision,
    /// A character that a version cannot have, or an upstream version that does not start with a digit.
    #[error("invalid character in version")]
    Character,
}

/// A version split into its three parts, borrowed from its text.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// The number before the first `:`, 0 when there is none.
    pub epoch: u32,
    /// The part up to the last `-`.
    pub upstream: &'a str,
    /// The part after the last `-`, empty when there is none.
    pub revision: &'a str,
}

/// What a version may be made of.
static CHARACTERS: Class = Class::alphanumeric_and(b".-+~:");

impl<'a> Version<'a> {
    /// Checks and splits `text`, as strictly as `dpkg` does.
    pub fn parse(text: &'a str) -> Result<Self, VersionError> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(VersionError::Empty);
        }
        let strange = text.bytes().find(|byte| !CHARACTERS.has(*byte));
        if strange.is_some_and(|byte| byte.is_ascii_whitespace() || byte == b'\x0b') {
            return Err(VersionError::Space);
        }
        let version = Self::split(text);
        if let Some((epoch, _)) = text.split_once(':') {
            let digits = !epoch.is_empty() && epoch.bytes().all(|b| b.is_ascii_digit());
            if !digits || !epoch.parse::<i32>().is_ok_and(|number| number >= 0) {
                return Err(VersionError::Epoch);
            }
        }
        if version.upstream.is_empty() {
            return Err(VersionError::NoUpstream);
        }
        if text.ends_with('-') {
            return Err(VersionError::NoRevision);
        }
        let starts_well = version.upstream.as_bytes()[0].is_ascii_digit();
        if strange.is_some() || !starts_well || version.revision.contains(':') {
            return Err(VersionError::Character);
        }
        Ok(version)
    }

    /// Splits without checking: what is not a version still has a place in the order.
    pub fn split(text: &'a str) -> Self {
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
            None => (0, text),
        };
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Self { epoch, upstream, revision }
    }
}

impl Ord for Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare_part(self.upstream.as_bytes(), other.upstream.as_bytes()))
            .then_with(|| compare_part(self.revision.as_bytes(), other.revision.as_bytes()))
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

/// Orders two version texts.
pub fn compare(a: &str, b: &str) -> Ordering {
    if a == b { Ordering::Equal } else { Version::split(a).cmp(&Version::split(b)) }
}

/// The weight of a byte in the non-digit stretch: `~` before the end, letters before everything else.
fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        None => 0,
        Some(b'~') => -1,
        Some(b) if b.is_ascii_digit() => 0,
        Some(b) if b.is_ascii_alphabetic() => i32::from(*b),
        Some(b) => i32::from(*b) + 256,
    }
}

fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    let starts_with_text = |part: &[u8]| part.first().is_some_and(|c| !c.is_ascii_digit());
    while !a.is_empty() || !b.is_empty() {
        while starts_with_text(a) || starts_with_text(b) {
            let order = weight(a.first()).cmp(&weight(b.first()));
            if order.is_ne() {
                return order;
            }
            a = a.get(1..).unwrap_or_default();
            b = b.get(1..).unwrap_or_default();
        }
        let (number_a, rest_a) = take_number(a);
        let (number_b, rest_b) = take_number(b);
        let order = number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b));
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

/// Takes the leading digits without their zeros, so that numbers of any length compare without overflow.
fn take_number(part: &[u8]) -> (&[u8], &[u8]) {
    let end = part.iter().position(|c| !c.is_ascii_digit()).unwrap_or(part.len());
    let (digits, rest) = part.split_at(end);
    let zeros = digits.iter().take_while(|c| **c == b'0').count();
    (&digits[zeros..], rest)
}
