//! What a database and a package's `.PKGINFO` both say about a package.

use super::relation::{Relation, RelationError, is_package_name};
use super::version::{Version, VersionError};

/// Why a description is refused.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// A field that must be there is not.
    #[error("field `{0}` is missing")]
    Missing(&'static str),
    /// A field stands twice, or has several values where one belongs.
    #[error("field `{0}` is given more than once")]
    Repeated(String),
    /// A section that belongs into another file of the package.
    #[error("section `{0}` is in the wrong file")]
    Misplaced(String),
    /// A value that the field cannot have.
    #[error("field `{field}` cannot be `{value}`")]
    Value {
        /// The field.
        field: String,
        /// The value, escaped.
        value: String,
    },
    /// The version is not one.
    #[error("version `{text}` is not one")]
    Version {
        /// The text.
        text: String,
        /// Why.
        source: VersionError,
    },
    /// The package's version has no release.
    #[error("version `{0}` has no release")]
    NoRelease(String),
    /// A relation is malformed.
    #[error("field `{field}` has a malformed relation `{text}`")]
    Relation {
        /// The field.
        field: String,
        /// The relation, escaped.
        text: String,
        /// Why.
        source: RelationError,
    },
}

/// A package's description. Relations are kept as text that [`Relation::parse`] reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// Name.
    pub name: String,
    /// Name of what it was built from together with others; empty when not said.
    pub base: String,
    /// `[epoch:]version-release`.
    pub version: String,
    /// One line about it.
    pub description: String,
    /// Home page.
    pub url: String,
    /// Architecture, such as `x86_64` or `any`.
    pub arch: String,
    /// Bytes when installed.
    pub installed_size: u64,
    /// When it was built, in seconds since the Unix epoch.
    pub build_date: u64,
    /// Who built it.
    pub packager: String,
    /// Licences.
    pub licenses: Vec<String>,
    /// Groups that it belongs to.
    pub groups: Vec<String>,
    /// What it needs.
    pub depends: Vec<String>,
    /// What it can use, with reasons: text for [`Relation::parse_with_reason`].
    pub optdepends: Vec<String>,
    /// What it is besides its name.
    pub provides: Vec<String>,
    /// What it cannot be installed with.
    pub conflicts: Vec<String>,
    /// What an upgrade turns into it.
    pub replaces: Vec<String>,
}

/// A value for a message: escaped and cut.
pub(super) fn shown(value: &str) -> String {
    let cut: String = value.chars().take(100).collect();
    let dots = if cut.len() < value.len() { "..." } else { "" };
    format!("{}{dots}", cut.escape_default())
}

/// The one value of a field.
pub(super) fn single<'a>(field: &str, values: &[&'a str]) -> Result<&'a str, DescriptionError> {
    match values {
        [] => Ok(""),
        [value] => Ok(value),
        _ => Err(DescriptionError::Repeated(field.to_owned())),
    }
}

/// A decimal number.
pub(super) fn number(field: &str, value: &str) -> Result<u64, DescriptionError> {
    let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let bad = || DescriptionError::Value { field: field.to_owned(), value: shown(value) };
    value.parse().ok().filter(|_| plain).ok_or_else(bad)
}

impl Description {
    /// Takes a field by its name in databases, such as `DEPENDS`; says whether it was one of ours.
    pub(super) fn set(&mut self, field: &str, values: &[&str]) -> Result<bool, DescriptionError> {
        let text = |target: &mut String| -> Result<(), DescriptionError> {
            single(field, values)?.clone_into(target);
            Ok(())
        };
        let list = |target: &mut Vec<String>| target.extend(values.iter().map(|&value| value.to_owned()));
        match field {
            "NAME" => text(&mut self.name)?,
            "BASE" => text(&mut self.base)?,
            "VERSION" => text(&mut self.version)?,
            // Some packages have a line break in it.
            "DESC" => self.description = values.join(" "),
            "URL" => text(&mut self.url)?,
            "ARCH" => text(&mut self.arch)?,
            "PACKAGER" => text(&mut self.packager)?,
            "ISIZE" | "SIZE" => self.installed_size = number(field, single(field, values)?)?,
            "BUILDDATE" => self.build_date = number(field, single(field, values)?)?,
            "LICENSE" => list(&mut self.licenses),
            "GROUPS" => list(&mut self.groups),
            "DEPENDS" => list(&mut self.depends),
            "OPTDEPENDS" => list(&mut self.optdepends),
            "PROVIDES" => list(&mut self.provides),
            "CONFLICTS" => list(&mut self.conflicts),
            "REPLACES" => list(&mut self.replaces),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Checks what later readers rely on.
    pub(super) fn check(&self) -> Result<(), DescriptionError> {
        for (field, value) in [("NAME", &self.name), ("VERSION", &self.version), ("ARCH", &self.arch)] {
            if value.is_empty() {
                return Err(DescriptionError::Missing(field));
            }
        }
        let value = |field: &str, value: &str| DescriptionError::Value {
            field: field.to_owned(),
            value: shown(value),
        };
        if !is_package_name(&self.name) {
            return Err(value("NAME", &self.name));
        }
        if !self.base.is_empty() && !is_package_name(&self.base) {
            return Err(value("BASE", &self.base));
        }
        if !self.arch.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(value("ARCH", &self.arch));
        }
        let version = Version::parse(&self.version)
            .map_err(|source| DescriptionError::Version { text: shown(&self.version), source })?;
        if version.release.is_none() {
            return Err(DescriptionError::NoRelease(self.version.clone()));
        }
        let relations = [
            ("DEPENDS", &self.depends),
            ("PROVIDES", &self.provides),
            ("CONFLICTS", &self.conflicts),
            ("REPLACES", &self.replaces),
        ];
        for (field, list) in relations {
            for text in list {
                Relation::parse(text).map_err(|source| bad_relation(field, text, source))?;
            }
        }
        for text in &self.optdepends {
            Relation::parse_with_reason(text).map_err(|source| bad_relation("OPTDEPENDS", text, source))?;
        }
        Ok(())
    }
}

fn bad_relation(field: &str, text: &str, source: RelationError) -> DescriptionError {
    DescriptionError::Relation { field: field.to_owned(), text: shown(text), source }
}
