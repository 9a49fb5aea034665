//! Package indexes: fetched, verified, parsed, and kept in a form that loads in milliseconds.

use std::io::Read as _;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lbuild_fetch::{Download, Small};
use lbuild_repo::compress::Capped;
use lbuild_repo::deb::index::{Index, IndexSource};
use lbuild_repo::deb::release::{self, Keyring, Policy, ReleaseFile, VerifiedRelease};
use lbuild_repo::deb::resolve::{Pin, source_priority};
use lbuild_store::{BlobRef, Digest, Hasher, Watermark};

use crate::engine::Engine;
use crate::error::ResolveError;
use crate::event::{Event, Observer};
use crate::family::debian::{Release, Repository};
use crate::lock::LockedIndex;
use crate::mirror::Mirrors;

/// Largest release file that is accepted, in bytes.
const RELEASE_CAP: u64 = 8 << 20;

/// A release file that the mirror gave so recently is not asked for again: archives change a few times a day, and who
/// builds twice in a minute wants the same packages both times.
const RECENT: Duration = Duration::from_mins(1);

/// Largest decompressed index, in bytes: Debian's is about 55 MB.
const INDEX_CAP: u64 = 1 << 30;

/// Version of the cached form; goes up with the parser.
const CACHE: &str = "deb index 2";

/// The suites that a request reads.
#[derive(Debug, Clone)]
pub(crate) struct Suites<'a> {
    pub(crate) release: &'a Release,
    pub(crate) arch: String,
    pub(crate) components: Vec<String>,
    pub(crate) updates: bool,
    pub(crate) security: bool,
    pub(crate) backports: bool,
    /// Preferences, of which those for all packages set the priorities of suites.
    pub(crate) pins: Vec<Pin>,
}

/// Indexes ready for resolving.
pub(crate) struct Loaded {
    pub(crate) index: Index,
    pub(crate) locked: Vec<LockedIndex>,
    /// `Date` of the release itself: the time of everything that a build makes.
    pub(crate) epoch: i64,
}

/// One suite whose release file was verified.
struct Verified {
    suite: String,
    repository: Repository,
    release: VerifiedRelease,
    blob: BlobRef,
}

/// The release files of the suites of a request, each verified.
pub(crate) struct Releases(Vec<Verified>);

impl Releases {
    /// Digest of all of them: of everything that indexes can say.
    pub(crate) fn digest(&self) -> Digest {
        let mut hasher = Hasher::new();
        for verified in &self.0 {
            hasher.field(&verified.suite, &verified.blob.digest.0);
        }
        hasher.finish()
    }
}

impl Suites<'_> {
    fn names(&self) -> Vec<String> {
        let code = &self.release.codename;
        let more = [(self.updates, "updates"), (self.security, "security"), (self.backports, "backports")];
        let more = more.into_iter().filter(|(on, _)| *on).map(|(_, name)| format!("{code}-{name}"));
        [code.clone()].into_iter().chain(more).collect()
    }
}

/// The priority that apt gives a suite by itself, from `apt_preferences(5)`.
fn usual_priority(release: &VerifiedRelease) -> i32 {
    match (release.not_automatic, release.but_automatic_upgrades) {
        (true, true) => 100,
        (true, false) => 1,
        (false, _) => 500,
    }
}

impl Engine {
    /// Gets and verifies the release files, then loads the indexes that they vouch for.
    pub(crate) fn load_indexes(
        &self,
        suites: &Suites<'_>,
        mirrors: &Mirrors,
        observer: &Observer<'_>,
    ) -> Result<Loaded, ResolveError> {
        let releases = self.verify_releases(suites, mirrors, observer)?;
        self.load_verified(suites, &releases, mirrors, observer)
    }

    /// Gets and verifies the release files.
    pub(crate) fn verify_releases(
        &self,
        suites: &Suites<'_>,
        mirrors: &Mirrors,
        observer: &Observer<'_>,
    ) -> Result<Releases, ResolveError> {
        let names = suites.names();
        thread::scope(|scope| {
            let start = |suite: &String| {
                let suite = suite.clone();
                scope.spawn(move || self.verify_suite(suites, suite, mirrors, observer))
            };
            let threads: Vec<_> = names.iter().map(start).collect();
            let joined =
                threads.into_iter().map(|thread| thread.join().unwrap_or(Err(ResolveError::Cancelled)));
            joined.collect::<Result<Vec<Verified>, _>>().map(Releases)
        })
    }

    /// Loads the indexes that verified release files vouch for.
    pub(crate) fn load_verified(
        &self,
        suites: &Suites<'_>,
        releases: &Releases,
        mirrors: &Mirrors,
        observer: &Observer<'_>,
    ) -> Result<Loaded, ResolveError> {
        let verified = &releases.0;
        let epoch = verified.first().map_or(0, |first| i64::try_from(first.release.date).unwrap_or(0));
        let locked = verified.iter().map(|verified| verified.locked(suites)).collect();
        let index = self.open_index(suites, verified, mirrors, observer)?;
        Ok(Loaded { index, locked, epoch })
    }

    fn verify_suite(
        &self,
        suites: &Suites<'_>,
        suite: String,
        mirrors: &Mirrors,
        observer: &Observer<'_>,
    ) -> Result<Verified, ResolveError> {
        let repository = Repository::of_suite(&suite);
        mirrors.require(repository)?;
        let urls = mirrors.urls(repository.id(), &format!("dists/{suite}/InRelease"));
        let of_suite = |source| ResolveError::Fetch { suite: suite.clone(), source };
        let recent = self.fetcher.recent_small(&urls, RECENT).map_err(of_suite)?;
        if let Some(small) = recent.filter(|_| !self.offline)
            && let Ok(verified) = self.judge(suites, &suite, repository, small, observer)
        {
            return Ok(verified);
        }
        let small = self.fetcher.get_small(&urls, RELEASE_CAP, observer.cancel).map_err(of_suite)?;
        self.judge(suites, &suite, repository, small, observer)
    }

    /// Verifies the release file of a suite.
    fn judge(
        &self,
        suites: &Suites<'_>,
        suite: &str,
        repository: Repository,
        small: Small,
        observer: &Observer<'_>,
    ) -> Result<Verified, ResolveError> {
        let mark = format!("{}/{suite}", repository.id());
        let watermark = self.store.watermarks().get(&mark).map_err(ResolveError::Store)?;
        let policy = Policy {
            suite: Some(suite.to_owned()),
            now: now(),
            watermark: watermark.and_then(|mark| u64::try_from(mark.date).ok()),
            max_age: None,
            pinned_snapshot: self.offline,
        };
        let refused = |source| ResolveError::Release { suite: suite.to_owned(), source };
        let keyring = Keyring::join(&suites.release.keyring(repository))
            .expect("the embedded archive keys are certificates");
        let release = release::verify(&small.bytes, &keyring, &policy).map_err(refused)?;
        if self.offline && release.valid_until.is_some_and(|until| until < now()) {
            let message = format!("the stored index of `{suite}` has expired; updates may be missing");
            observer.emit(Event::Warning { message });
        }
        let date = i64::try_from(release.date).unwrap_or(i64::MAX);
        if !self.offline {
            let mark_now = Watermark { date, digest: small.blob.digest };
            self.store.watermarks().raise(&mark, mark_now).map_err(ResolveError::Store)?;
        }
        Ok(Verified { suite: suite.to_owned(), repository, release, blob: small.blob })
    }

    fn open_index(
        &self,
        suites: &Suites<'_>,
        verified: &[Verified],
        mirrors: &Mirrors,
        observer: &Observer<'_>,
    ) -> Result<Index, ResolveError> {
        let mut files: Vec<(&Verified, IndexSource, &ReleaseFile)> = Vec::new();
        for of_suite in verified {
            for component in &suites.components {
                let mut source = IndexSource {
                    suite: of_suite.suite.clone(),
                    component: component.clone(),
                    arch: suites.arch.clone(),
                    base_url: of_suite.repository.id().to_owned(),
                    pin: 0,
                    names: vec![of_suite.release.codename.clone(), of_suite.release.suite.clone()],
                    host: String::new(),
                };
                source.pin = source_priority(&suites.pins, &source, usual_priority(&of_suite.release));
                files.push((of_suite, source, of_suite.file(component, &suites.arch)?));
            }
        }
        let mut hasher = Hasher::new();
        hasher.field("form", CACHE.as_bytes());
        for (_, source, file) in &files {
            let pin = source.pin.to_le_bytes();
            let names = [&source.suite, &source.component, &source.arch, &source.base_url, &source.host];
            for name in names.into_iter().chain(&source.names) {
                hasher.field("name", name.as_bytes());
            }
            hasher.field("pin", &pin).field("packages", &file.sha256);
        }
        let key = hasher.finish();
        let failed = |error| ResolveError::Index { suite: suites.release.codename.clone(), source: error };
        if let Some(bytes) = self.store.indexes().get(key).map_err(ResolveError::Store)?
            && let Ok(index) = Index::open_cache(bytes)
        {
            return Ok(index);
        }
        let texts = self.fetch_indexes(&files, mirrors, observer)?;
        let sources: Vec<_> =
            files.iter().map(|(_, source, _)| source.clone()).zip(texts.iter().map(Vec::as_slice)).collect();
        let index = Index::parse(&sources).map_err(|error| failed(Box::new(error)))?;
        self.store.indexes().put(key, index.write_cache()).map_err(ResolveError::Store)?;
        Ok(index)
    }

    fn fetch_indexes(
        &self,
        files: &[(&Verified, IndexSource, &ReleaseFile)],
        mirrors: &Mirrors,
        observer: &Observer<'_>,
    ) -> Result<Vec<Vec<u8>>, ResolveError> {
        let downloads: Vec<Download> =
            files.iter().map(|(verified, _, file)| verified.download(file, mirrors)).collect();
        let main = files.first().map(|(verified, ..)| verified.suite.clone()).unwrap_or_default();
        let blobs = self
            .fetcher
            .fetch_all(&downloads, &(), observer.cancel)
            .map_err(|source| ResolveError::Fetch { suite: main, source })?;
        let read = |blob: &BlobRef, suite: &str| {
            let failed = |source: Box<dyn std::error::Error + Send + Sync>| ResolveError::Index {
                suite: suite.to_owned(),
                source,
            };
            let file = self.store.blobs().open(blob.digest).map_err(ResolveError::Store)?;
            let mut text = Vec::new();
            let mut reader = Capped::new(std::io::BufReader::new(file), INDEX_CAP)
                .map_err(|error| failed(Box::new(error)))?;
            reader.read_to_end(&mut text).map_err(|error| failed(Box::new(error)))?;
            Ok(text)
        };
        thread::scope(|scope| {
            let start = |(blob, file): (&BlobRef, &(&Verified, IndexSource, &ReleaseFile))| {
                let (blob, suite) = (*blob, file.0.suite.clone());
                scope.spawn(move || read(&blob, &suite))
            };
            let threads: Vec<_> = blobs.iter().zip(files).map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or(Err(ResolveError::Cancelled))).collect()
        })
    }
}

impl Verified {
    /// The compressed index of a component.
    fn file(&self, component: &str, arch: &str) -> Result<&ReleaseFile, ResolveError> {
        // `trixie-security` keeps its components under `updates/` in some older releases.
        let paths = ["xz", "gz"].map(|form| format!("{component}/binary-{arch}/Packages.{form}"));
        paths.iter().find_map(|path| self.release.files.get(path)).ok_or_else(|| ResolveError::Component {
            suite: self.suite.clone(),
            component: component.to_owned(),
            architecture: arch.to_owned(),
            known: self.release.components.clone(),
        })
    }

    fn download(&self, file: &ReleaseFile, mirrors: &Mirrors) -> Download {
        let digest = Digest(file.sha256);
        let directory = file.path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let path = if self.release.by_hash {
            format!("dists/{}/{directory}/by-hash/SHA256/{digest}", self.suite)
        } else {
            format!("dists/{}/{}", self.suite, file.path)
        };
        Download {
            name: format!("index of {}", self.suite),
            urls: mirrors.urls(self.repository.id(), &path),
            size: Some(file.size),
            digest,
        }
    }

    fn locked(&self, suites: &Suites<'_>) -> LockedIndex {
        LockedIndex {
            repository: self.repository.id().to_owned(),
            suite: self.suite.clone(),
            components: suites.components.clone(),
            release: self.blob.digest,
            date: i64::try_from(self.release.date).unwrap_or(i64::MAX),
            signed_by: self.release.signed_by.first().cloned().unwrap_or_default(),
        }
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}
