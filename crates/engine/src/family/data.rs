//! `data/distros/<base>.toml` of every base but Debian and Ubuntu, built into the program.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use lbuild_spec::model::Base;
use serde::Deserialize;

/// What is data about a base.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Distribution {
    /// The key of the base.
    pub name: String,
    /// Release that `stable`, and no release at all, stands for.
    pub stable: String,
    /// Mirrors by the documentation of the base, without a slash at the end.
    pub mirrors: Vec<String>,
    /// Requests that every system makes, unless the spec removes them; none where the system comes another way.
    pub base: Vec<String>,
    /// The base's own names of architectures, by ours.
    pub architectures: BTreeMap<String, String>,
    /// Kernel packages by architecture, then by flavor.
    #[serde(default)]
    pub kernels: BTreeMap<String, BTreeMap<String, String>>,
    /// Whom packages are trusted from where that is a web of trust.
    #[serde(default)]
    pub keyring: Option<WebOfTrust>,
    /// Packages of each init system, where the base offers several.
    #[serde(default)]
    pub init: BTreeMap<String, Vec<String>>,
    /// The signed lists of the newest stage archives by architecture, then by init system, where systems come from those.
    #[serde(default)]
    pub stages: BTreeMap<String, BTreeMap<String, String>>,
    /// Fingerprints of the keys of each use, where certificates come another way.
    #[serde(default)]
    pub certificates: BTreeMap<String, Vec<String>>,
    /// The releases that can be resolved.
    #[serde(rename = "release")]
    pub releases: Vec<Release>,
    /// The repositories, in the order of preference.
    #[serde(rename = "repository")]
    pub repositories: Vec<Repository>,
}

/// The keyring package of pacman: a packager's key counts when enough masters certify it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebOfTrust {
    /// Package that holds the certificates.
    pub package: String,
    /// Directory in it.
    pub directory: String,
    /// Name of the keyring, without its suffix.
    pub name: String,
    /// Fingerprints of the master keys.
    pub masters: Vec<String>,
}

/// One release.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// Name in paths, such as `3.22`; `rolling` where there are no releases.
    pub name: String,
    /// What stands for it in paths, where that is not its name.
    #[serde(default)]
    pub directory: Option<String>,
    /// Other names of it, such as a codename.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Files in `data/distros/keys` that may sign its indexes; empty where the base signs packages only.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Fingerprints of those keys, where the family names keys by them.
    #[serde(default)]
    pub fingerprints: Vec<String>,
    /// Profiles by architecture, then by init system, where the base has them.
    #[serde(default)]
    pub profiles: BTreeMap<String, BTreeMap<String, String>>,
}

/// One repository of a release.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Repository {
    /// Name in specs and locks.
    pub id: String,
    /// Directory below the mirror; `{release}` and `{arch}` are filled in. Locations of packages are relative to it.
    pub path: String,
    /// The file that lists the packages, below `path`.
    pub index: String,
    /// The signature beside it, where it does not carry one itself.
    #[serde(default)]
    pub signature: Option<String>,
    /// Used unless the spec lists others.
    #[serde(default)]
    pub default: bool,
    /// The architectures that have it, in our words; empty means all.
    #[serde(default)]
    pub architectures: Vec<String>,
    /// The releases that have it; empty means all.
    #[serde(default)]
    pub releases: Vec<String>,
}

impl Distribution {
    /// A release by name, or `stable`.
    pub fn release(&self, name: &str) -> Option<&Release> {
        let name = if name == "stable" { &self.stable } else { name };
        self.releases.iter().find(|release| release.name == name || release.aliases.iter().any(|a| a == name))
    }
}

impl Release {
    /// The keys that may sign its indexes, with their file names.
    pub fn keys(&self) -> Vec<(&'static str, &'static [u8])> {
        let used = |name: &&str| self.keys.iter().any(|known| known == name);
        KEYS.iter().filter(|(name, _)| used(name)).copied().collect()
    }
}

impl Repository {
    /// Whether a release has it for an architecture, in our words.
    pub fn is_of(&self, release: &Release, architecture: &str) -> bool {
        let has = |list: &[String], wanted: &str| list.is_empty() || list.iter().any(|known| known == wanted);
        has(&self.architectures, architecture) && has(&self.releases, &release.name)
    }

    /// Its directory below a mirror; `arch` is in the base's own words.
    pub fn directory(&self, release: &Release, arch: &str) -> String {
        let directory = release.directory.as_ref().unwrap_or(&release.name);
        self.path.replace("{release}", directory).replace("{arch}", arch)
    }
}

macro_rules! distributions {
    ($($base:ident = $name:literal),* $(,)?) => {
        &[$((Base::$base, include_str!(concat!("../../../../data/distros/", $name, ".toml")))),*]
    };
}

macro_rules! keys {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../../data/distros/keys/", $name)).as_slice())),*]
    };
}

static TEXTS: &[(Base, &str)] = distributions![
    Alpine = "alpine",
    Arch = "arch",
    Fedora = "fedora",
    Gentoo = "gentoo",
    Opensuse = "opensuse",
    Void = "void",
];

static KEYS: &[(&str, &[u8])] = keys![
    "alpine-devel@lists.alpinelinux.org-5261cecb.rsa.pub",
    "alpine-devel@lists.alpinelinux.org-58199dcc.rsa.pub",
    "alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub",
    "alpine-devel@lists.alpinelinux.org-616ae350.rsa.pub",
    "fedora-43-primary.gpg",
    "fedora-44-primary.gpg",
    "opensuse-16-backports.gpg",
    "opensuse-2022.gpg",
    "void-linux.plist",
];

/// What is data about a base; `None` for those of Debian's family, which have their own form.
pub fn distribution(base: Base) -> Option<&'static Distribution> {
    static READ: OnceLock<BTreeMap<Base, Distribution>> = OnceLock::new();
    let read = |text: &str| match toml::from_str(text) {
        Ok(distribution) => distribution,
        Err(error) => unreachable!("the built-in data is checked by a test: {error}"),
    };
    READ.get_or_init(|| TEXTS.iter().map(|(base, text)| (*base, read(text))).collect()).get(&base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_of_every_base_is_whole() {
        for (base, text) in TEXTS {
            let data: Distribution = toml::from_str(text).unwrap_or_else(|error| panic!("{base:?}: {error}"));
            assert_eq!(data.name, base.key());
            let stable = data.release("stable").expect("the stable release is one of the releases");
            assert!(!data.mirrors.is_empty(), "{base:?}");
            for release in &data.releases {
                assert_eq!(release.keys().len(), release.keys.len(), "{base:?} {}", release.name);
                for architecture in data.architectures.keys() {
                    let usual = |repository: &&Repository| repository.default;
                    let usual = data.repositories.iter().filter(usual);
                    let there = usual.filter(|repository| repository.is_of(release, architecture)).count();
                    assert!(there > 0, "{base:?} {} {architecture}", release.name);
                }
            }
            for repository in &data.repositories {
                let directory = repository.directory(stable, "x86_64");
                assert!(!directory.contains('{') && !directory.starts_with('/'), "{directory}");
            }
        }
    }

    #[test]
    fn every_key_file_is_of_some_release() {
        let used: Vec<&str> = TEXTS
            .iter()
            .filter_map(|(base, _)| distribution(*base))
            .flat_map(|data| &data.releases)
            .flat_map(|release| release.keys.iter().map(String::as_str))
            .collect();
        for (name, _) in KEYS {
            assert!(used.contains(name), "{name} is not used");
        }
    }
}
