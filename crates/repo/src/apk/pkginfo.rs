//! `.PKGINFO`, the description inside of a package: `key = value` lines and remarks.

use super::relation;

/// Why a `.PKGINFO` cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PkgInfoError {
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    NotText,
    /// A line that is not `key = value`.
    #[error("line {line} is not `key = value`")]
    Line {
        /// Line number from 1.
        line: usize,
    },
    /// A key that may stand once stands twice.
    #[error("line {line} repeats the key `{key}`")]
    Repeated {
        /// Line number from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// A value that the key cannot have.
    #[error("line {line} has a bad value for `{key}`")]
    Value {
        /// Line number from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// A key that must be there.
    #[error("it has no key `{0}`")]
    Missing(&'static str),
}

/// The description of a package. Keys that are not there are empty or 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PkgInfo {
    /// `pkgname`.
    pub name: String,
    /// `pkgver`.
    pub version: String,
    /// `arch`.
    pub arch: String,
    /// `pkgdesc`.
    pub description: String,
    /// `url`.
    pub url: String,
    /// `license`.
    pub license: String,
    /// `origin`: the source package.
    pub origin: String,
    /// `maintainer`.
    pub maintainer: String,
    /// `packager`.
    pub packager: String,
    /// `commit` of the recipe.
    pub commit: String,
    /// `size`: bytes of the installed files.
    pub installed_size: u64,
    /// `builddate`: seconds since 1970.
    pub build_time: u64,
    /// `depend`, each as written.
    pub depends: Vec<String>,
    /// `provides`, each as written.
    pub provides: Vec<String>,
    /// `install_if`, each as written.
    pub install_if: Vec<String>,
    /// `replaces`, each as written.
    pub replaces: Vec<String>,
    /// `triggers`: directories whose change starts the trigger script.
    pub triggers: Vec<String>,
    /// `provider_priority`.
    pub provider_priority: u64,
    /// `replaces_priority`.
    pub replaces_priority: u64,
    /// `datahash`: SHA-256 of the data member, compressed as it is.
    pub data_hash: [u8; 32],
}

impl PkgInfo {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is malformed, has no name, version or digest of the data, or a name or version that is not safe in a path.
    pub fn parse(content: &[u8]) -> Result<Self, PkgInfoError> {
        let text = std::str::from_utf8(content).map_err(|_| PkgInfoError::NotText)?;
        let mut info = Self::default();
        let mut seen = Vec::new();
        let mut data_hash = None;
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = index + 1;
            let (key, value) = line.split_once(" = ").ok_or(PkgInfoError::Line { line: number })?;
            if let Some(list) = info.list(key) {
                list.extend(relation::words(value).map(str::to_owned));
                continue;
            }
            if seen.contains(&key) {
                return Err(PkgInfoError::Repeated { line: number, key: key.escape_debug().to_string() });
            }
            seen.push(key);
            let fits = match key {
                "datahash" => {
                    let mut hash = [0; 32];
                    let fits = hex::decode_to_slice(value, &mut hash).is_ok();
                    data_hash = Some(hash);
                    fits
                }
                _ => info.set(key, value),
            };
            if !fits {
                return Err(PkgInfoError::Value { line: number, key: key.escape_debug().to_string() });
            }
        }
        info.data_hash = data_hash.ok_or(PkgInfoError::Missing("datahash"))?;
        match () {
            () if info.name.is_empty() => Err(PkgInfoError::Missing("pkgname")),
            () if info.version.is_empty() => Err(PkgInfoError::Missing("pkgver")),
            () => Ok(info),
        }
    }

    /// The list that a key adds to.
    fn list(&mut self, key: &str) -> Option<&mut Vec<String>> {
        Some(match key {
            "depend" => &mut self.depends,
            "provides" => &mut self.provides,
            "install_if" => &mut self.install_if,
            "replaces" => &mut self.replaces,
            "triggers" => &mut self.triggers,
            _ => return None,
        })
    }

    /// Sets a single value; `false` when it is not one that the key can have. Unknown keys are passed over: "there is no
    /// centralized list of known keys" (apk-v2(5)).
    fn set(&mut self, key: &str, value: &str) -> bool {
        let number = |target: &mut u64| value.parse().map(|number| *target = number).is_ok();
        let target = match key {
            "pkgname" if !relation::is_package_name(value) => return false,
            "pkgver" if !super::stanza::is_safe_version(value) => return false,
            "size" => return number(&mut self.installed_size),
            "builddate" => return number(&mut self.build_time),
            "provider_priority" => return number(&mut self.provider_priority),
            "replaces_priority" => return number(&mut self.replaces_priority),
            "pkgname" => &mut self.name,
            "pkgver" => &mut self.version,
            "arch" => &mut self.arch,
            "pkgdesc" => &mut self.description,
            "url" => &mut self.url,
            "license" => &mut self.license,
            "origin" => &mut self.origin,
            "maintainer" => &mut self.maintainer,
            "packager" => &mut self.packager,
            "commit" => &mut self.commit,
            _ => return true,
        };
        value.clone_into(target);
        true
    }
}
