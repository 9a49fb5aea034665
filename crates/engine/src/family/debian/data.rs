//! `data/distros/debian.toml`, `data/distros/ubuntu.toml` and the keys of the archives, built into the program.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use lbuild_spec::model::{Architecture, Base};
use serde::Deserialize;

use crate::error::ResolveError;

/// What is data about a base of Debian's family.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Distro {
    /// `debian` or `ubuntu`.
    pub name: String,
    /// Codename that `stable` stands for.
    pub stable: String,
    /// Release that the tools trees are made of; the base itself if it is not named.
    #[serde(default)]
    tools_release: Option<String>,
    /// Components that are used unless a spec lists others.
    pub components: Vec<String>,
    /// Mirrors of the archive carry the security updates as well.
    #[serde(default)]
    pub security_on_mirrors: bool,
    /// The base's own names of architectures, by ours.
    pub architectures: BTreeMap<String, String>,
    /// The suites of a release; its own is the first.
    #[serde(rename = "pocket")]
    pub pockets: Vec<Pocket>,
    /// Public mirrors by architecture, then by repository.
    #[serde(default)]
    pub mirrors: BTreeMap<String, BTreeMap<String, String>>,
    /// Kernel packages by architecture, then by flavor.
    pub kernels: BTreeMap<String, BTreeMap<String, String>>,
    /// Packages of each init system.
    pub init: BTreeMap<String, Vec<String>>,
    /// What a live medium needs.
    pub live: Live,
    /// The releases that are known.
    #[serde(rename = "release")]
    pub releases: Vec<Release>,
}

/// One suite of every release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pocket {
    /// What follows the codename, such as `updates`; empty for the release's own suite.
    #[serde(default)]
    pub name: String,
    /// The repository that holds it, in locks and specs.
    pub repository: String,
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
    /// Keys of the security archive, where it has others.
    #[serde(default)]
    security_keys: Vec<String>,
}

impl Pocket {
    /// Name of the suite in a release.
    pub fn suite(&self, codename: &str) -> String {
        if self.name.is_empty() { codename.to_owned() } else { format!("{codename}-{}", self.name) }
    }

    /// Whether it holds security updates.
    pub fn is_security(&self) -> bool {
        self.name == "security"
    }
}

impl Release {
    /// The archive keys (binary `OpenPGP` certificates) that may sign a suite.
    pub fn keyring(&self, pocket: &Pocket) -> Vec<&'static [u8]> {
        let names = match self.security_keys.as_slice() {
            [_, ..] if pocket.is_security() => &self.security_keys,
            _ => &self.keys,
        };
        KEYS.iter().filter(|(name, _)| names.iter().any(|known| known == name)).map(|(_, key)| *key).collect()
    }
}

impl Distro {
    /// The base's own name of an architecture.
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

    /// A release by codename or version, or `stable`.
    pub fn release(&self, name: &str) -> Option<&Release> {
        let name = if name == "stable" { &self.stable } else { name };
        self.releases.iter().find(|release| release.codename == name || release.version == name)
    }

    /// Codename of the release that the tools trees are made of.
    pub fn tools_release(&self) -> &str {
        self.tools_release.as_deref().unwrap_or(&self.stable)
    }

    /// Its repositories, each once; that of the archive is the first.
    pub fn repositories(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for pocket in &self.pockets {
            if !all.contains(&pocket.repository.as_str()) {
                all.push(&pocket.repository);
            }
        }
        all
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
    "ubuntu-archive-2018.gpg",
];

fn read(text: &str) -> Distro {
    match toml::from_str(text) {
        Ok(distro) => distro,
        Err(error) => unreachable!("the built-in data is checked by a test: {error}"),
    }
}

/// Debian's data.
pub fn distro() -> &'static Distro {
    static DISTRO: OnceLock<Distro> = OnceLock::new();
    DISTRO.get_or_init(|| read(include_str!("../../../../../data/distros/debian.toml")))
}

fn ubuntu() -> &'static Distro {
    static DISTRO: OnceLock<Distro> = OnceLock::new();
    DISTRO.get_or_init(|| read(include_str!("../../../../../data/distros/ubuntu.toml")))
}

/// The data of a base; `None` for those that are not of this family.
pub fn distro_of(base: Base) -> Option<&'static Distro> {
    match base {
        Base::Debian => Some(distro()),
        Base::Ubuntu => Some(ubuntu()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both() -> [&'static Distro; 2] {
        [distro(), ubuntu()]
    }

    #[test]
    fn every_release_has_its_keys() {
        for distro in both() {
            assert!(distro.release("stable").is_some() && distro.release(distro.tools_release()).is_some());
            for release in &distro.releases {
                for pocket in &distro.pockets {
                    let own = pocket.is_security() && !release.security_keys.is_empty();
                    let names = if own { &release.security_keys } else { &release.keys };
                    assert_eq!(
                        release.keyring(pocket).len(),
                        names.len(),
                        "{} {}",
                        release.codename,
                        pocket.name
                    );
                }
            }
        }
    }

    #[test]
    fn every_key_is_of_some_release() {
        let releases = || both().into_iter().flat_map(|distro| &distro.releases);
        let used: Vec<&String> =
            releases().flat_map(|release| release.keys.iter().chain(&release.security_keys)).collect();
        for (name, _) in KEYS {
            assert!(used.iter().any(|known| known == name), "{name} is not used");
        }
    }

    #[test]
    fn a_suite_is_in_the_repository_of_its_pocket() {
        let suites = |distro: &Distro, codename: &str| -> Vec<(String, String)> {
            let pockets = distro.pockets.iter();
            pockets.map(|pocket| (pocket.suite(codename), pocket.repository.clone())).collect()
        };
        let owned = |pairs: [(&str, &str); 4]| pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec();
        let expected = [
            ("trixie", "debian"),
            ("trixie-updates", "debian"),
            ("trixie-security", "debian-security"),
            ("trixie-backports", "debian"),
        ];
        assert_eq!(suites(distro(), "trixie"), owned(expected));
        let expected = [
            ("noble", "ubuntu"),
            ("noble-updates", "ubuntu"),
            ("noble-security", "ubuntu-security"),
            ("noble-backports", "ubuntu"),
        ];
        assert_eq!(suites(ubuntu(), "noble"), owned(expected));
    }

    #[test]
    fn public_mirrors_are_of_known_architectures_and_repositories() {
        assert!(distro().mirrors.is_empty());
        let ubuntu = ubuntu();
        for arch in ubuntu.architectures.values() {
            let mirrors: Vec<&str> = ubuntu.mirrors[arch].keys().map(String::as_str).collect();
            assert_eq!(mirrors, ubuntu.repositories(), "{arch}");
            assert!(ubuntu.kernels[arch].contains_key("default"), "{arch}");
        }
        assert_ne!(ubuntu.mirrors["amd64"], ubuntu.mirrors["arm64"], "arm64 is a port");
    }
}
