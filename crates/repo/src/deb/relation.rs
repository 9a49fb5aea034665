//! Dependency fields: `a (>= 1) | b:any, c`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::ascii::Class;
use super::version;

/// How a version is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Operator {
    /// `<<`
    Less,
    /// `<=`
    LessEqual,
    /// `=`
    Equal,
    /// `>=`
    GreaterEqual,
    /// `>>`
    Greater,
}

impl Operator {
    /// The sign as Debian writes it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Less => "<<",
            Self::LessEqual => "<=",
            Self::Equal => "=",
            Self::GreaterEqual => ">=",
            Self::Greater => ">>",
        }
    }

    /// Whether a version that compares so with the bound is inside.
    pub fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::LessEqual => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::GreaterEqual => order.is_ge(),
            Self::Greater => order.is_gt(),
        }
    }

    /// Takes the sign at the start of `text`. `<` and `>` alone are the old spelling of `<=` and `>=`.
    fn take(text: &str) -> Option<(Self, &str)> {
        let table = [
            ("<<", Self::Less),
            ("<=", Self::LessEqual),
            (">>", Self::Greater),
            (">=", Self::GreaterEqual),
            ("=", Self::Equal),
            ("<", Self::LessEqual),
            (">", Self::GreaterEqual),
        ];
        table.into_iter().find_map(|(sign, operator)| text.strip_prefix(sign).map(|rest| (operator, rest)))
    }
}

/// Why a relation cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelationError {
    /// No package name where one must be.
    #[error("`{0}` does not start with a package name")]
    Name(String),
    /// A parenthesis without a proper bound.
    #[error("`{0}` has no proper version bound in its parentheses")]
    Bound(String),
    /// Something stands after the end of the relation.
    #[error("`{0}` has unexpected text at its end")]
    Trailing(String),
    /// The version of the bound is not a version.
    #[error("`{text}` has no proper version")]
    Version {
        /// The relation.
        text: String,
        /// What is wrong with the version.
        source: version::VersionError,
    },
}

/// A bound on a version, such as `>= 1.2`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Constraint {
    /// How.
    pub operator: Operator,
    /// The version text.
    pub version: String,
}

impl Constraint {
    /// Whether `version` is inside.
    pub fn accepts(&self, version: &str) -> bool {
        self.operator.accepts(version::compare(version, &self.version))
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operator.sign(), self.version)
    }
}

impl FromStr for Constraint {
    type Err = RelationError;

    /// Reads `>= 1.2`, `(>= 1.2)` or `=1.2`; a version alone means exactly this version.
    fn from_str(text: &str) -> Result<Self, RelationError> {
        let inner = text.trim();
        let inner = inner.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(inner).trim();
        let (operator, version) = Operator::take(inner).unwrap_or((Operator::Equal, inner));
        let version = version.trim();
        version::Version::parse(version)
            .map_err(|source| RelationError::Version { text: text.to_owned(), source })?;
        Ok(Self { operator, version: version.to_owned() })
    }
}

/// One alternative of a relation, borrowed from the field's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Atom<'a> {
    /// Package name.
    pub name: &'a str,
    /// What stands after the `:`, such as `any` or `amd64`; empty when nothing does.
    pub qualifier: &'a str,
    /// Bound on the version.
    pub bound: Option<(Operator, &'a str)>,
}

impl<'a> Atom<'a> {
    /// Reads `name`, `name:arch` or either with `(op version)`. A trailing `[arch]` or `<profile>` is refused: binary
    /// packages do not have them.
    pub fn parse(text: &'a str) -> Result<Self, RelationError> {
        let text = text.trim();
        let (name, mut rest) = text.split_at(stretch(text, b"(:"));
        if !is_name(name) {
            return Err(RelationError::Name(clip(text)));
        }
        let mut qualifier = "";
        if let Some(after) = rest.strip_prefix(':') {
            (qualifier, rest) = after.split_at(stretch(after, b"("));
            if !is_name(qualifier) {
                return Err(RelationError::Name(clip(text)));
            }
        }
        let rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(Self { name, qualifier, bound: None });
        }
        let bad_bound = || RelationError::Bound(clip(text));
        let inner = rest.strip_prefix('(').ok_or_else(|| RelationError::Trailing(clip(text)))?;
        let (inner, after) = inner.split_once(')').ok_or_else(bad_bound)?;
        if !after.trim().is_empty() {
            return Err(RelationError::Trailing(clip(text)));
        }
        let (operator, version) = Operator::take(inner.trim()).ok_or_else(bad_bound)?;
        let version = version.trim();
        if version.is_empty() || version.contains(char::is_whitespace) {
            return Err(bad_bound());
        }
        Ok(Self { name, qualifier, bound: Some((operator, version)) })
    }

    /// Whether `version` is inside the bound.
    pub fn accepts(&self, version: &str) -> bool {
        self.bound.is_none_or(|(operator, bound)| operator.accepts(version::compare(version, bound)))
    }
}

/// The relations of a field, which commas separate; empty ones are skipped, as dpkg does at the end of a field.
pub fn relations(field: &str) -> impl Iterator<Item = &str> {
    field.split(',').map(str::trim).filter(|relation| !relation.is_empty())
}

/// The alternatives of one relation.
pub fn alternatives(relation: &str) -> impl Iterator<Item = Result<Atom<'_>, RelationError>> {
    relation.split('|').map(Atom::parse)
}

/// Whether `name` has the form of a package name: at least one letter or digit, then letters, digits, `+`, `-`, `.`.
///
/// Upper case is accepted because some third-party repositories use it.
pub fn is_name(name: &str) -> bool {
    static CHARACTERS: Class = Class::alphanumeric_and(b"+-._");
    let bytes = name.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric) && CHARACTERS.has_all(bytes)
}

/// The length of the text before white space or one of `ends`, which are ASCII: a boundary of characters.
fn stretch(text: &str, ends: &[u8]) -> usize {
    let is_end = |byte: u8| byte.is_ascii_whitespace() || ends.contains(&byte);
    text.bytes().position(is_end).unwrap_or(text.len())
}

fn clip(text: &str) -> String {
    text.chars().take(120).collect()
}
