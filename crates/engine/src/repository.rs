//! The repositories of every base that is not of Debian's family: fetched, verified, read, and kept in a form that loads in milliseconds.

use std::thread;

use lbuild_fetch::Small;
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::Family;
use lbuild_spec::Blueprint;
use lbuild_spec::model::{Architecture, Base};
use lbuild_store::{Digest, Hasher, Watermark};

use crate::engine::Engine;
use crate::error::ResolveError;
use crate::event::Observer;
use crate::family::data::{Distribution, Release, Repository, distribution};
use crate::family::debian;
use crate::family::reader::{Known, More, Reader, Refusal, Root, reader};
use crate::release::now;

/// Largest index file, in bytes.
const INDEX_CAP: u64 = 256 << 20;

/// Largest signature beside an index file, in bytes.
const SIGNATURE_CAP: u64 = 1 << 20;

/// Priority of a repository, unless its family ranks them by their order.
const PRIORITY: i32 = 500;

/// Which packages to load.
#[derive(Debug, Clone)]
pub(crate) struct BaseRequest {
    /// The base.
    pub base: Base,
    /// Release; `None` means the stable one.
    pub release: Option<String>,
    /// Architecture.
    pub architecture: Architecture,
    /// Repositories; empty means the usual ones.
    pub components: Vec<String>,
    /// The other repositories of the release are read too, switched off: for explanations, and to look around.
    pub others: bool,
    /// Mirrors of the spec; empty means the environment's, then those of the base.
    pub mirrors: Vec<String>,
}

impl BaseRequest {
    /// The usual repositories of the stable release.
    pub(crate) fn usual(base: Base, architecture: Architecture) -> Self {
        Self { base, release: None, architecture, components: Vec::new(), others: false, mirrors: Vec::new() }
    }
}

/// The packages of a base.
pub(crate) struct LoadedBase {
    /// The packages.
    pub index: Index,
    /// The rules that they are resolved by.
    pub family: &'static dyn Family,
    /// Name of the release.
    pub release: String,
    /// The architecture in the base's own words.
    pub arch: String,
}

/// One repository of a request.
struct Part {
    source: IndexSource,
    /// Its directory on every mirror.
    urls: Vec<String>,
    index: String,
    signature: Option<String>,
}

/// Reads something of verified repositories, by the reader of their family.
pub(crate) type ReadMore<'a, T> =
    dyn FnMut(&'static dyn Reader, &[(&IndexSource, &Root)], More<'_>) -> Result<T, Refusal> + 'a;

/// What every part of a request has in common.
struct Plan {
    distribution: &'static Distribution,
    reader: &'static dyn Reader,
    release: &'static Release,
    arch: String,
    parts: Vec<Part>,
}

impl Engine {
    /// Fetches, verifies and reads the indexes of a base, or takes them from the cache when they have not changed.
    pub(crate) fn load_base(
        &self,
        request: &BaseRequest,
        observer: &Observer<'_>,
    ) -> Result<LoadedBase, ResolveError> {
        let plan = plan(request)?;
        let roots = self.roots(&plan, observer)?;
        let key = plan.key(&roots);
        let reader = plan.reader;
        let loaded = |index| LoadedBase {
            index,
            family: reader.family(),
            release: plan.release.name.clone(),
            arch: plan.arch.clone(),
        };
        if let Some(index) = self.cached_detailed(key)? {
            return Ok(loaded(index));
        }
        let more = |source: &IndexSource, path: &str| self.more(&plan, source, path, observer);
        let repositories: Vec<(&IndexSource, &Root)> =
            plan.parts.iter().map(|part| &part.source).zip(roots.iter().map(|(_, root)| root)).collect();
        let index = reader
            .read(&repositories, &more)
            .map_err(|source| ResolveError::Index { suite: plan.distribution.name.clone(), source })?;
        self.cache_index(key, &index)?;
        Ok(loaded(index))
    }

    /// What the packages of a base follow from.
    pub(crate) fn base_key(
        &self,
        request: &BaseRequest,
        observer: &Observer<'_>,
    ) -> Result<Digest, ResolveError> {
        let plan = plan(request)?;
        Ok(plan.key(&self.roots(&plan, observer)?))
    }

    /// Hands the verified repositories of a base to who reads more of them than packages.
    pub(crate) fn with_repositories<T>(
        &self,
        request: &BaseRequest,
        observer: &Observer<'_>,
        read: &mut ReadMore<'_, T>,
    ) -> Result<T, ResolveError> {
        let plan = plan(request)?;
        let roots = self.roots(&plan, observer)?;
        let repositories: Vec<(&IndexSource, &Root)> =
            plan.parts.iter().map(|part| &part.source).zip(roots.iter().map(|(_, root)| root)).collect();
        read(plan.reader, &repositories, &|source, path| self.more(&plan, source, path, observer))
            .map_err(|source| ResolveError::Index { suite: plan.distribution.name.clone(), source })
    }

    /// A further file of one of the repositories.
    fn more(
        &self,
        plan: &Plan,
        source: &IndexSource,
        path: &str,
        observer: &Observer<'_>,
    ) -> Result<Vec<u8>, Refusal> {
        let part = plan.parts.iter().find(|part| part.source.suite == source.suite);
        let part = part.ok_or("the repository is not one of those that were asked for")?;
        Ok(self.small(part, path, INDEX_CAP, observer)?.bytes)
    }

    /// The index file of every repository, each verified.
    fn roots(&self, plan: &Plan, observer: &Observer<'_>) -> Result<Vec<(Digest, Root)>, ResolveError> {
        thread::scope(|scope| {
            let start = |part| scope.spawn(move || self.root(plan, part, observer));
            let threads: Vec<_> = plan.parts.iter().map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or(Err(ResolveError::Cancelled))).collect()
        })
    }

    fn root(
        &self,
        plan: &Plan,
        part: &Part,
        observer: &Observer<'_>,
    ) -> Result<(Digest, Root), ResolveError> {
        let file = self.small(part, &part.index, INDEX_CAP, observer)?;
        let signature = part
            .signature
            .as_ref()
            .map(|path| self.small(part, path, SIGNATURE_CAP, observer))
            .transpose()?;
        let root = Root { bytes: file.bytes, signature: signature.map(|signature| signature.bytes) };
        let digest = file.blob.digest;
        self.verify_root(plan, part, &root, digest)?;
        Ok((digest, root))
    }

    /// Checks signature and date of an index file, and keeps the date for the next time.
    fn verify_root(&self, plan: &Plan, part: &Part, root: &Root, digest: Digest) -> Result<(), ResolveError> {
        let mark = format!("{}/{}", part.source.base_url, part.index);
        let seen = self.store.watermarks().get(&mark).map_err(ResolveError::Store)?;
        let watermark = seen.and_then(|seen| u64::try_from(seen.date).ok());
        let date = plan
            .reader
            .verify(root, &plan.release.keys(), &Known { now: now(), watermark })
            .map_err(|source| ResolveError::Refused { suite: part.source.suite.clone(), source })?;
        match date.and_then(|date| i64::try_from(date).ok()) {
            Some(date) if !self.offline => {
                self.store.watermarks().raise(&mark, Watermark { date, digest }).map_err(ResolveError::Store)
            }
            _ => Ok(()),
        }
    }

    fn small(
        &self,
        part: &Part,
        path: &str,
        cap: u64,
        observer: &Observer<'_>,
    ) -> Result<Small, ResolveError> {
        let urls: Vec<String> = part.urls.iter().map(|url| format!("{url}/{path}")).collect();
        self.fetcher
            .get_small(&urls, cap, observer.cancel)
            .map_err(|source| ResolveError::Fetch { suite: part.source.suite.clone(), source })
    }
}

impl Plan {
    /// The key of the cached form: it follows from nothing but the index files and where they came from.
    fn key(&self, roots: &[(Digest, Root)]) -> Digest {
        let mut hasher = Hasher::new();
        hasher.field("form", self.reader.form().as_bytes());
        for (Part { source, .. }, (digest, _)) in self.parts.iter().zip(roots) {
            for name in [&source.suite, &source.arch, &source.base_url, &source.switch] {
                hasher.field("name", name.as_bytes());
            }
            hasher.field("pin", &source.pin.to_le_bytes()).field("index", &digest.0);
        }
        hasher.finish()
    }
}

/// The repositories or components of a spec that names none.
pub fn usual_components(blueprint: &Blueprint) -> Vec<String> {
    if let Some(distro) = debian::distro_of(blueprint.base) {
        return distro.components.clone();
    }
    let request = BaseRequest { components: Vec::new(), ..BaseRequest::of(blueprint) };
    let parts = plan(&request).map(|plan| plan.parts).unwrap_or_default();
    parts.into_iter().map(|part| part.source.component).collect()
}

/// Where a file of a repository is on every mirror.
pub(crate) fn urls(request: &BaseRequest, repository: &str, path: &str) -> Result<Vec<String>, ResolveError> {
    let plan = plan(&BaseRequest { others: true, ..request.clone() })?;
    let part = plan.parts.iter().find(|part| part.source.suite == repository);
    Ok(part.into_iter().flat_map(|part| &part.urls).map(|url| format!("{url}/{path}")).collect())
}

/// The base's own name of an architecture.
pub(crate) fn architecture(base: Base, architecture: Architecture) -> Result<String, ResolveError> {
    let data = distribution(base).ok_or_else(|| ResolveError::Base { base: base.key().to_owned() })?;
    let key = architecture.key();
    data.architectures.get(key).cloned().ok_or_else(|| ResolveError::Choice {
        what: key.to_owned(),
        kind: "architecture",
        base: data.name.clone(),
        known: data.architectures.keys().cloned().collect(),
    })
}

fn plan(request: &BaseRequest) -> Result<Plan, ResolveError> {
    let name = request.release.as_deref().unwrap_or("stable");
    let no_base = || ResolveError::Base { base: request.base.key().to_owned() };
    let distribution = distribution(request.base).ok_or_else(no_base)?;
    let reader = reader(request.base).ok_or_else(no_base)?;
    let release = distribution.release(name).ok_or_else(|| ResolveError::UnknownRelease {
        base: distribution.name.clone(),
        release: name.to_owned(),
        known: distribution.releases.iter().map(|release| release.name.clone()).collect(),
    })?;
    let arch = architecture(request.base, request.architecture)?;
    let mirrors = mirrors(request, distribution);
    let repositories = repositories(request, distribution, release)?;
    let part = |(repository, switch): &(&Repository, String)| {
        let directory = repository.directory(release, &arch);
        let source = IndexSource {
            suite: repository.id.clone(),
            component: repository.id.clone(),
            arch: arch.clone(),
            base_url: format!("{}/{directory}", distribution.name),
            pin: PRIORITY,
            switch: switch.clone(),
            ..IndexSource::default()
        };
        Part {
            source,
            urls: mirrors.iter().map(|mirror| format!("{mirror}/{directory}")).collect(),
            index: repository.index.replace("{arch}", &arch),
            signature: repository.signature.as_ref().map(|path| path.replace("{arch}", &arch)),
        }
    };
    let parts = repositories.iter().map(part).collect();
    Ok(Plan { distribution, reader, release, arch, parts })
}

/// The repositories that are read, in the order of the base, each with what switches it on if it is not asked for.
fn repositories<'d>(
    request: &BaseRequest,
    distribution: &'d Distribution,
    release: &Release,
) -> Result<Vec<(&'d Repository, String)>, ResolveError> {
    let key = request.architecture.key();
    let there = |repository: &&Repository| repository.is_of(release, key);
    let all: Vec<&Repository> = distribution.repositories.iter().filter(there).collect();
    if let Some(missing) =
        request.components.iter().find(|name| !all.iter().any(|repository| repository.id == **name))
    {
        return Err(ResolveError::Component {
            suite: distribution.name.clone(),
            component: missing.clone(),
            architecture: key.to_owned(),
            known: all.iter().map(|repository| repository.id.clone()).collect(),
        });
    }
    let asked = |repository: &&Repository| match &request.components[..] {
        [] => repository.default,
        names => names.contains(&repository.id),
    };
    let off = |repository: &Repository| format!("component {}", repository.id);
    let switch = |repository: &&Repository| if asked(repository) { String::new() } else { off(repository) };
    let read = all.into_iter().filter(|repository| request.others || asked(repository));
    Ok(read.map(|repository| (repository, switch(&repository))).collect())
}

/// The spec's mirrors, then `LBUILD_MIRROR_<BASE>`, then those of the base.
fn mirrors(request: &BaseRequest, distribution: &Distribution) -> Vec<String> {
    let variable = format!("LBUILD_MIRROR_{}", distribution.name.to_uppercase());
    let environment = std::env::var(variable).unwrap_or_default();
    let environment = environment.split_whitespace().map(str::to_owned).collect();
    let chosen = [request.mirrors.clone(), environment, distribution.mirrors.clone()];
    let chosen = chosen.into_iter().find(|list| !list.is_empty()).unwrap_or_default();
    chosen.iter().map(|url| url.trim_end_matches('/').to_owned()).collect()
}
