//! `modules.yaml`: which packages belong to a stream of a module (modulemd), so that they are taken with it only.
//!
//! A modular package competes with its like in other streams and outside of modules. Nothing here enables streams on
//! its own but the default ones of the repository; [`Modules::hidden`] names the packages of all others.

mod yaml;

use std::collections::{BTreeMap, BTreeSet};

pub use yaml::YamlError;
use yaml::{Node, documents};

/// Why modules cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ModulesError {
    /// The text is not YAML as it should be.
    #[error("the modules are malformed")]
    Yaml(#[from] YamlError),
    /// A document lacks a part.
    #[error("a document of kind `{document}` has no proper `{part}`")]
    Missing {
        /// The kind of document.
        document: String,
        /// What is missing.
        part: &'static str,
    },
    /// A version of the format that nobody here knows.
    #[error("a document of kind `{document}` has the unknown version `{version}`")]
    Version {
        /// The kind of document.
        document: String,
        /// The version.
        version: String,
    },
}

/// One build of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stream {
    /// Name of the module.
    pub module: String,
    /// Name of the stream.
    pub stream: String,
    /// Number of the build; the highest counts.
    pub version: u64,
    /// What it was built against.
    pub context: String,
    /// Architecture.
    pub arch: String,
    /// Its packages, each as `name-epoch:version-release.arch`.
    pub artifacts: Vec<String>,
    /// Alternatives of other modules that it needs, each with the streams that fit (none: any).
    pub requires: Vec<BTreeMap<String, Vec<String>>>,
    /// Named sets of packages to install.
    pub profiles: BTreeMap<String, Vec<String>>,
}

/// The modules of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modules {
    /// Every build of every stream.
    pub streams: Vec<Stream>,
    /// Which stream of a module is used when none is asked for.
    pub defaults: BTreeMap<String, String>,
}

impl Modules {
    /// Reads the documents of a `modules.yaml`. Translations, end-of-life notes and packager documents are passed over.
    ///
    /// # Errors
    /// When a document is malformed.
    pub fn parse(text: &str) -> Result<Self, ModulesError> {
        let mut modules = Self::default();
        for document in documents(text)? {
            let kind = document.get("document").and_then(Node::text).unwrap_or_default();
            let version = document.get("version").and_then(Node::text).unwrap_or_default();
            let data = document.get("data");
            let known = |versions: &[&str]| {
                if !versions.contains(&version) {
                    let (document, version) = (kind.to_owned(), version.to_owned());
                    return Err(ModulesError::Version { document, version });
                }
                data.ok_or_else(|| missing(kind, "data"))
            };
            match kind {
                "modulemd" => modules.streams.push(read_stream(known(&["1", "2"])?)?),
                "modulemd-defaults" => {
                    let data = known(&["1"])?;
                    let module = data.get("module").and_then(Node::text);
                    let module = module.ok_or_else(|| missing(kind, "module"))?;
                    if let Some(stream) = data.get("stream").and_then(Node::text) {
                        modules.defaults.insert(module.to_owned(), stream.to_owned());
                    }
                }
                "" => return Err(missing(kind, "document")),
                _ => {}
            }
        }
        Ok(modules)
    }

    /// The packages (as `name-epoch:version-release.arch`) that may not be taken when only the streams that `enabled`
    /// names (module to stream) and, for other modules, the default streams are used.
    pub fn hidden<'a>(&'a self, enabled: &BTreeMap<String, String>) -> BTreeSet<&'a str> {
        let (on, off): (Vec<&Stream>, Vec<&Stream>) =
            self.streams.iter().partition(|stream| self.is_enabled(stream, enabled));
        let artifacts = |streams: &[&'a Stream]| -> BTreeSet<&'a str> {
            streams.iter().flat_map(|stream| &stream.artifacts).map(String::as_str).collect()
        };
        let shown = artifacts(&on);
        artifacts(&off).difference(&shown).copied().collect()
    }

    /// Whether packages of this stream may be taken.
    pub fn is_enabled(&self, stream: &Stream, enabled: &BTreeMap<String, String>) -> bool {
        let chosen = enabled.get(&stream.module).or_else(|| self.defaults.get(&stream.module));
        chosen.is_some_and(|chosen| *chosen == stream.stream)
    }
}

fn missing(document: &str, part: &'static str) -> ModulesError {
    ModulesError::Missing { document: document.chars().take(40).collect(), part }
}

fn read_stream(data: &Node) -> Result<Stream, ModulesError> {
    let text = |part: &'static str| data.get(part).and_then(Node::text).map(str::to_owned);
    let need = |part| text(part).filter(|text| !text.is_empty()).ok_or_else(|| missing("modulemd", part));
    let version = match text("version") {
        Some(version) => version.parse().map_err(|_| missing("modulemd", "version"))?,
        None => 0,
    };
    let artifacts = data.get("artifacts").and_then(|artifacts| artifacts.get("rpms"));
    let profiles = data.get("profiles").map(Node::entries).unwrap_or_default();
    let profiles = profiles
        .iter()
        .map(|(name, profile)| (name.clone(), profile.get("rpms").map(Node::texts).unwrap_or_default()));
    let alternatives = data.get("dependencies").map(Node::items).unwrap_or_default();
    let requires = alternatives.iter().filter_map(|one| one.get("requires"));
    let requires = requires
        .map(|one| one.entries().iter().map(|(module, streams)| (module.clone(), streams.texts())).collect());
    Ok(Stream {
        module: need("name")?,
        stream: need("stream")?,
        version,
        context: text("context").unwrap_or_default(),
        arch: text("arch").unwrap_or_default(),
        artifacts: artifacts.map(Node::texts).unwrap_or_default(),
        requires: requires.collect(),
        profiles: profiles.collect(),
    })
}
