//! The lockfile: exactly which packages a build uses, for the system and for its tools.
//!
//! TOML with one line per package, in a stable order, so that a diff of two locks reads like a list of upgrades.
//! It names repositories, not mirrors: the same lock works wherever a mirror of them is.

use std::fmt::Write as _;

use lbuild_store::Digest;
use serde::{Deserialize, Serialize};

/// Version of the lockfile format that this program writes.
pub const FORMAT: u32 = 2;

/// First line of every lockfile, whatever its format.
pub const HEADING: &str =
    "# Made by `lbuild lock`. It names every package by digest; keep it beside the spec.\n";

/// Exactly what a build uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lock {
    /// Format version, [`FORMAT`].
    pub version: u32,
    /// Name of the image.
    pub name: String,
    /// Base, such as `debian`.
    pub base: String,
    /// Release codename, such as `trixie`.
    pub release: String,
    /// Architecture in the base's own words, such as `amd64`.
    pub architecture: String,
    /// SHA-256 of the effective spec.
    pub spec: Digest,
    /// `SOURCE_DATE_EPOCH`: seconds since 1970, the date of the release's own suite. It moves with point releases, not
    /// with every update, so that what did not change need not be built again.
    pub epoch: i64,
    /// The indexes that the packages were chosen from.
    pub index: Vec<LockedIndex>,
    /// The preferences by which they were chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<String>,
    /// Packages that were forced against what relations say, as `name=version`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forced: Vec<String>,
    /// Packages of the system.
    pub system: Vec<LockedPackage>,
    /// Packages of the tools that make the images.
    pub tools: Vec<LockedPackage>,
    /// Packages of the tools that boot an image, present when a boot check is asked for.
    #[serde(default)]
    pub boot: Vec<LockedPackage>,
}

/// One suite of one repository, as it was when the lock was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockedIndex {
    /// Repository, such as `debian`, `debian-security`, or `source/` and the name of a source of the spec.
    pub repository: String,
    /// Address of a source of the spec; Debian's own repositories have many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Suite, such as `trixie-updates`.
    pub suite: String,
    /// Components, such as `main`.
    pub components: Vec<String>,
    /// SHA-256 of the signed release file.
    pub release: Digest,
    /// `Date` of the release file, seconds since 1970.
    pub date: i64,
    /// Fingerprint of the key that signed it; empty when nobody did.
    pub signed_by: String,
    /// SHA-256 of the key of a source as the spec gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Digest>,
}

/// One package file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockedPackage {
    /// Package name.
    pub name: String,
    /// Full version.
    pub version: String,
    /// Architecture of the package, `all` included.
    pub arch: String,
    /// Tree layer that it is installed in.
    #[serde(default, skip_serializing_if = "Tier::is_base")]
    pub tier: Tier,
    /// Repository, such as `debian`.
    pub repository: String,
    /// Path below the root of the repository.
    pub path: String,
    /// Size of the file in bytes.
    pub size: u64,
    /// Size of the unpacked files in bytes, as the index says.
    pub installed_size: u64,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// What asked for it first: a request of the spec, or the package that depends on it.
    pub requested_by: String,
    /// Only other packages ask for it, so that the finished system may remove it with the last of them (see
    /// `apt-mark(8)`). What the spec or the base set asks for is never marked, whatever else depends on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto: bool,
}

/// The tree layer of a package.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// The essential packages, the kernel, and what the initramfs is made of.
    Core,
    /// The closure of what the spec's lower layers ask for.
    #[default]
    Base,
    /// What comes on top.
    Added,
}

impl Tier {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_base(&self) -> bool {
        *self == Self::Base
    }
}

/// What every format of the lockfile has.
#[derive(Deserialize)]
struct Header {
    version: u32,
}

/// Why a lockfile cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Not a lockfile.
    #[error("`{file}` is not a lockfile of lbuild")]
    Syntax {
        /// The file.
        file: String,
        /// What the reader says, with line and column.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A newer or unknown format.
    #[error("`{file}` has lockfile format {found}, this program reads format {FORMAT}")]
    Format {
        /// The file.
        file: String,
        /// The format that it names.
        found: u32,
    },
    /// A value that no lock of ours has.
    #[error("`{file}` holds a wrong {what} for package `{package}`: `{value}`")]
    Value {
        /// The file.
        file: String,
        /// The field.
        what: &'static str,
        /// The package.
        package: String,
        /// The value.
        value: String,
    },
}

impl Lock {
    /// Reads a lockfile; `file` is its name for messages.
    pub fn parse(text: &str, file: &str) -> Result<Self, LockError> {
        let syntax = |source| LockError::Syntax { file: file.to_owned(), source: Box::new(source) };
        // another format may have other fields, so its number is looked at first
        let Header { version } = toml::from_str(text).map_err(syntax)?;
        if version != FORMAT {
            return Err(LockError::Format { file: file.to_owned(), found: version });
        }
        let lock: Self = toml::from_str(text).map_err(syntax)?;
        for package in lock.packages() {
            package.check(file)?;
        }
        Ok(lock)
    }

    /// The text of the lockfile.
    pub fn to_text(&self) -> String {
        let mut out = String::from(HEADING);
        let _ = writeln!(out, "version = {}", self.version);
        for (key, value) in [
            ("name", &self.name),
            ("base", &self.base),
            ("release", &self.release),
            ("architecture", &self.architecture),
            ("spec", &self.spec.to_string()),
        ] {
            let _ = writeln!(out, "{key} = {}", quoted(value));
        }
        let _ = writeln!(out, "epoch = {}", self.epoch);
        out.push_str("\nindex = [\n");
        for index in &self.index {
            let _ = writeln!(out, "    {},", inline(index));
        }
        out.push_str("]\n");
        for (key, texts) in [("pins", &self.pins), ("forced", &self.forced)] {
            if !texts.is_empty() {
                let lines: Vec<String> =
                    texts.iter().map(|text| format!("    {},\n", quoted(text))).collect();
                let _ = writeln!(out, "\n{key} = [\n{}]", lines.concat());
            }
        }
        for (key, packages) in [("system", &self.system), ("tools", &self.tools), ("boot", &self.boot)] {
            let _ = writeln!(out, "\n{key} = [");
            for package in packages {
                let _ = writeln!(out, "    {},", inline(package));
            }
            out.push_str("]\n");
        }
        out
    }

    /// SHA-256 of the lockfile's text.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_text().as_bytes())
    }

    /// Every package, of the system and of the tools.
    pub fn packages(&self) -> impl Iterator<Item = &LockedPackage> {
        self.system.iter().chain(&self.tools).chain(&self.boot)
    }
}

impl LockedPackage {
    fn check(&self, file: &str) -> Result<(), LockError> {
        let wrong = |what, value: &str| LockError::Value {
            file: file.to_owned(),
            what,
            package: self.name.clone(),
            value: value.to_owned(),
        };
        let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        if !self.path.split('/').all(plain) || self.path.contains(['\\', '\0', '?', '#']) {
            return Err(wrong("path", &self.path));
        }
        Ok(())
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// An inline table on one line, fields in the order of the type.
fn inline<T: Serialize>(value: &T) -> String {
    match toml::Value::try_from(value) {
        Ok(value) => value.to_string(),
        Err(_) => unreachable!("lock entries hold strings, numbers and lists only"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Lock {
        let package = LockedPackage {
            name: "bash".into(),
            version: "5.2.37-2+b5".into(),
            arch: "amd64".into(),
            tier: Tier::Added,
            repository: "debian".into(),
            path: "pool/main/b/bash/bash_5.2.37-2+b5_amd64.deb".into(),
            size: 1,
            installed_size: 2,
            sha256: Digest([0xab; 32]),
            requested_by: "base-files".into(),
            auto: true,
        };
        Lock {
            version: FORMAT,
            name: "demo".into(),
            base: "debian".into(),
            release: "trixie".into(),
            architecture: "amd64".into(),
            spec: Digest([0xcd; 32]),
            epoch: 1_757_663_741,
            index: vec![LockedIndex {
                repository: "debian".into(),
                url: None,
                suite: "trixie".into(),
                components: vec!["main".into()],
                release: Digest([0xef; 32]),
                date: 1_757_663_741,
                signed_by: "00".repeat(20),
                key: None,
            }],
            pins: vec![],
            forced: vec![],
            system: vec![package.clone()],
            tools: vec![LockedPackage { tier: Tier::Base, auto: false, ..package }],
            boot: vec![],
        }
    }

    #[test]
    fn a_lock_survives_its_own_text() {
        let lock = sample();
        let text = lock.to_text();
        assert_eq!(Lock::parse(&text, "x.lock").unwrap(), lock);
        assert_eq!(text.lines().filter(|line| line.contains("bash")).count(), 2, "one line per package");
        assert_eq!(text.matches("auto = ").count(), 1, "only where it says something");
    }

    #[test]
    fn a_path_that_climbs_is_refused() {
        let text = sample().to_text().replace("pool/main", "pool/../..");
        let error = Lock::parse(&text, "x.lock").unwrap_err();
        assert!(error.to_string().contains("wrong path"), "{error}");
    }

    #[test]
    fn another_format_is_named() {
        let text = sample().to_text().replace("version = 2\n", "version = 9\n");
        assert!(matches!(Lock::parse(&text, "x"), Err(LockError::Format { found: 9, .. })));
    }
}
