//! `data/distros/debian.toml` and the archive keys, built into the program.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use lbuild_spec::model::Architecture;
use serde::Deserialize;

use crate::error::ResolveError;

/// What is data about Debian.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Distro {
    /// `debian`.
    pub name: String,
    /// Codename that `stable` stands for.
    pub stable: String,
    /// Release that the tools trees are made of.
    pub tools_release: String,
    /// Debian's architecture names by ours.
    pub architectures: BTreeMap<String, String>,
    /// Kernel packages by architecture, then by flavor.
    pub kernels: BTreeMap<String, BTreeMap<String, String>>,
    /// Packages of each init system.
    pub init: BTreeMap<String, Vec<String>>,
    /// What a live medium needs.
    pub live: Live,
    /// The releases that can be built.
    #[serde(rename = "release")]
    pub releases: Vec<Release>,
}

/// What a live medium needs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// Packages of the system.
    pub packages: Vec<String>,
}

/// One release.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// Codename, such as `trixie`.
    pub codename: String,
    /// Version, such as `13`.
    pub version: String,
    /// The example of package sources that comes with apt has a source on each line.
    #[serde(default)]
    pub old_example: bool,
    /// What a live medium of this release needs besides.
    #[serde(default)]
    live_packages: Vec<String>,
    keys: Vec<String>,
    security_keys: Vec<String>,
}

/// A repository of Debian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repository {
    /// The archive.
    Debian,
    /// The security archive.
    Security,
}

impl Repository {
    /// The name in locks and specs.
    pub fn id(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Security => "debian-security",
        }
    }

    /// The repository that holds a suite, by Debian's naming.
    pub fn of_suite(suite: &str) -> Self {
        if suite.ends_with("-security") { Self::Security } else { Self::Debian }
    }
}

impl Release {
    /// The archive keys (binary `OpenPGP` certificates) that may sign the suites of a repository.
    pub fn keyring(&self, repository: Repository) -> Vec<&'static [u8]> {
        let names = match repository {
            Repository::Debian => &self.keys,
            Repository::Security => &self.security_keys,
        };
        KEYS.iter().filter(|(name, _)| names.iter().any(|known| known == name)).map(|(_, key)| *key).collect()
    }
}

impl Distro {
    /// Debian's name of an architecture.
    pub(crate) fn architecture(&self, architecture: Architecture) -> Result<String, ResolveError> {
        let key = architecture.key();
        self.architectures.get(key).cloned().ok_or_else(|| ResolveError::Choice {
            what: key.to_owned(),
            kind: "architecture",
            base: self.name.clone(),
            known: self.architectures.keys().cloned().collect(),
        })
    }

    /// What a live medium of a release needs.
    pub fn live_packages(&self, release: Option<&str>) -> impl Iterator<Item = &String> {
        let further = self.release(release.unwrap_or("stable")).map(|release| &release.live_packages);
        self.live.packages.iter().chain(further.into_iter().flatten())
    }

    /// A release by codename, or `stable`.
    pub fn release(&self, name: &str) -> Option<&Release> {
        let codename = if name == "stable" { &self.stable } else { name };
        self.releases.iter().find(|release| release.codename == codename)
    }
}

macro_rules! keys {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../../../data/distros/keys/", $name)).as_slice())),*]
    };
}

static KEYS: &[(&str, &[u8])] = keys![
    "debian-archive-bookworm-automatic.gpg",
    "debian-archive-bookworm-security-automatic.gpg",
    "debian-archive-bookworm-stable.gpg",
    "debian-archive-trixie-automatic.gpg",
    "debian-archive-trixie-security-automatic.gpg",
    "debian-archive-trixie-stable.gpg",
];

/// Debian's data.
pub fn distro() -> &'static Distro {
    static DISTRO: OnceLock<Distro> = OnceLock::new();
    DISTRO.get_or_init(|| match toml::from_str(include_str!("../../../../../data/distros/debian.toml")) {
        Ok(distro) => distro,
        Err(error) => unreachable!("the built-in data is checked by a test: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_release_has_its_keys() {
        let debian = distro();
        assert!(debian.release("stable").is_some());
        for release in &debian.releases {
            assert_eq!(release.keyring(Repository::Debian).len(), release.keys.len());
            assert_eq!(release.keyring(Repository::Security).len(), release.security_keys.len());
        }
    }

    #[test]
    fn a_suite_tells_its_repository() {
        assert_eq!(Repository::of_suite("trixie-security"), Repository::Security);
        assert_eq!(Repository::of_suite("trixie-updates"), Repository::Debian);
    }
}
