//! Dependency fields: `a (>= 1) | b:any, c`.

use super::ascii::Class;
use super::version;
use crate::resolve::{Atom, Constraint, Operator};

/// The sign of an operator as Debian writes it; the last two kinds do not occur here.
pub fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Less => "<<",
        Operator::LessEqual => "<=",
        Operator::Equal | Operator::Like | Operator::Revision => "=",
        Operator::GreaterEqual => ">=",
        Operator::Greater => ">>",
    }
}

/// Takes the sign at the start of `text`. `<` and `>` alone are the old spelling of `<=` and `>=`.
fn take_operator(text: &str) -> Option<(Operator, &str)> {
    let table = [
        ("<<", Operator::Less),
        ("<=", Operator::LessEqual),
        (">>", Operator::Greater),
        (">=", Operator::GreaterEqual),
        ("=", Operator::Equal),
        ("<", Operator::LessEqual),
        (">", Operator::GreaterEqual),
    ];
    table.into_iter().find_map(|(sign, operator)| text.strip_prefix(sign).map(|rest| (operator, rest)))
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

/// Reads `>= 1.2`, `(>= 1.2)` or `=1.2`; a version alone means exactly this version.
pub fn constraint(text: &str) -> Result<Constraint, RelationError> {
    let inner = text.trim();
    let inner = inner.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(inner).trim();
    let (operator, version) = take_operator(inner).unwrap_or((Operator::Equal, inner));
    let version = version.trim();
    version::Version::parse(version)
        .map_err(|source| RelationError::Version { text: text.to_owned(), source })?;
    Ok(Constraint { operator, version: version.to_owned() })
}

/// Reads one alternative: `name`, `name:arch` or either with `(op version)`. A trailing `[arch]` or `<profile>` is
/// refused: binary packages do not have them.
pub fn atom(text: &str) -> Result<Atom<'_>, RelationError> {
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
        return Ok(Atom { name, qualifier, bound: None });
    }
    let bad_bound = || RelationError::Bound(clip(text));
    let inner = rest.strip_prefix('(').ok_or_else(|| RelationError::Trailing(clip(text)))?;
    let (inner, after) = inner.split_once(')').ok_or_else(bad_bound)?;
    if !after.trim().is_empty() {
        return Err(RelationError::Trailing(clip(text)));
    }
    let (operator, version) = take_operator(inner.trim()).ok_or_else(bad_bound)?;
    let version = version.trim();
    if version.is_empty() || version.contains(char::is_whitespace) {
        return Err(bad_bound());
    }
    Ok(Atom { name, qualifier, bound: Some((operator, version)) })
}

/// Whether `version` is inside the bound of `atom`.
pub fn accepts(atom: &Atom<'_>, version: &str) -> bool {
    atom.bound.is_none_or(|(operator, bound)| operator.accepts(version::compare(version, bound)))
}

/// The relations of a field, which commas separate; empty ones are skipped, as dpkg does at the end of a field.
pub fn relations(field: &str) -> impl Iterator<Item = &str> {
    field.split(',').map(str::trim).filter(|relation| !relation.is_empty())
}

/// The alternatives of one relation.
pub fn alternatives(relation: &str) -> impl Iterator<Item = Result<Atom<'_>, RelationError>> {
    relation.split('|').map(atom)
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
