//! Relations: `name>=1.0_1`, `name>=1.0<2.0`, `name-1.0_1`, `name-[0-9]*`.

use std::fmt;

use super::resolve::Void;
use super::version;
use crate::resolve::Family as _;

pub use crate::resolve::Operator;

/// Why a relation cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// No package name where one must be.
    #[error("no package name")]
    Name,
    /// An operator without a version, or with more than a lower and an upper bound.
    #[error("no proper version after the operator")]
    Version,
    /// A name without any version, where one must be.
    #[error("no version")]
    NoVersion,
}

/// Which versions a relation accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Versions<'a> {
    /// Within one bound, or between two.
    Bounds(Operator, &'a str, Option<(Operator, &'a str)>),
    /// Exactly this one.
    Exact(&'a str),
    /// Those that a shell pattern matches.
    Glob(&'a str),
    /// All: the relation is only a name.
    Any,
}

/// A relation, borrowed from its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pattern<'a> {
    /// Name of a package, or of something provided.
    pub name: &'a str,
    /// Which versions.
    pub versions: Versions<'a>,
}

impl<'a> Pattern<'a> {
    /// Reads a conflict or replacement, which may be a name alone.
    pub fn parse(text: &'a str) -> Result<Self, PatternError> {
        if let Some(at) = text.find(['<', '>']) {
            let (name, bounds) = text.split_at(at);
            return Ok(Self { name: named(name)?, versions: Self::bounds(bounds)? });
        }
        // What stands before the last `-` in front of the pattern is the name.
        let end = text.find(['*', '?', '[', ']']).unwrap_or(text.len());
        let split = text[..end].rsplit_once('-').map(|(name, _)| (name, &text[name.len() + 1..]));
        match split {
            Some((name, version)) if end < text.len() => {
                Ok(Self { name: named(name)?, versions: Versions::Glob(version) })
            }
            Some((name, version)) if version::check(version).is_ok() => {
                Ok(Self { name: named(name)?, versions: Versions::Exact(version) })
            }
            _ => Ok(Self { name: named(text)?, versions: Versions::Any }),
        }
    }

    /// Reads a dependency, which says a version.
    pub fn parse_dependency(text: &'a str) -> Result<Self, PatternError> {
        let pattern = Self::parse(text)?;
        if pattern.versions == Versions::Any { Err(PatternError::NoVersion) } else { Ok(pattern) }
    }

    fn bounds(text: &'a str) -> Result<Versions<'a>, PatternError> {
        let (operator, rest) = take(text).ok_or(PatternError::Version)?;
        let lower = matches!(operator, Operator::Greater | Operator::GreaterEqual);
        let (first, second) = match rest.find('<') {
            Some(at) if lower => {
                let upper = take(&rest[at..]).ok_or(PatternError::Version)?;
                (&rest[..at], Some(upper))
            }
            _ => (rest, None),
        };
        let proper = |version: &str| !version.is_empty() && !version.contains(['<', '>', '=', ' ', '/']);
        if !proper(first) || second.is_some_and(|(_, version)| !proper(version)) {
            return Err(PatternError::Version);
        }
        Ok(Versions::Bounds(operator, first, second))
    }

    /// Whether a package of this name, or something that is provided under it, with this version is meant.
    pub fn accepts_version(&self, version: &str) -> bool {
        match self.versions {
            Versions::Bounds(operator, bound, second) => {
                operator.accepts(version::compare(version, bound))
                    && second
                        .is_none_or(|(operator, bound)| operator.accepts(version::compare(version, bound)))
            }
            Versions::Exact(exact) => exact == version,
            Versions::Glob(pattern) => glob(pattern.as_bytes(), version.as_bytes()),
            Versions::Any => true,
        }
    }
}

impl fmt::Display for Pattern<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)?;
        match self.versions {
            Versions::Bounds(operator, bound, second) => {
                write!(formatter, "{}{bound}", Void.sign(operator))?;
                match second {
                    Some((operator, bound)) => write!(formatter, "{}{bound}", Void.sign(operator)),
                    None => Ok(()),
                }
            }
            Versions::Exact(version) | Versions::Glob(version) => write!(formatter, "-{version}"),
            Versions::Any => Ok(()),
        }
    }
}

/// Takes the operator at the start of `text`.
fn take(text: &str) -> Option<(Operator, &str)> {
    let operators = [Operator::LessEqual, Operator::GreaterEqual, Operator::Less, Operator::Greater];
    operators
        .into_iter()
        .find_map(|operator| text.strip_prefix(Void.sign(operator)).map(|rest| (operator, rest)))
}

/// The name, if it may be one.
fn named(name: &str) -> Result<&str, PatternError> {
    let proper = |byte: u8| byte.is_ascii_graphic() && !b"/<>*?[]".contains(&byte);
    let good = !name.is_empty() && name.len() <= 255 && !name.starts_with(['-', '.']);
    if good && name.bytes().all(proper) { Ok(name) } else { Err(PatternError::Name) }
}

/// Whether a shell pattern of `*`, `?` and `[...]` matches the whole text, in time linear in their product.
fn glob(mut pattern: &[u8], mut text: &[u8]) -> bool {
    // Where to go on when what follows the last `*` does not fit.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        let step = match pattern.split_first() {
            Some((b'*', rest)) => {
                star = Some((rest, text));
                pattern = rest;
                continue;
            }
            Some((first, rest)) => text
                .split_first()
                .and_then(|(byte, after)| one(*first, rest, *byte).map(|rest| (rest, after))),
            None if text.is_empty() => return true,
            None => None,
        };
        if let Some((rest, after)) = step {
            (pattern, text) = (rest, after);
            continue;
        }
        let Some((after_star, [_, later @ ..])) = star else { return false };
        star = Some((after_star, later));
        (pattern, text) = (after_star, later);
    }
}

/// What is left of the pattern when its element `first` matches the byte.
fn one(first: u8, rest: &[u8], byte: u8) -> Option<&[u8]> {
    if first == b'?' {
        return Some(rest);
    }
    let close = rest.iter().skip(1).position(|byte| *byte == b']').map(|at| at + 1);
    let Some(close) = close.filter(|_| first == b'[') else {
        return (first == byte).then_some(rest);
    };
    let (negated, set) = match rest[0] {
        b'!' | b'^' => (true, &rest[1..close]),
        _ => (false, &rest[..close]),
    };
    let mut set = set;
    let mut found = false;
    while let [low, tail @ ..] = set {
        set = if let [b'-', high, tail @ ..] = tail {
            found |= (*low..=*high).contains(&byte);
            tail
        } else {
            found |= *low == byte;
            tail
        };
    }
    (found != negated).then_some(&rest[close + 1..])
}
