//! What was asked for, package by package.

use serde::Serialize;

/// One package that the spec asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageRequest {
    /// Name of the package in the base.
    pub name: String,
    /// The name in the spec, when the base calls it otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// Version that it must have.
    pub version: Option<VersionRequest>,
    /// Suite that it must come from.
    pub suite: Option<String>,
    /// Which tree layer it belongs to.
    pub tier: Tier,
    /// Category in the spec, when it was written in one.
    pub category: Option<String>,
}

/// A relation and a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionRequest {
    /// The relation.
    pub relation: Relation,
    /// The version, in the syntax of the base.
    pub version: String,
}

/// How a version is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Relation {
    /// Strictly older.
    #[serde(rename = "<<")]
    Earlier,
    /// Older or the same.
    #[serde(rename = "<=")]
    EarlierOrEqual,
    /// The same.
    #[serde(rename = "=")]
    Equal,
    /// Newer or the same.
    #[serde(rename = ">=")]
    LaterOrEqual,
    /// Strictly newer.
    #[serde(rename = ">>")]
    Later,
}

/// Which tree layer a request belongs to: changing an added package leaves the base tree as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Tier {
    /// Requested by `openingStatement`, `platform`, or in the category `base`.
    Base,
    /// Everything else.
    Added,
}

impl Relation {
    /// The operator in Debian's notation.
    pub const fn operator(self) -> &'static str {
        match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        }
    }
}
