//! Dependencies of RPM packages: `name >= 1:2.0-3`, and boolean ("rich") ones such as `(a if b else c)`.
//!
//! [`Dependency::parse`] reads both (rpm-dependencies(7)). [`Bound`] says when two version ranges meet.

mod rich;

use std::cmp::Ordering;
use std::fmt;

use super::version::{Evr, VersionError, compare_part};

pub use rich::{Dependency, RichError};

/// How a version is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `=`
    Equal,
    /// `>=`
    GreaterEqual,
    /// `>`
    Greater,
}

impl Operator {
    /// The sign as rpm writes it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Equal => "=",
            Self::GreaterEqual => ">=",
            Self::Greater => ">",
        }
    }

    /// The operator that metadata calls `EQ`, `LT`, `GT`, `LE` or `GE`.
    pub fn from_flags(flags: &str) -> Option<Self> {
        Some(match flags {
            "LT" => Self::Less,
            "LE" => Self::LessEqual,
            "EQ" => Self::Equal,
            "GE" => Self::GreaterEqual,
            "GT" => Self::Greater,
            _ => return None,
        })
    }

    /// The operator with that sign; `==` is an old spelling.
    pub fn from_sign(sign: &str) -> Option<Self> {
        Some(match sign {
            "<" => Self::Less,
            "<=" => Self::LessEqual,
            "=" | "==" => Self::Equal,
            ">=" => Self::GreaterEqual,
            ">" => Self::Greater,
            _ => return None,
        })
    }

    fn less(self) -> bool {
        matches!(self, Self::Less | Self::LessEqual)
    }

    fn equal(self) -> bool {
        matches!(self, Self::LessEqual | Self::Equal | Self::GreaterEqual)
    }

    fn greater(self) -> bool {
        matches!(self, Self::Greater | Self::GreaterEqual)
    }
}

/// A range of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound<'a> {
    /// On which side of the version.
    pub operator: Operator,
    /// The version; without a release it stands for every release.
    pub evr: Evr<'a>,
}

impl<'a> Bound<'a> {
    /// The range of one version.
    pub fn exactly(evr: Evr<'a>) -> Self {
        Self { operator: Operator::Equal, evr }
    }

    /// Whether some version lies in both ranges, as `rpmdsCompare` of rpm decides it.
    pub fn meets(&self, other: &Self) -> bool {
        let (a, b) = (self.operator, other.operator);
        if (a.less() && b.less()) || (a.greater() && b.greater()) {
            return true;
        }
        let order = self
            .evr
            .epoch
            .cmp(&other.evr.epoch)
            .then_with(|| compare_part(self.evr.version, other.evr.version));
        let order = match (order, self.evr.release.is_empty(), other.evr.release.is_empty()) {
            (Ordering::Equal, false, false) => compare_part(self.evr.release, other.evr.release),
            // A version without release that may be equal has every release.
            (Ordering::Equal, true, false) if a.equal() => return true,
            (Ordering::Equal, false, true) if b.equal() => return true,
            (order, ..) => order,
        };
        match order {
            Ordering::Less => a.greater() || b.less(),
            Ordering::Greater => a.less() || b.greater(),
            Ordering::Equal => a.equal() && b.equal(),
        }
    }
}

impl fmt::Display for Bound<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.operator.sign(), self.evr)
    }
}

/// Why a text is not a dependency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelationError {
    /// No name, or one with a character that it cannot have.
    #[error("`{0}` does not start with a name")]
    Name(String),
    /// A sign that is not an operator, or an operator without a version.
    #[error("`{0}` has no proper version bound")]
    Bound(String),
    /// The version of the bound is not a version.
    #[error("`{text}` has no proper version")]
    Version {
        /// The dependency.
        text: String,
        /// What is wrong with it.
        source: VersionError,
    },
    /// Something stands after the end of the dependency.
    #[error("`{0}` has unexpected text at its end")]
    Trailing(String),
    /// A boolean dependency is malformed.
    #[error("`{text}` is not a proper boolean dependency")]
    Rich {
        /// The dependency.
        text: String,
        /// What is wrong with it.
        source: RichError,
    },
}

/// A name (a package, a capability or a file) with the versions that it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Atom<'a> {
    /// The name: of a package, a capability such as `libc.so.6()(64bit)`, or the absolute path of a file.
    pub name: &'a str,
    /// Which versions; none means all.
    pub bound: Option<Bound<'a>>,
    /// The version of the bound as it was written; empty when there is none, or when it came in parts.
    pub written: &'a str,
}

impl<'a> Atom<'a> {
    /// Reads `name` or `name operator [epoch:]version[-release]`.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &'a str) -> Result<Self, RelationError> {
        let mut words = text.split_ascii_whitespace();
        let name =
            words.next().filter(|name| is_name(name)).ok_or_else(|| RelationError::Name(clip(text)))?;
        let Some(sign) = words.next() else { return Ok(Self { name, bound: None, written: "" }) };
        let operator = Operator::from_sign(sign).ok_or_else(|| RelationError::Bound(clip(text)))?;
        let version = words.next().ok_or_else(|| RelationError::Bound(clip(text)))?;
        let evr =
            Evr::parse(version).map_err(|source| RelationError::Version { text: clip(text), source })?;
        match words.next() {
            Some(_) => Err(RelationError::Trailing(clip(text))),
            None => Ok(Self { name, bound: Some(Bound { operator, evr }), written: version }),
        }
    }

    /// Whether a capability of that name and range fulfils this. A capability without version has every version.
    pub fn accepts(&self, name: &str, version: Option<&Bound<'_>>) -> bool {
        self.name == name && self.bound.zip(version).is_none_or(|(wanted, has)| wanted.meets(has))
    }

    /// Whether this asks for a feature of rpm itself, such as `rpmlib(PayloadIsZstd)`.
    pub fn is_rpmlib(&self) -> bool {
        self.name.starts_with("rpmlib(")
    }

    /// Whether this asks for a file.
    pub fn is_file(&self) -> bool {
        self.name.starts_with('/')
    }
}

impl fmt::Display for Atom<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)?;
        self.bound.map_or(Ok(()), |bound| write!(formatter, " {bound}"))
    }
}

/// Whether `name` can be the name of a capability: visible characters that are not those of a boolean dependency.
pub fn is_name(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|byte| !matches!(byte, b'(' | b')' | b'<' | b'=' | b'>'))
        && name.bytes().all(|byte| byte > b' ' && byte != 0x7f)
}

fn clip(text: &str) -> String {
    text.chars().take(160).collect()
}
