//! The index of a repository, `ARCH-repodata`: a compressed tar of `index.plist` (what there is), `index-meta.plist` (the
//! repository's key) and `stage.plist` (what waits for other packages to be built, which nobody installs).

use std::io::{BufRead, BufReader, Read};

use super::keys::{KeyError, RepositoryKey};
use super::pattern::{Pattern, PatternError};
use super::plist::{self, Dictionary, PlistError, Value};
use super::version::{PkgVer, VersionError};
use crate::compress::Capped;
use crate::tar::{Archive, Kind, Policy, TarError};

/// Bytes of a decompressed index; that of Void has about 40 MB.
const MAX_INDEX: u64 = 1 << 30;

/// Why an index is refused.
#[derive(Debug, thiserror::Error)]
pub enum RepodataError {
    /// The compressed tar is broken or hostile.
    #[error("the archive of the index is refused")]
    Archive(#[from] TarError),
    /// A member that does not belong there, or not in this order.
    #[error("unexpected `{0}` in the index")]
    Unexpected(String),
    /// There is no `index.plist`.
    #[error("the index has no `index.plist`")]
    NoIndex,
    /// A property list is malformed.
    #[error("`{member}` is malformed")]
    Plist {
        /// Its name.
        member: &'static str,
        /// Why.
        source: PlistError,
    },
    /// The key of the repository cannot be used.
    #[error("the key of the repository is refused")]
    Key(#[source] KeyError),
    /// A package is refused.
    #[error("package `{name}` is refused")]
    Package {
        /// Its name, escaped.
        name: String,
        /// Why.
        source: PackageError,
    },
}

/// Why a package's properties are refused.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A property that must be there is not.
    #[error("property `{0}` is missing")]
    Missing(&'static str),
    /// A value of another type, or one that the property cannot have.
    #[error("property `{0}` has a value that it cannot have")]
    Value(&'static str),
    /// The name and version are malformed.
    #[error("`{text}` is not `name-version_revision`")]
    PkgVer {
        /// The text, escaped.
        text: String,
        /// Why.
        source: VersionError,
    },
    /// The index has it under another name.
    #[error("it is called `{0}`")]
    OtherName(String),
    /// A relation is malformed.
    #[error("property `{property}` has a malformed relation `{text}`")]
    Relation {
        /// The property.
        property: &'static str,
        /// The relation, escaped.
        text: String,
        /// Why.
        source: PatternError,
    },
}

/// A link that packages take turns to own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// Name of the group of which one package is chosen, such as `vi`.
    pub group: String,
    /// The link, below `/usr/bin` or next to its target when it is not absolute.
    pub link: String,
    /// What it points to.
    pub target: String,
}

/// A package of an index, or what a package says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    /// Name.
    pub name: String,
    /// `version_revision`.
    pub version: String,
    /// Architecture, such as `x86_64-musl` or `noarch`.
    pub architecture: String,
    /// Bytes of its file; 0 in the package itself.
    pub size: u64,
    /// Digest of its file; only zeros in the package itself.
    pub sha256: [u8; 32],
    /// Bytes when installed.
    pub installed_size: u64,
    /// One line about it.
    pub short_desc: String,
    /// Home page.
    pub homepage: String,
    /// Licence expression.
    pub license: String,
    /// Who looks after it.
    pub maintainer: String,
    /// What it was built from together with others; empty when not said.
    pub source: String,
    /// What it needs: text for [`Pattern::parse_dependency`].
    pub run_depends: Vec<String>,
    /// What it is besides its name: text for [`PkgVer::parse`]. Some packages forget the revision; nothing that is asked
    /// for matches that.
    pub provides: Vec<String>,
    /// What it takes the place of: text for [`Pattern::parse`].
    pub replaces: Vec<String>,
    /// What it cannot be installed with: text for [`Pattern::parse`].
    pub conflicts: Vec<String>,
    /// Versions of itself that it may follow although they are newer.
    pub reverts: Vec<String>,
    /// Shared objects that it needs, such as `libc.so.6`.
    pub shlib_requires: Vec<String>,
    /// Shared objects that it has.
    pub shlib_provides: Vec<String>,
    /// Files that keep the changes of the administrator, as absolute paths.
    pub conf_files: Vec<String>,
    /// Links that it can own.
    pub alternatives: Vec<Alternative>,
}

/// An index.
#[derive(Debug, Clone, Default)]
pub struct Repodata {
    /// The packages, in the order of the index.
    pub packages: Vec<Package>,
    /// The key that packages are signed with; none when the repository is not signed.
    pub key: Option<RepositoryKey>,
    /// How many packages wait in `stage.plist`.
    pub staged: usize,
}

/// Reads a whole index.
pub fn read(reader: impl BufRead + Send) -> Result<Repodata, RepodataError> {
    let plain = Capped::new(reader, MAX_INDEX).map_err(TarError::Read)?;
    let mut archive = Archive::new(plain, Policy { max_entries: 16, ..Policy::strict() });
    let mut repodata = Repodata::default();
    let mut next = 0;
    while let Some(entry) = archive.next_entry()? {
        let name = entry.path.escape_ascii().to_string();
        if entry.kind != Kind::File || next >= MEMBERS.len() || name != MEMBERS[next] {
            return Err(RepodataError::Unexpected(name));
        }
        // What is not there is left empty.
        if entry.size > 0 {
            let content = BufReader::new(archive.content());
            match next {
                0 => read_index(content, &mut repodata.packages)?,
                1 => repodata.key = read_meta(content)?,
                _ => repodata.staged = read_stage(content)?,
            }
        }
        next += 1;
    }
    if next == 0 { Err(RepodataError::NoIndex) } else { Ok(repodata) }
}

/// The members of an index, in their order; the last is not in older ones.
const MEMBERS: [&str; 3] = ["index.plist", "index-meta.plist", "stage.plist"];

/// What old versions of xbps write instead of an empty `index-meta.plist`.
const NO_META: &[u8] = b"DEADBEEF";

fn read_index(content: impl BufRead, packages: &mut Vec<Package>) -> Result<(), RepodataError> {
    /// Keeps apart what is wrong with the list and with a package.
    enum Failure {
        Plist(PlistError),
        Package(String, PackageError),
    }
    impl From<PlistError> for Failure {
        fn from(source: PlistError) -> Self {
            Self::Plist(source)
        }
    }
    let taken = plist::read_each(content, |name, value| {
        let failed = |source| Failure::Package(name.clone(), source);
        let Value::Dictionary(properties) = value else { return Err(failed(PackageError::Value("package"))) };
        let package = Package::indexed(&properties).map_err(failed)?;
        if package.name != name {
            return Err(failed(PackageError::OtherName(package.name)));
        }
        packages.push(package);
        Ok(())
    });
    taken.map_err(|failure| match failure {
        Failure::Plist(source) => RepodataError::Plist { member: MEMBERS[0], source },
        Failure::Package(name, source) => RepodataError::Package { name: shown(&name), source },
    })
}

fn read_meta(mut content: impl BufRead) -> Result<Option<RepositoryKey>, RepodataError> {
    let mut text = Vec::new();
    let failed = |source| RepodataError::Plist { member: MEMBERS[1], source };
    content.by_ref().take(1 << 20).read_to_end(&mut text).map_err(TarError::from)?;
    if text == NO_META {
        return Ok(None);
    }
    let meta = plist::read(text.as_slice()).map_err(failed)?;
    if meta.get("public-key").is_none() {
        return Ok(None);
    }
    RepositoryKey::from_dictionary(&meta).map(Some).map_err(RepodataError::Key)
}

fn read_stage(content: impl BufRead) -> Result<usize, RepodataError> {
    let staged =
        plist::read(content).map_err(|source| RepodataError::Plist { member: MEMBERS[2], source })?;
    Ok(staged.iter().count())
}

impl Package {
    /// The properties of a package in an index.
    fn indexed(properties: &Dictionary) -> Result<Self, PackageError> {
        let mut package = Self::described(properties)?;
        package.size = number(properties, "filename-size")?.ok_or(PackageError::Missing("filename-size"))?;
        let digest = text(properties, "filename-sha256")?;
        hex::decode_to_slice(&digest, &mut package.sha256)
            .map_err(|_| PackageError::Value("filename-sha256"))?;
        Ok(package)
    }

    /// The properties that a package in an index and the package itself have.
    pub(super) fn described(properties: &Dictionary) -> Result<Self, PackageError> {
        let pkgver = text(properties, "pkgver")?;
        if pkgver.is_empty() {
            return Err(PackageError::Missing("pkgver"));
        }
        let parsed =
            PkgVer::parse(&pkgver).map_err(|source| PackageError::PkgVer { text: shown(&pkgver), source })?;
        let architecture = text(properties, "architecture")?;
        let proper = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if architecture.is_empty() || !architecture.bytes().all(proper) {
            return Err(PackageError::Value("architecture"));
        }
        let package = Self {
            name: parsed.name.to_owned(),
            version: parsed.version.to_owned(),
            architecture,
            installed_size: number(properties, "installed_size")?.unwrap_or(0),
            short_desc: text(properties, "short_desc")?,
            homepage: text(properties, "homepage")?,
            license: text(properties, "license")?,
            maintainer: text(properties, "maintainer")?,
            source: text(properties, "sourcepkg")?,
            run_depends: list(properties, "run_depends")?,
            provides: list(properties, "provides")?,
            replaces: list(properties, "replaces")?,
            conflicts: list(properties, "conflicts")?,
            reverts: list(properties, "reverts")?,
            shlib_requires: list(properties, "shlib-requires")?,
            shlib_provides: list(properties, "shlib-provides")?,
            conf_files: list(properties, "conf_files")?,
            alternatives: alternatives(properties)?,
            ..Self::default()
        };
        package.check_relations()?;
        Ok(package)
    }

    /// Name of its file beside the index.
    pub fn filename(&self) -> String {
        format!("{}-{}.{}.xbps", self.name, self.version, self.architecture)
    }

    fn check_relations(&self) -> Result<(), PackageError> {
        let bad =
            |property, text: &str, source| PackageError::Relation { property, text: shown(text), source };
        for text in &self.run_depends {
            Pattern::parse_dependency(text).map_err(|source| bad("run_depends", text, source))?;
        }
        for (property, list) in [("replaces", &self.replaces), ("conflicts", &self.conflicts)] {
            for text in list {
                Pattern::parse(text).map_err(|source| bad(property, text, source))?;
            }
        }
        Ok(())
    }
}

/// A property that is text; empty when it is not there.
fn text(properties: &Dictionary, key: &'static str) -> Result<String, PackageError> {
    match properties.get(key) {
        None => Ok(String::new()),
        Some(Value::Text(text)) if !text.chars().any(char::is_control) => Ok(text.clone()),
        Some(_) => Err(PackageError::Value(key)),
    }
}

fn number(properties: &Dictionary, key: &'static str) -> Result<Option<u64>, PackageError> {
    match properties.get(key) {
        None => Ok(None),
        Some(Value::Integer(number)) => {
            u64::try_from(*number).map(Some).map_err(|_| PackageError::Value(key))
        }
        Some(_) => Err(PackageError::Value(key)),
    }
}

fn list(properties: &Dictionary, key: &'static str) -> Result<Vec<String>, PackageError> {
    match properties.get(key) {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) => values.iter().map(|value| item(value, key)).collect(),
        Some(_) => Err(PackageError::Value(key)),
    }
}

/// A member of a list: text without white space at its ends.
fn item(value: &Value, key: &'static str) -> Result<String, PackageError> {
    match value {
        Value::Text(text) if !text.is_empty() && !text.chars().any(char::is_control) => Ok(text.clone()),
        _ => Err(PackageError::Value(key)),
    }
}

fn alternatives(properties: &Dictionary) -> Result<Vec<Alternative>, PackageError> {
    const KEY: &str = "alternatives";
    let groups = match properties.get(KEY) {
        None => return Ok(Vec::new()),
        Some(Value::Dictionary(groups)) => groups,
        Some(_) => return Err(PackageError::Value(KEY)),
    };
    let mut found = Vec::new();
    for (group, links) in groups.iter() {
        let Value::Array(links) = links else { return Err(PackageError::Value(KEY)) };
        for link in links {
            let text = item(link, KEY)?;
            let (link, target) = text.split_once(':').ok_or(PackageError::Value(KEY))?;
            let (group, link, target) = (group.to_owned(), link.to_owned(), target.to_owned());
            found.push(Alternative { group, link, target });
        }
    }
    Ok(found)
}

/// Text for a message: escaped and cut.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(100).collect::<String>().escape_default().to_string()
}
