//! What to install.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Packages: a list, or a table of categories and switches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Packages {
    /// A plain list.
    List(#[schemars(extend("maxItems" = 20000))] Vec<PackageEntry>),
    /// Categories (`development = ["gcc"]`) and switches (`htop = true`).
    Table(
        #[schemars(extend("propertyNames" = {"format": "package-key"}, "maxProperties" = 20000))]
        BTreeMap<String, CategoryOrSwitch>,
    ),
}

/// The value of one key in a table of packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CategoryOrSwitch {
    /// The key is a category such as `base`, `development`, `ai_ml`, `security`, `networking`, `databases`,
    /// `servers`, `multimedia` or `utils`, and this is what it holds.
    Category(#[schemars(extend("maxItems" = 20000))] Vec<PackageEntry>),
    /// The key is a package: `true` installs it, `false` keeps it out.
    Switch(bool),
}

/// One package: its name with an optional version or suite, or the same as a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PackageEntry {
    /// `name`, `name=version`, `name (>= version)` or `name/suite`. A plain `name` may be a common one, such as
    /// `docker`: the table of package names says what the base calls it.
    Text(#[schemars(extend("format" = "package-request"))] String),
    /// The parts by name.
    Table(PackageTable),
}

/// One package as a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageTable {
    /// Name of the package.
    #[schemars(extend("format" = "package-name"))]
    pub name: String,
    /// The name is the base's own: it is not looked up in the table of package names.
    pub native: Option<bool>,
    /// Version: `1.2-3` for exactly this one, or a relation such as `>= 1.2`.
    #[schemars(extend("format" = "version-relation"))]
    pub version: Option<String>,
    /// Suite that it must come from, for example `trixie-backports`.
    #[schemars(extend("format" = "release"))]
    pub suite: Option<String>,
}
