//! Where packages come from and how they are chosen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where packages are downloaded from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mirrors {
    /// Mirrors of the base used while building, tried in order. Default: the ones of the machine that builds
    /// when it runs the same base, else the list that comes with the program.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "url"}, "x-merge" = "replace", "maxItems" = 32))]
    pub build: Vec<String>,
    /// Mirrors of the security archive used while building, where the base has a separate one.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "url"}, "x-merge" = "replace", "maxItems" = 32))]
    pub build_security: Vec<String>,
    /// Mirror that the finished system uses. Default: the official address of the base.
    #[schemars(extend("format" = "url"))]
    pub system: Option<String>,
    /// Mirror of the security archive that the finished system uses. Default: the official one.
    #[schemars(extend("format" = "url"))]
    pub system_security: Option<String>,
}

/// Suites, components, further sources, pins and the choice of packages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Repositories {
    /// Components of the base's own archive. Default: `main` for Debian, all of them for Ubuntu.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "component"}, "x-merge" = "replace", "maxItems" = 32))]
    pub components: Vec<String>,
    /// Which suites beside the release itself are used, for building and in the finished system.
    pub suites: Option<Suites>,
    /// Further package sources.
    #[serde(default)]
    #[schemars(extend("x-key" = "name", "maxItems" = 100))]
    pub sources: Vec<RepositorySource>,
    /// Preferences among versions and suites.
    #[serde(default)]
    #[schemars(extend("maxItems" = 1000))]
    pub pins: Vec<Pin>,
    /// Keywords that are accepted beside the stable one of the architecture, for all packages or for one: `~amd64`, or
    /// `dev-lang/zig ~amd64`. Gentoo alone has them.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "keyword"}, "maxItems" = 1000))]
    pub keywords: Vec<String>,
    /// Licenses that are accepted beside the free ones, for all packages or for one: `@BINARY-REDISTRIBUTABLE`, or
    /// `app-arch/unrar unRAR`. Gentoo alone masks packages by them.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "license"}, "maxItems" = 1000))]
    pub licenses: Vec<String>,
    /// Also install what packages recommend. Default: `false`.
    pub recommends: Option<bool>,
    /// Install every package of at least this priority. Default: `required`.
    pub priority: Option<Priority>,
}

/// Suites beside the release itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Suites {
    /// Stable updates, `<release>-updates`. Default: `true`.
    pub updates: Option<bool>,
    /// Security updates, `<release>-security`. Default: `true`.
    pub security: Option<bool>,
    /// Backports, `<release>-backports`, used only for packages that ask for them. Default: `false`.
    pub backports: Option<bool>,
}

/// A further package source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepositorySource {
    /// Name; also the name of the file in the finished system.
    #[schemars(extend("format" = "word"))]
    pub name: String,
    /// Address of the archive; a `file` URL is for building alone.
    #[schemars(extend("format" = "source-url"))]
    pub url: String,
    /// Suites; one that ends in `/` is a directory that holds the index itself. Default: the release.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "source-suite"}, "maxItems" = 32))]
    pub suites: Vec<String>,
    /// Components. Default: `main`.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "component"}, "maxItems" = 32))]
    pub components: Vec<String>,
    /// `OpenPGP` public key that signs the source, ASCII-armoured.
    #[schemars(extend("format" = "openpgp-key"))]
    pub signed_by: Option<String>,
    /// The same key as a file beside the spec.
    #[schemars(extend("format" = "source-path"))]
    pub signed_by_file: Option<String>,
    /// Fingerprint that the key must have.
    #[schemars(extend("format" = "fingerprint"))]
    pub fingerprint: Option<String>,
    /// Use it although nobody signs it. Everything it delivers can be forged on the way.
    #[serde(default)]
    pub unsigned: bool,
    /// Use it while building. Default: `true`.
    pub build: Option<bool>,
    /// Leave it configured in the finished system. Default: `true`.
    pub system: Option<bool>,
}

/// A preference among versions and suites, as in apt preferences. The first that means a version counts; those of
/// higher layers come first, and one for a package comes before one for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pin {
    /// Package name with `*` and `?` for any characters, `src:` and the name of a source package, or `*` for all.
    #[schemars(extend("format" = "pin-package"))]
    pub package: String,
    /// Version or pattern, for example `1.2*`. Give exactly one of this, `suite` and `host`.
    #[schemars(extend("format" = "version-pattern"))]
    pub version: Option<String>,
    /// Codename or suite, as the release file says it.
    #[schemars(extend("format" = "suite"))]
    pub suite: Option<String>,
    /// Host in the address of a source, or in `mirrors.system`.
    #[schemars(extend("format" = "host"))]
    pub host: Option<String>,
    /// Priority: below 0 never, 100 like installed, 500 normal, 990 preferred, above 1000 even downgrade. Not 0.
    #[schemars(range(min = -32768, max = 32767))]
    pub priority: i32,
}

/// Debian's priorities, as a threshold.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Only essential packages and what they need.
    Essential,
    /// `required` ones.
    #[default]
    Required,
    /// `required` and `important` ones.
    Important,
    /// `required`, `important` and `standard` ones.
    Standard,
}
