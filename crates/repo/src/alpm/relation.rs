//! Dependencies: `name`, `name>=1.2`, `libfoo.so=1-64`, and with a reason `name: why`.

use std::fmt;

use super::resolve::Arch;
use super::version;
use crate::resolve::Family as _;

pub use crate::resolve::Operator;

/// Why a relation cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RelationError {
    /// No package name where one must be, or one that cannot be.
    #[error("no proper package name")]
    Name,
    /// An operator that cannot be, or is followed by what cannot be a version.
    #[error("no proper version after the operator")]
    Version,
}

/// One dependency, provision, conflict or replacement, borrowed from its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Relation<'a> {
    /// Name of a package, of something provided, or of a shared object.
    pub name: &'a str,
    /// Bound on the version. What is provided has `=` or none.
    pub bound: Option<(Operator, &'a str)>,
}

impl<'a> Relation<'a> {
    /// Reads a relation without a reason.
    pub fn parse(text: &'a str) -> Result<Self, RelationError> {
        let at = text.find(['<', '>', '=']).unwrap_or(text.len());
        let (name, bound) = text.split_at(at);
        if !is_name(name) {
            return Err(RelationError::Name);
        }
        if bound.is_empty() {
            return Ok(Self { name, bound: None });
        }
        let operators =
            [Operator::GreaterEqual, Operator::LessEqual, Operator::Equal, Operator::Less, Operator::Greater];
        let taken = operators
            .into_iter()
            .find_map(|operator| bound.strip_prefix(Arch.sign(operator)).map(|version| (operator, version)));
        let (operator, version) = taken.ok_or(RelationError::Version)?;
        // `name>` is met in real databases; pacman compares with nothing, before which every version is later.
        let strange = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'<' | b'>' | b'=');
        if version.bytes().any(strange) {
            return Err(RelationError::Version);
        }
        Ok(Self { name, bound: Some((operator, version)) })
    }

    /// Reads `relation: reason`, as an optional dependency has it.
    pub fn parse_with_reason(text: &'a str) -> Result<(Self, Option<&'a str>), RelationError> {
        match text.split_once(": ") {
            Some((relation, reason)) => Ok((Self::parse(relation.trim_end())?, Some(reason.trim()))),
            None => Ok((Self::parse(text.trim_end().trim_end_matches(':'))?, None)),
        }
    }

    /// Whether the version of a package with this name is inside the bound.
    pub fn accepts_version(&self, version: &str) -> bool {
        self.bound.is_none_or(|(operator, bound)| operator.accepts(version::compare(version, bound)))
    }

    /// Whether something that `provides` says so satisfies this relation: a bound asks for a provision with a version.
    pub fn accepts_provision(&self, provides: &Relation<'_>) -> bool {
        if self.name != provides.name {
            return false;
        }
        match (self.bound, provides.bound) {
            (None, _) => true,
            (Some(_), Some((Operator::Equal, version))) => self.accepts_version(version),
            (Some(_), _) => false,
        }
    }
}

impl fmt::Display for Relation<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)?;
        match self.bound {
            Some((operator, version)) => write!(formatter, "{}{version}", Arch.sign(operator)),
            None => Ok(()),
        }
    }
}

/// Longest name in bytes: it is part of a file name.
const LONGEST: usize = 255;

/// Whether a relation may have this name. Names of what is provided are freer than those of packages.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST
        && !text.starts_with(['-', '.', '/'])
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a package may be called so (PKGBUILD(5), `pkgname`): letters, digits and `@._+-`, not starting with `-` or
/// `.`.
pub fn is_package_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"@._+-".contains(&byte);
    is_name(text) && text.bytes().all(allowed)
}
