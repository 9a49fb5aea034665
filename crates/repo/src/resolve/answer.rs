//! What resolving gives: a set of packages, or why there is none.

use serde::Serialize;

use super::Family;
use crate::index::{Digest, Package};

/// One package of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Package name.
    pub name: String,
    /// Version text.
    pub version: String,
    /// Architecture, possibly one that fits every machine.
    pub arch: String,
    /// Bytes of the archive.
    pub size: u64,
    /// Bytes of the unpacked files, as the index says.
    pub installed_size_bytes: u64,
    /// Path below [`Selected::base_url`].
    pub location: String,
    /// What [`Selected::location`] is relative to.
    pub base_url: String,
    /// Digest of the archive.
    pub digest: Digest,
    /// Suite or repository it comes from.
    pub suite: String,
    /// Component it comes from.
    pub component: String,
    /// Source package.
    pub source: String,
    /// The request, the package or the rule (`essential`, `priority important`) that first asked for it.
    pub requested_by: String,
    /// No request and no rule is about it: it is there for the sake of other packages, and a package tool may take it
    /// away with the last of them.
    pub automatic: bool,
}

impl Selected {
    pub(super) fn new(
        family: &dyn Family,
        package: Package<'_>,
        requested_by: String,
        automatic: bool,
    ) -> Self {
        let source = package.source();
        Self {
            name: package.name().to_owned(),
            version: package.version().to_owned(),
            arch: package.arch().to_owned(),
            size: package.size(),
            installed_size_bytes: package.installed_size(),
            location: family.location(package),
            base_url: source.base_url.clone(),
            digest: package.digest(),
            suite: source.suite.clone(),
            component: source.component.clone(),
            source: package.source_name().to_owned(),
            requested_by,
            automatic,
        }
    }
}

/// The result: packages by name, then architecture, then version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// The packages.
    pub packages: Vec<Selected>,
}

/// A request that is part of the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Root {
    /// The request as text, such as `exim4`, `without systemd` or `priority important`.
    pub request: String,
    /// Which of [`Request::packages`](super::Request::packages) (or, for a removal, [`Request::remove`](super::Request::remove)) it is; `None` for the base set.
    pub index: Option<usize>,
    /// It is a removal.
    pub removal: bool,
}

/// One step of the reason: `from` `relation` `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// A package with its version, or a request.
    pub from: String,
    /// `requests`, `depends on`, `conflicts with`, `breaks`, `provides`, ...
    pub relation: String,
    /// A package, a dependency text, or `nothing`.
    pub to: String,
}

/// A change to the request that was tried and works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// What to do, in words.
    pub label: String,
    /// The same as data: all of these together.
    pub changes: Vec<Change>,
    /// What it changes in the result.
    pub effect: Effect,
}

/// A change of a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Change {
    /// Drop `packages[index]`.
    DropRequest {
        /// Position in [`Request::packages`](super::Request::packages).
        index: usize,
    },
    /// Drop `remove[index]`.
    DropRemoval {
        /// Position in [`Request::remove`](super::Request::remove).
        index: usize,
    },
    /// Ask for another name instead of `packages[index]`.
    Rename {
        /// Position in [`Request::packages`](super::Request::packages).
        index: usize,
        /// The other name.
        name: String,
    },
    /// Take `packages[index]` without its version bound.
    AnyVersion {
        /// Position in [`Request::packages`](super::Request::packages).
        index: usize,
    },
    /// Take `packages[index]` from another suite.
    FromSuite {
        /// Position in [`Request::packages`](super::Request::packages).
        index: usize,
        /// The suite.
        suite: String,
    },
    /// Use a source that is off, see [`IndexSource::switch`](crate::index::IndexSource::switch).
    Enable {
        /// What to switch on, as in [`Request::enable`](super::Request::enable).
        switch: String,
    },
    /// Drop `pins[index]`.
    DropPin {
        /// Position in [`Request::pins`](super::Request::pins).
        index: usize,
    },
    /// Leave a package of the base set out, by adding it to `remove`.
    LeaveOut {
        /// Its name.
        name: String,
    },
}

/// What a fix changes, against the largest part of the request that can be met without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// Packages that come in.
    pub added: Vec<String>,
    /// Packages that go.
    pub removed: Vec<String>,
    /// Difference of the installed size in bytes.
    pub size_delta: i64,
}

/// Why no set of packages meets the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{summary}")]
pub struct Unsatisfiable {
    /// One sentence.
    pub summary: String,
    /// The requests that clash: leaving out any one of them helps.
    pub roots: Vec<Root>,
    /// The facts between them.
    pub chain: Vec<Link>,
    /// Changes that were tried and work, best first.
    pub fixes: Vec<Fix>,
    /// Requested names that exist nowhere, each with names like it.
    pub unknown: Vec<Unknown>,
}

/// A name that no index in use has, with what may be meant. Lists begin with the best.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unknown {
    /// The name.
    pub name: String,
    /// Names like it, nearest first.
    pub near: Vec<String>,
    /// What this base calls what others call so.
    pub called: Vec<String>,
    /// What took its place.
    pub renamed: Vec<String>,
    /// Packages that ship a command or file of this name.
    pub shipping: Vec<String>,
    /// Other releases of this base that have it.
    pub releases: Vec<String>,
    /// It is known that this base has no package of the program that is called so.
    pub unpackaged: bool,
    /// Sources that are off and have it, as they are switched on.
    pub elsewhere: Vec<String>,
}

impl Unknown {
    /// What is most likely meant.
    pub(super) fn guess(&self) -> Option<&String> {
        [&self.called, &self.renamed, &self.shipping, &self.near].into_iter().flatten().next()
    }
}
