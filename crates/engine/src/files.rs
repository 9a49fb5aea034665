//! Which package has which file: the lists that archives publish, fetched when somebody asks, and the packages themselves.

use std::io::{BufRead, BufReader};

use lbuild_fetch::Download;
use lbuild_repo::compress::Capped;
use lbuild_repo::deb::release::ReleaseFile;
use lbuild_repo::files::archive;
use lbuild_repo::files::contents::Contents;
use lbuild_repo::files::is_meant;
use lbuild_repo::files::shipped::{Builder, Shipped};
use lbuild_repo::index::{Digest as PackageDigest, Index, IndexSource, Package};
use lbuild_store::{BlobRef, Digest, Hasher};

use crate::catalog::Catalog;
use crate::engine::Engine;
use crate::error::ResolveError;
use crate::event::{Event, Observer};
use crate::family::reader::{Refusal, Root};
use crate::index::location;
use crate::mirror::Mirrors;
use crate::release::{Releases, Verified};
use crate::repository::{self, BaseRequest};
use crate::suite::Suites;

/// Largest decompressed list, in bytes: those of Debian together have about 1 GB.
const LIST_CAP: u64 = 8 << 30;

/// Largest package that is read to list its files, in bytes, where the index has no digest of the whole of it.
const PACKAGE_CAP: u64 = 1 << 30;

/// Version of the index of commands that is kept.
const FORM: &str = "commands 1";

/// More packages than this are not shown for one path.
const MOST_FOUND: usize = 1000;

/// A file and a package that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Name of the package.
    pub package: String,
    /// Absolute path.
    pub path: String,
}

/// What is told of each file: its path and the package that has it.
type Visit<'a> = &'a mut dyn FnMut(&str, &str);

/// Lists of files as a base publishes them.
pub(crate) enum Lists {
    /// Those of the suites of Debian or Ubuntu.
    Debian { releases: Releases, suites: Suites, mirrors: Mirrors },
    /// Those beside the indexes of another base's repositories.
    Other(BaseRequest),
}

impl Engine {
    /// The packages that have a file whose path ends in `wanted`; `None` when the base publishes no lists of files.
    pub fn find_files(
        &self,
        catalog: &Catalog,
        wanted: &str,
        observer: &Observer<'_>,
    ) -> Result<Option<Vec<FoundFile>>, ResolveError> {
        let mut found = Vec::new();
        let mut visit = |path: &str, package: &str| {
            if is_meant(path, wanted) && found.len() < MOST_FOUND {
                let path = format!("/{}", path.trim_start_matches('/'));
                found.push(FoundFile { package: package.to_owned(), path });
            }
        };
        let there = self.visit_files(&self.lists(catalog, observer)?, &mut visit, observer)?;
        found.sort_by(|a, b| (&a.package, &a.path).cmp(&(&b.package, &b.path)));
        found.dedup();
        Ok(there.then_some(found))
    }

    /// The files of one package, by fetching and reading it.
    pub fn package_files(
        &self,
        catalog: &Catalog,
        package: Package<'_>,
        observer: &Observer<'_>,
    ) -> Result<Vec<String>, ResolveError> {
        let bytes = self.package_bytes(catalog, package, observer)?;
        archive::list(catalog.index.family(), package, &bytes).map_err(|source| ResolveError::Index {
            suite: package.source().suite.clone(),
            source: Box::new(source),
        })
    }

    fn package_bytes(
        &self,
        catalog: &Catalog,
        package: Package<'_>,
        observer: &Observer<'_>,
    ) -> Result<Vec<u8>, ResolveError> {
        let path = catalog.family().location(package);
        let urls = match catalog.suites() {
            Some(there) => {
                let (repository, path) = location(&package.source().base_url, &path);
                there?.1.urls(&repository, &path)
            }
            None => repository::urls(&catalog.request(), &package.source().suite, &path)?,
        };
        let suite = || package.source().suite.clone();
        let failed = |source| ResolveError::Fetch { suite: suite(), source };
        if let PackageDigest::Sha256(digest) = package.digest() {
            let name = format!("{} {}", package.name(), package.version());
            let download = Download { name, urls, size: None, digest: Digest(digest) };
            let blobs = self.fetcher.fetch_all(&[download], &(), observer.cancel).map_err(failed)?;
            return blobs.first().map_or(Ok(Vec::new()), |blob| self.read_blob(blob));
        }
        Ok(self.fetcher.get_small(&urls, PACKAGE_CAP, observer.cancel).map_err(failed)?.bytes)
    }

    fn read_blob(&self, blob: &BlobRef) -> Result<Vec<u8>, ResolveError> {
        let mut bytes = Vec::new();
        let mut file = self.store.blobs().open(blob.digest).map_err(ResolveError::Store)?;
        std::io::Read::read_to_end(&mut file, &mut bytes).map_err(|error| ResolveError::Index {
            suite: "the store".to_owned(),
            source: Box::new(error),
        })?;
        Ok(bytes)
    }

    /// The packages that ship a command or library of this name. What the index itself says comes first; the lists of
    /// the archive are only fetched when it says nothing.
    pub(crate) fn shipping(
        &self,
        index: &Index,
        lists: &Lists,
        name: &str,
        observer: &Observer<'_>,
    ) -> Result<Vec<String>, ResolveError> {
        let mut owners: Vec<String> = Vec::new();
        for provided in [format!("cmd:{name}"), format!("so:{name}")] {
            let id = index.name_id(&provided);
            for (package, _) in id.into_iter().flat_map(|id| index.providers(id)) {
                if !owners.iter().any(|known| known == package.name()) {
                    owners.push(package.name().to_owned());
                }
            }
        }
        if owners.is_empty() {
            let shipped = self.commands(lists, observer)?;
            owners = shipped.map_or_else(Vec::new, |shipped| {
                shipped.packages(name).into_iter().map(str::to_owned).collect()
            });
        }
        // Of several, the one that is called like the command is most likely meant.
        owners.sort_by_key(|owner| (owner != name, !owner.contains(name), owner.len()));
        Ok(owners)
    }

    /// The index of commands and libraries, made from the lists when they have changed; `None` without lists.
    fn commands(&self, lists: &Lists, observer: &Observer<'_>) -> Result<Option<Shipped>, ResolveError> {
        let key = self.lists_key(lists, observer)?;
        let kept = self.store.indexes().get(key).map_err(ResolveError::Store)?;
        if let Some(shipped) = kept.and_then(Shipped::open) {
            return Ok(Some(shipped));
        }
        let mut builder = Builder::default();
        let there = self.visit_files(lists, &mut |path, package| builder.add(path, package), observer)?;
        if !there {
            return Ok(None);
        }
        let bytes = builder.finish();
        self.store.indexes().put(key, &bytes).map_err(ResolveError::Store)?;
        Ok(Shipped::open(bytes))
    }

    /// Where the lists of a catalog are.
    fn lists(&self, catalog: &Catalog, observer: &Observer<'_>) -> Result<Lists, ResolveError> {
        let Some(there) = catalog.suites() else { return Ok(Lists::Other(catalog.request())) };
        let (suites, mirrors) = there?;
        let releases = self.verify_releases(&suites, &mirrors, observer)?;
        Ok(Lists::Debian { releases, suites, mirrors })
    }

    /// What the index of commands follows from.
    fn lists_key(&self, lists: &Lists, observer: &Observer<'_>) -> Result<Digest, ResolveError> {
        let mut hasher = Hasher::new();
        hasher.field("form", FORM.as_bytes());
        match lists {
            Lists::Debian { releases, suites, .. } => {
                for (_, file) in contents(releases, suites) {
                    hasher.field("list", &file.sha256);
                }
            }
            Lists::Other(request) => {
                hasher.field("lists of", &self.base_key(request, observer)?.0);
            }
        }
        Ok(hasher.finish())
    }

    /// Tells each file of every list; false when there are no lists.
    fn visit_files(
        &self,
        lists: &Lists,
        visit: Visit<'_>,
        observer: &Observer<'_>,
    ) -> Result<bool, ResolveError> {
        let Lists::Debian { releases, suites, mirrors } = lists else {
            let Lists::Other(request) = lists else { return Ok(false) };
            return self.visit_repositories(request, visit, observer);
        };
        let files: Vec<(&Verified, &ReleaseFile)> = contents(releases, suites).collect();
        let main = files.first().map(|(of, _)| of.suite.label()).unwrap_or_default();
        for (of, file) in &files {
            let suite = of.suite.label();
            let download =
                Download { name: format!("list of files of {suite}"), ..of.download(file, mirrors) };
            let blobs = match self.fetcher.fetch_all(&[download], &(), observer.cancel) {
                Ok(blobs) => blobs,
                // Of small suites that change often, archives do not always have the list that their release file is
                // about.
                Err(source) if suite != main && !observer.cancel.is_cancelled() => {
                    let reason =
                        source.status().map_or("it cannot be fetched", |_| "the mirror does not have it");
                    let message = format!("the list of files of `{suite}` is left out: {reason}");
                    observer.emit(Event::Warning { message });
                    continue;
                }
                Err(source) => return Err(ResolveError::Fetch { suite, source }),
            };
            let Some(blob) = blobs.first() else { continue };
            let file = self.store.blobs().open(blob.digest).map_err(ResolveError::Store)?;
            let refused = |source: Refusal| ResolveError::Index { suite: of.suite.label(), source };
            let plain = Capped::new(BufReader::new(file), LIST_CAP).map_err(|error| refused(error.into()))?;
            read_contents(BufReader::with_capacity(1 << 18, plain), visit).map_err(refused)?;
            if observer.cancel.is_cancelled() {
                return Err(ResolveError::Cancelled);
            }
        }
        Ok(!files.is_empty())
    }

    fn visit_repositories(
        &self,
        request: &BaseRequest,
        visit: Visit<'_>,
        observer: &Observer<'_>,
    ) -> Result<bool, ResolveError> {
        self.with_repositories(request, observer, &mut |reader, repositories, more| {
            let repositories: &[(&IndexSource, &Root)] = repositories;
            reader.files(repositories, more, visit)
        })
    }
}

/// The lists that verified release files vouch for: of one architecture, and of what fits every one.
fn contents<'r>(
    releases: &'r Releases,
    suites: &Suites,
) -> impl Iterator<Item = (&'r Verified, &'r ReleaseFile)> {
    let names = [suites.arch.as_str(), "all"].map(|arch| format!("Contents-{arch}.gz"));
    // What is read for explanations only is not in the system.
    releases.0.iter().filter(|of| of.suite.switch.is_empty()).flat_map(move |of| {
        // Debian has a list for each component, Ubuntu one for the whole suite.
        let directories = of.suite.components.iter().map(|component| format!("{component}/"));
        let names = names.clone();
        directories.chain([String::new()]).flat_map(move |directory| {
            let paths = names.clone().map(|name| format!("{directory}{name}"));
            paths.into_iter().filter_map(|path| of.release.files.get(&path)).map(move |file| (of, file))
        })
    })
}

fn read_contents(reader: impl BufRead, visit: Visit<'_>) -> Result<(), Refusal> {
    let mut contents = Contents::new(reader);
    while let Some(listed) = contents.next_file()? {
        listed.packages().for_each(|package| visit(listed.path, package));
    }
    Ok(())
}
