//! Package indexes: those that verified release files vouch for, fetched, parsed, and kept in a form that loads in
//! milliseconds.

use std::io::Read as _;
use std::thread;

use lbuild_fetch::Download;
use lbuild_repo::compress::Capped;
use lbuild_repo::deb;
use lbuild_repo::deb::release::{ReleaseFile, VerifiedRelease};
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::{Pin, source_priority};
use lbuild_store::{BlobRef, Digest, Hasher};

use crate::engine::Engine;
use crate::error::ResolveError;
use crate::event::Observer;
use crate::mirror::Mirrors;
use crate::release::{Releases, Verified};
use crate::suite::{Suite, Suites};

/// Largest decompressed index, in bytes: Debian's is about 55 MB.
const INDEX_CAP: u64 = 1 << 30;

/// Version of the cached form; goes up with the parser.
const CACHE: &str = "deb index 3";

/// One index of one suite.
struct Part<'v> {
    of: &'v Verified,
    source: IndexSource,
    file: &'v ReleaseFile,
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
        suites: &Suites,
        mirrors: &Mirrors,
        observer: &Observer<'_>,
    ) -> Result<(Index, Releases), ResolveError> {
        let releases = self.verify_releases(suites, mirrors, observer)?;
        Ok((self.load_verified(suites, &releases, mirrors, observer)?, releases))
    }

    /// Loads the indexes that verified release files vouch for.
    pub(crate) fn load_verified(
        &self,
        suites: &Suites,
        releases: &Releases,
        mirrors: &Mirrors,
        observer: &Observer<'_>,
    ) -> Result<Index, ResolveError> {
        let parts = parts(suites, releases)?;
        if let Some(index) = self.cached_index(cache_key(&parts))? {
            return Ok(index);
        }
        self.parse_indexes(&parts, suites, mirrors, observer)
    }

    /// The same with the texts that only people read.
    pub(crate) fn load_detailed(
        &self,
        suites: &Suites,
        mirrors: &Mirrors,
        observer: &Observer<'_>,
    ) -> Result<Index, ResolveError> {
        let releases = self.verify_releases(suites, mirrors, observer)?;
        let parts = parts(suites, &releases)?;
        if let Some(index) = self.cached_detailed(cache_key(&parts))? {
            return Ok(index);
        }
        self.parse_indexes(&parts, suites, mirrors, observer)
    }

    /// Reads the texts of indexes, and keeps both of their forms.
    fn parse_indexes(
        &self,
        parts: &[Part<'_>],
        suites: &Suites,
        mirrors: &Mirrors,
        observer: &Observer<'_>,
    ) -> Result<Index, ResolveError> {
        let texts = self.fetch_indexes(parts, mirrors, observer)?;
        let sources: Vec<_> =
            parts.iter().map(|part| part.source.clone()).zip(texts.iter().map(Vec::as_slice)).collect();
        let label = || suites.list.first().map(Suite::label).unwrap_or_default();
        let index = deb::index::parse(&sources)
            .map_err(|error| ResolveError::Index { suite: label(), source: Box::new(error) })?;
        self.cache_index(cache_key(parts), &index)?;
        Ok(index)
    }

    fn fetch_indexes(
        &self,
        parts: &[Part<'_>],
        mirrors: &Mirrors,
        observer: &Observer<'_>,
    ) -> Result<Vec<Vec<u8>>, ResolveError> {
        let downloads: Vec<Download> =
            parts.iter().map(|part| part.of.download(part.file, mirrors)).collect();
        let main = || parts.first().map(|part| part.of.suite.label()).unwrap_or_default();
        let blobs = self
            .fetcher
            .fetch_all(&downloads, &(), observer.cancel)
            .map_err(|source| ResolveError::Fetch { suite: main(), source })?;
        let read = |blob: &BlobRef, suite: &str| {
            let failed = |source: Box<dyn std::error::Error + Send + Sync>| ResolveError::Index {
                suite: suite.to_owned(),
                source,
            };
            let file = self.store.blobs().open(blob.digest).map_err(ResolveError::Store)?;
            let mut text = Vec::new();
            let file = std::io::BufReader::new(observer.cancel.reading(file));
            let mut reader = Capped::new(file, INDEX_CAP).map_err(|error| failed(Box::new(error)))?;
            reader.read_to_end(&mut text).map_err(|error| failed(Box::new(error)))?;
            Ok(text)
        };
        thread::scope(|scope| {
            let start = |(blob, part): (&BlobRef, &Part<'_>)| {
                let (blob, suite) = (*blob, part.of.suite.label());
                scope.spawn(move || read(&blob, &suite))
            };
            let threads: Vec<_> = blobs.iter().zip(parts).map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or(Err(ResolveError::Cancelled))).collect()
        })
    }
}

/// Every index that is read, in the order in which equal versions are preferred.
fn parts<'v>(suites: &Suites, releases: &'v Releases) -> Result<Vec<Part<'v>>, ResolveError> {
    let mut parts = Vec::new();
    for of in &releases.0 {
        for component in &of.suite.components {
            for file in of.files(component, &suites.arch)? {
                let mut source = index_source(of, component, &suites.arch, &suites.pins);
                source.switch.clone_from(&of.suite.switch);
                parts.push(Part { of, source, file });
            }
        }
        if of.suite.other_components {
            parts.extend(other_components(of, suites));
        }
    }
    Ok(parts)
}

/// The indexes of the components that are not used, each switched off.
fn other_components<'v>(of: &'v Verified, suites: &Suites) -> Vec<Part<'v>> {
    let mut parts = Vec::new();
    for component in of.release.components.iter().filter(|one| !of.suite.components.contains(one)) {
        // what a suite announces and does not have can explain nothing
        for file in of.files(component, &suites.arch).unwrap_or_default() {
            let mut source = index_source(of, component, &suites.arch, &suites.pins);
            source.switch = format!("component {component}");
            parts.push(Part { of, source, file });
        }
    }
    parts
}

fn index_source(of: &Verified, component: &str, arch: &str, pins: &[Pin]) -> IndexSource {
    let suite = &of.suite;
    // what a directory lists lies below it
    let base_url = match suite.directory() {
        None | Some("") => suite.repository.clone(),
        Some(directory) => format!("{} {directory}", suite.repository),
    };
    let mut source = IndexSource {
        suite: suite.name.clone(),
        component: component.to_owned(),
        arch: arch.to_owned(),
        base_url,
        pin: 0,
        names: Suite::names(&of.release),
        host: suite.host.clone(),
        switch: String::new(),
    };
    source.pin = source_priority(pins, &source, usual_priority(&of.release));
    source
}

/// The repository of a package, and its path below the root of that.
pub(crate) fn location(base_url: &str, filename: &str) -> (String, String) {
    let (repository, directory) = base_url.split_once(' ').unwrap_or((base_url, ""));
    let path = format!("{directory}{}", filename.strip_prefix("./").unwrap_or(filename));
    (repository.to_owned(), path.strip_prefix("./").map_or(path.clone(), str::to_owned))
}

fn cache_key(parts: &[Part<'_>]) -> Digest {
    let mut hasher = Hasher::new();
    hasher.field("form", CACHE.as_bytes());
    for Part { source, file, .. } in parts {
        let names =
            [&source.suite, &source.component, &source.arch, &source.base_url, &source.host, &source.switch];
        for name in names.into_iter().chain(&source.names) {
            hasher.field("name", name.as_bytes());
        }
        hasher.field("pin", &source.pin.to_le_bytes()).field("packages", &file.sha256);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::location;

    #[test]
    fn packages_of_a_directory_lie_below_it() {
        let at = |base, file| location(base, file);
        let owned = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(at("debian", "pool/a.deb"), owned("debian", "pool/a.deb"));
        assert_eq!(at("source/x", "./a.deb"), owned("source/x", "a.deb"));
        assert_eq!(at("source/x deb/amd64/", "./a.deb"), owned("source/x", "deb/amd64/a.deb"));
        assert_eq!(at("source/x ./deb/", "a.deb"), owned("source/x", "deb/a.deb"));
    }
}
