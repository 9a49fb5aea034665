//! Why resolving or building failed, as a person and an exit code need to know it.

use std::io;
use std::path::PathBuf;

use lbuild_fetch::FetchError;
use lbuild_repo::resolve::Unsatisfiable;
use lbuild_store::StoreError;

use crate::conflict::Conflict;

/// Whose turn it is after a failure; each has its own exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The spec or the lock must change.
    Spec,
    /// A mirror or the network.
    Network,
    /// The build itself: a package script, the machine, the disk.
    Build,
    /// Somebody asked to stop.
    Cancelled,
}

/// Why an engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store.
    #[error("cannot open the store")]
    Store(#[source] StoreError),
    /// The downloads.
    #[error("cannot prepare downloads")]
    Fetch(#[source] FetchError),
}

/// Why a spec has no lock.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The release is not one that this program knows.
    #[error("`{release}` is not a release of `{base}` that is known here")]
    UnknownRelease {
        /// The base.
        base: String,
        /// The release.
        release: String,
        /// The releases that are.
        known: Vec<String>,
    },
    /// Images of the base cannot be built yet.
    #[error("images of base `{base}` cannot be built yet")]
    Base {
        /// The base.
        base: String,
    },
    /// A field of the spec that nothing acts on yet.
    #[error("`{pointer}` is not supported yet for this base ({file}:{line})")]
    Unsupported {
        /// JSON pointer of the first such field.
        pointer: String,
        /// The file.
        file: String,
        /// The line.
        line: u32,
        /// Every such field.
        all: Vec<String>,
    },
    /// The name of a package or kernel flavor that the base does not have.
    #[error("`{what}` is not a {kind} of `{base}`")]
    Choice {
        /// The value.
        what: String,
        /// Kernel flavor, init, architecture.
        kind: &'static str,
        /// The base.
        base: String,
        /// The values that there are.
        known: Vec<String>,
    },
    /// No mirror is known.
    #[error("no mirror is known for repository `{repository}`")]
    NoMirror {
        /// The repository.
        repository: String,
    },
    /// A file of the repository could not be had.
    #[error("cannot get the index of `{suite}`")]
    Fetch {
        /// The suite.
        suite: String,
        /// Why.
        #[source]
        source: FetchError,
    },
    /// A release file that must not be trusted.
    #[error("the release file of `{suite}` is refused")]
    Release {
        /// The suite.
        suite: String,
        /// Why.
        #[source]
        source: lbuild_repo::deb::release::ReleaseError,
    },
    /// An index that must not be trusted.
    #[error("the package index of `{suite}` is refused")]
    Refused {
        /// The repository.
        suite: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The key of a source cannot be used.
    #[error("the key of source `{source_name}` cannot be read")]
    SourceKey {
        /// The source.
        source_name: String,
        /// Why.
        #[source]
        source: lbuild_repo::deb::release::KeyringError,
    },
    /// The key that the environment names for a mirror cannot be used.
    #[error("`{}`, the key of the mirror of `{repository}`, cannot be read", path.display())]
    MirrorKey {
        /// The repository.
        repository: String,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The key of a source is not the one that the spec names.
    #[error("the key of source `{source_name}` has the fingerprint {}, not {expected}", .found.join(", "))]
    Fingerprint {
        /// The source.
        source_name: String,
        /// What the spec says.
        expected: String,
        /// Those of the keys that are there.
        found: Vec<String>,
    },
    /// A source without a key, although the spec does not say that it has none.
    #[error("source `{source_name}` has no key")]
    NoKey {
        /// The source.
        source_name: String,
    },
    /// The release file does not list an index that the spec needs.
    #[error("suite `{suite}` has no component `{component}` for `{architecture}`")]
    Component {
        /// The suite.
        suite: String,
        /// The component.
        component: String,
        /// The architecture.
        architecture: String,
        /// The components that there are.
        known: Vec<String>,
    },
    /// An index that cannot be read.
    #[error("the package index of `{suite}` cannot be read")]
    Index {
        /// The suite.
        suite: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No set of packages meets the request.
    #[error("{}", .0.reason.summary)]
    Conflict(Box<Conflict>),
    /// The store.
    #[error("the store cannot be used")]
    Store(#[source] StoreError),
    /// Somebody asked to stop.
    #[error("stopped on request")]
    Cancelled,
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no lock.
    #[error("the spec does not resolve")]
    Resolve(#[source] Box<ResolveError>),
    /// The lock is not of this spec.
    #[error("the lockfile was made for another state of the spec")]
    LockStale,
    /// The lock was made later than now.
    #[error("the lockfile is {ahead} s younger than the clock of this machine says it is now")]
    Clock {
        /// How much younger, in seconds.
        ahead: i64,
    },
    /// A file that the spec names beside itself.
    #[error("cannot read `{}`, which `{pointer}` names", path.display())]
    SpecFile {
        /// The file.
        path: PathBuf,
        /// JSON pointer of the field.
        pointer: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Packages could not be had.
    #[error("cannot get the packages")]
    Fetch(#[source] FetchError),
    /// The store.
    #[error("the store cannot be used")]
    Store(#[source] StoreError),
    /// A step could not be started or watched.
    #[error("step `{step}` could not run")]
    Sandbox {
        /// The step.
        step: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A step ran and failed.
    #[error("step `{step}` failed: {reason}")]
    Step {
        /// The step.
        step: String,
        /// What happened.
        reason: String,
        /// The package whose script failed, where it is known.
        package: Option<String>,
        /// The last lines that it printed.
        log: Vec<String>,
    },
    /// The finished tree holds what no image may hold.
    #[error("the image holds {} thing(s) that no image may hold", .0.len())]
    Hygiene(Vec<String>),
    /// The image was built and did not boot.
    #[error("the image does not boot: {verdict}")]
    Boot {
        /// What was seen.
        verdict: String,
        /// Where the evidence is.
        evidence: PathBuf,
        /// The last lines of the console.
        log: Vec<String>,
    },
    /// The output directory.
    #[error("cannot write `{}`", path.display())]
    Output {
        /// File or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody asked to stop.
    #[error("stopped on request")]
    Cancelled,
}

impl ResolveError {
    /// Whose turn it is.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Fetch { source: FetchError::Store(_), .. } | Self::Store(_) => Blame::Build,
            Self::Fetch { source: FetchError::Cancelled, .. } | Self::Cancelled => Blame::Cancelled,
            Self::Fetch { .. } | Self::Release { .. } | Self::Refused { .. } | Self::Index { .. } => {
                Blame::Network
            }
            _ => Blame::Spec,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Choice { known, .. }
            | Self::Component { known, .. }
            | Self::UnknownRelease { known, .. } => Some(format!("choose one of: {}", known.join(", "))),
            Self::NoKey { .. } => Some("give the public key in `signedBy`".to_owned()),
            Self::Fingerprint { .. } | Self::SourceKey { .. } => Some(
                "a key vouches for everything that a source delivers: ask its owner which one is right"
                    .to_owned(),
            ),
            Self::Base { .. } => Some(
                "this version builds Debian; `lbuild resolve` and `lbuild packages` know every base"
                    .to_owned(),
            ),
            Self::MirrorKey { .. } => Some(
                "LBUILD_MIRROR_<REPOSITORY>_KEY is for mirrors that somebody else signs; leave it out for the \
                 archive's own keys"
                    .to_owned(),
            ),
            Self::Unsupported { all, .. } => Some(match all.as_slice() {
                [_] => "remove the field; `lbuild validate` still checks it".to_owned(),
                many => {
                    format!("remove these fields; `lbuild validate` still checks them: {}", many.join(", "))
                }
            }),
            Self::NoMirror { repository } => Some(format!(
                "set LBUILD_MIRROR_{} or `mirrors` in the spec to the address of a mirror",
                repository.to_uppercase().replace('-', "_")
            )),
            Self::Store(error) => store_hint(error),
            Self::Fetch { source, .. } => fetch_hint(source),
            Self::Conflict(conflict) => conflict_hint(&conflict.reason),
            _ => None,
        }
    }
}

/// Whether a program says that its disk is full: in the words of `strerror(3)`, or of xorriso, which looks before it
/// writes.
fn is_full(line: &str) -> bool {
    ["No space left on device", "exceeds free space on media"].iter().any(|words| line.contains(words))
}

const FREE_SPACE: &str = "free some space (`lbuild cache gc`), or name another store with --store";

fn fetch_hint(error: &FetchError) -> Option<String> {
    match error {
        FetchError::Store(error) => store_hint(error),
        FetchError::Offline { .. } => {
            Some("run it once without --offline, so that the store gets what is missing".to_owned())
        }
        _ => Some("check the mirror, or build from the store with --offline".to_owned()),
    }
}

fn store_hint(error: &StoreError) -> Option<String> {
    match error {
        StoreError::Full { .. } => Some(FREE_SPACE.to_owned()),
        StoreError::ReadOnly { .. } | StoreError::Permission { .. } => {
            Some("name a store that can be written with --store".to_owned())
        }
        _ => None,
    }
}

fn conflict_hint(reason: &Unsatisfiable) -> Option<String> {
    if let Some(fix) = reason.fixes.first() {
        return Some(fix.label.clone());
    }
    let unknown = reason.unknown.iter().find(|unknown| !unknown.near.is_empty())?;
    Some(format!("packages with a similar name: {}", unknown.near.join(", ")))
}

impl From<FetchError> for BuildError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Cancelled => Self::Cancelled,
            FetchError::Store(error) => Self::Store(error),
            error => Self::Fetch(error),
        }
    }
}

impl BuildError {
    /// Whose turn it is.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Resolve(error) => error.blame(),
            Self::LockStale | Self::SpecFile { .. } => Blame::Spec,
            Self::Fetch(_) => Blame::Network,
            Self::Cancelled => Blame::Cancelled,
            _ => Blame::Build,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Resolve(error) => error.hint(),
            Self::Store(error) => store_hint(error),
            Self::Fetch(error) => fetch_hint(error),
            Self::Clock { .. } => Some("set the clock: files get their times from it".to_owned()),
            Self::LockStale => Some("run `lbuild lock` again, or build without --locked".to_owned()),
            Self::Output { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some space, or choose another directory with --out".to_owned())
            }
            Self::Output { .. } => Some("choose a directory that can be written with --out".to_owned()),
            Self::Boot { evidence, .. } => Some(format!("see {}", evidence.display())),
            // only the program that met it knows which file system that was
            Self::Step { log, reason, .. } if log.iter().chain([reason]).any(|line| is_full(line)) => {
                Some(format!("if that is the disk of the store: {FREE_SPACE}"))
            }
            _ => None,
        }
    }

    /// Lines that a program printed before it failed.
    pub fn log(&self) -> &[String] {
        match self {
            Self::Step { log, .. } | Self::Boot { log, .. } => log,
            Self::Hygiene(violations) => violations,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BuildError;

    #[test]
    fn a_program_on_a_full_disk_asks_for_space() {
        let hint = |line: &str| {
            let (step, reason, log) = ("iso".to_owned(), "exit status: 5".to_owned(), vec![line.to_owned()]);
            BuildError::Step { step, reason, package: None, log }.hint()
        };
        for line in [
            "cpio: write error: No space left on device",
            "xorriso : FAILURE : Image size 125982s exceeds free space on media 72714s",
        ] {
            assert!(hint(line).is_some_and(|hint| hint.contains("free some space")), "{line}");
        }
        assert_eq!(hint("xorriso : FAILURE : Cannot open file"), None);
    }
}
