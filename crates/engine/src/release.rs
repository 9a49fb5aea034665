//! Release files: fetched, verified against the keys of their suite, and measured against the last one seen.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lbuild_fetch::{Download, FetchError, Small};
use lbuild_repo::deb::release::{self, Policy, ReleaseFile, VerifiedRelease};
use lbuild_store::{BlobRef, Digest, Hasher, Watermark};

use crate::engine::Engine;
use crate::error::ResolveError;
use crate::event::{Event, Observer};
use crate::lock::LockedIndex;
use crate::mirror::Mirrors;
use crate::suite::{Suite, Suites, Trust};

/// Largest release file that is accepted, in bytes.
const RELEASE_CAP: u64 = 8 << 20;

/// Largest signature beside a release file, in bytes.
const SIGNATURE_CAP: u64 = 1 << 20;

/// A release file that the mirror gave so recently is not asked for again: archives change a few times a day, and who
/// builds twice in a minute wants the same packages both times.
const RECENT: Duration = Duration::from_mins(1);

/// HTTP status of a file that is not there.
const NOT_FOUND: u16 = 404;

/// One suite whose release file was verified.
pub(crate) struct Verified {
    pub(crate) suite: Suite,
    pub(crate) release: VerifiedRelease,
    blob: BlobRef,
}

/// The release files of the suites of a request, each verified.
pub(crate) struct Releases(pub(crate) Vec<Verified>);

impl Releases {
    /// Digest of all of them: of everything that indexes can say.
    pub(crate) fn digest(&self) -> Digest {
        let mut hasher = Hasher::new();
        for verified in &self.0 {
            let suite = &verified.suite;
            hasher.field(&format!("{} {}", suite.repository, suite.name), &verified.blob.digest.0);
        }
        hasher.finish()
    }

    /// The lines of the lock.
    pub(crate) fn locked(&self) -> impl Iterator<Item = LockedIndex> {
        self.0.iter().map(Verified::locked)
    }

    /// `Date` of the release itself.
    pub(crate) fn epoch(&self) -> i64 {
        self.0.first().map_or(0, |first| i64::try_from(first.release.date).unwrap_or(0))
    }
}

/// A release file as it was fetched.
struct Fetched {
    text: Small,
    /// The signature, when it lies beside the text.
    signature: Option<Small>,
}

impl Engine {
    /// Gets and verifies the release files.
    pub(crate) fn verify_releases(
        &self,
        suites: &Suites,
        mirrors: &Mirrors,
        observer: &Observer<'_>,
    ) -> Result<Releases, ResolveError> {
        thread::scope(|scope| {
            let start = |suite| scope.spawn(move || self.verify_suite(suite, mirrors, observer));
            let threads: Vec<_> = suites.list.iter().map(start).collect();
            let joined =
                threads.into_iter().map(|thread| thread.join().unwrap_or(Err(ResolveError::Cancelled)));
            joined.collect::<Result<Vec<Verified>, _>>().map(Releases)
        })
    }

    fn verify_suite(
        &self,
        suite: &Suite,
        mirrors: &Mirrors,
        observer: &Observer<'_>,
    ) -> Result<Verified, ResolveError> {
        mirrors.require(&suite.repository)?;
        let urls = |file: &str| mirrors.urls(&suite.repository, &suite.path(file));
        let failed = |source| ResolveError::Fetch { suite: suite.label(), source };
        let main = match suite.trust {
            Trust::Keys(_) => urls("InRelease"),
            Trust::Nobody => urls("Release"),
        };
        let recent = self.fetcher.recent_small(&main, RECENT).map_err(failed)?;
        // Who builds from packages of his own may have put a new one there this minute.
        if let Some(text) = recent.filter(|_| !self.offline && suite.source.is_none())
            && let Ok(verified) = self.judge(suite, Fetched { text, signature: None }, observer)
        {
            return Ok(verified);
        }
        let get = |urls: &[String], cap| self.fetcher.get_small(urls, cap, observer.cancel);
        let fetched = match (get(&main, RELEASE_CAP), &suite.source, &suite.trust) {
            (Ok(text), ..) => Fetched { text, signature: None },
            (Err(error), Some(_), Trust::Keys(_)) if may_lie_beside(&error) => {
                // old archives keep the signature beside the text; the first error tells more when there is none
                let Ok(signature) = get(&urls("Release.gpg"), SIGNATURE_CAP) else {
                    return Err(failed(error));
                };
                let text = get(&urls("Release"), RELEASE_CAP).map_err(failed)?;
                Fetched { text, signature: Some(signature) }
            }
            (Err(error), ..) => return Err(failed(error)),
        };
        self.judge(suite, fetched, observer)
    }

    /// Verifies the release file of a suite.
    fn judge(
        &self,
        suite: &Suite,
        fetched: Fetched,
        observer: &Observer<'_>,
    ) -> Result<Verified, ResolveError> {
        let mark = suite.watermark();
        let seen = mark.as_ref().map(|mark| self.store.watermarks().get(mark)).transpose();
        let seen = seen.map_err(ResolveError::Store)?.flatten();
        let policy = Policy {
            suite: suite.expected(),
            now: now(),
            watermark: seen.and_then(|mark| u64::try_from(mark.date).ok()),
            max_age: None,
            pinned_snapshot: self.offline,
        };
        let Fetched { text, signature } = fetched;
        let judged = match (&suite.trust, &signature) {
            (Trust::Nobody, _) => release::unsigned(&text.bytes, &policy),
            (Trust::Keys(keys), None) => release::verify(&text.bytes, keys, &policy),
            (Trust::Keys(keys), Some(signature)) => {
                release::verify_detached(&text.bytes, &signature.bytes, keys, &policy)
            }
        };
        let release = judged.map_err(|source| ResolveError::Release { suite: suite.label(), source })?;
        if self.offline && release.valid_until.is_some_and(|until| until < now()) {
            let suite = suite.label();
            let message = format!("the stored index of `{suite}` has expired; updates may be missing");
            observer.emit(Event::Warning { message });
        }
        if let Some(mark) = mark.filter(|_| !self.offline) {
            let date = i64::try_from(release.date).unwrap_or(i64::MAX);
            let now = Watermark { date, digest: text.blob.digest };
            self.store.watermarks().raise(&mark, now).map_err(ResolveError::Store)?;
        }
        Ok(Verified { suite: suite.clone(), release, blob: text.blob })
    }
}

/// Whether the file may be there under its other name: the server says that it is not there, or nobody was asked.
fn may_lie_beside(error: &FetchError) -> bool {
    error.status() == Some(NOT_FOUND) || matches!(error, FetchError::Offline { .. }) || is_local(error)
}

/// A file of a local directory is not there.
fn is_local(error: &FetchError) -> bool {
    matches!(error, FetchError::Transfer { url, .. } if url.starts_with("file:"))
}

impl Verified {
    /// The indexes of a component: that of the architecture, and of a source also that of packages for all.
    pub(crate) fn files(&self, component: &str, arch: &str) -> Result<Vec<&ReleaseFile>, ResolveError> {
        let find = |directory: String| {
            let paths = ["Packages.xz", "Packages.gz", "Packages.zst", "Packages"];
            paths.iter().find_map(|name| self.release.files.get(&format!("{directory}{name}")))
        };
        let directories = match (self.suite.directory(), &self.suite.source) {
            (Some(_), _) => vec![String::new()],
            // Debian lists packages for all architectures with those of each one
            (None, None) => vec![format!("{component}/binary-{arch}/")],
            (None, Some(_)) => ["all", arch].map(|arch| format!("{component}/binary-{arch}/")).to_vec(),
        };
        let found: Vec<&ReleaseFile> = directories.into_iter().filter_map(find).collect();
        if found.is_empty() {
            return Err(ResolveError::Component {
                suite: self.suite.label(),
                component: component.to_owned(),
                architecture: arch.to_owned(),
                known: self.release.components.clone(),
            });
        }
        Ok(found)
    }

    pub(crate) fn download(&self, file: &ReleaseFile, mirrors: &Mirrors) -> Download {
        let digest = Digest(file.sha256);
        let path = if self.release.by_hash {
            let directory = file.path.rsplit_once('/').map_or("", |(directory, _)| directory);
            let separator = if directory.is_empty() { "" } else { "/" };
            self.suite.path(&format!("{directory}{separator}by-hash/SHA256/{digest}"))
        } else {
            self.suite.path(&file.path)
        };
        Download {
            name: format!("index of {}", self.suite.label()),
            urls: mirrors.urls(&self.suite.repository, &path),
            size: Some(file.size),
            digest,
        }
    }

    fn locked(&self) -> LockedIndex {
        let suite = &self.suite;
        LockedIndex {
            repository: suite.repository.clone(),
            url: suite.source.as_ref().map(|source| source.url.clone()),
            suite: suite.name.clone(),
            components: suite.components.iter().filter(|name| !name.is_empty()).cloned().collect(),
            release: self.blob.digest,
            date: i64::try_from(self.release.date).unwrap_or(i64::MAX),
            signed_by: self.release.signed_by.first().cloned().unwrap_or_default(),
            key: suite.source.as_ref().and_then(|source| source.key),
        }
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}
