//! From a blueprint to a lock.

use std::collections::{BTreeMap, BTreeSet};

use lbuild_repo::deb::resolve::Debian;
use lbuild_repo::index::Index;
use lbuild_repo::resolve::{self, Forced, Request, Selected, Snapshot};
use lbuild_spec::Blueprint;
use lbuild_spec::model::{Architecture, Base};
use lbuild_store::{Digest, Hasher};

use crate::conflict::Conflict;
use crate::engine::Engine;
use crate::error::ResolveError;
use crate::event::Observer;
use crate::family::Cause;
use crate::family::data::distribution;
use crate::family::debian::{self, Distro, Release, Requests};
use crate::files::Lists;
use crate::index;
use crate::knowledge::{Known, Waiting};
use crate::lock::{FORMAT, Lock, LockedIndex, LockedPackage, Tier};
use crate::mirror::Mirrors;
use crate::release::Releases;
use crate::suite::{self, Suites};
use crate::support;

/// The system's packages.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// The packages, by name.
    pub packages: Vec<Selected>,
}

/// What a spec is resolved from.
struct Sources {
    mirrors: Mirrors,
    suites: Suites,
    releases: Releases,
    /// What the tools are chosen from, where that is not what the system is chosen from.
    tools: Option<(Suites, Releases)>,
}

impl Engine {
    /// Chooses the packages of a system.
    pub fn resolve(
        &self,
        blueprint: &Blueprint,
        observer: &Observer<'_>,
    ) -> Result<Resolution, ResolveError> {
        let blueprint = blueprint.clone();
        self.unless_stopped(observer, move |engine, observer| engine.resolve_system(&blueprint, observer))
    }

    pub(crate) fn resolve_system(
        &self,
        blueprint: &Blueprint,
        observer: &Observer<'_>,
    ) -> Result<Resolution, ResolveError> {
        let Some(distro) = debian::distro_of(blueprint.base) else {
            return Ok(Resolution { packages: self.choose(blueprint, observer)? });
        };
        let release = release_of(distro, blueprint)?;
        let arch = debian::architecture(distro, blueprint)?;
        let requests = self.requests(distro, blueprint)?;
        let mirrors = Mirrors::of(Some(blueprint));
        let suites = Suites::of_system(blueprint, distro, release, &arch)?;
        let (index, _) = self.load_indexes(&suites, &mirrors, observer)?;
        let further = Further { suites: &suites, release, mirrors: &mirrors, base: blueprint.base };
        let explained = |error| self.explained(error, &further, &requests, observer);
        let packages =
            select(&index, &requests.system, &requests.causes, &Waiting(observer)).map_err(explained)?;
        Ok(Resolution { packages })
    }

    /// The problem of a spec as it can be solved again without any index, answered or not.
    pub fn problem(&self, blueprint: &Blueprint, observer: &Observer<'_>) -> Result<Snapshot, ResolveError> {
        let blueprint = blueprint.clone();
        self.unless_stopped(observer, move |engine, observer| engine.state_problem(&blueprint, observer))
    }

    fn state_problem(
        &self,
        blueprint: &Blueprint,
        observer: &Observer<'_>,
    ) -> Result<Snapshot, ResolveError> {
        let Some(distro) = debian::distro_of(blueprint.base) else {
            return self.problem_of(blueprint, observer);
        };
        let release = release_of(distro, blueprint)?;
        let arch = debian::architecture(distro, blueprint)?;
        let requests = self.requests(distro, blueprint)?;
        let mirrors = Mirrors::of(Some(blueprint));
        let suites = Suites::of_system(blueprint, distro, release, &arch)?.wider(release);
        let (index, _) = self.load_indexes(&suites, &mirrors, observer)?;
        Ok(Snapshot::of(&Debian, &index, &requests.system))
    }

    fn requests(&self, distro: &Distro, blueprint: &Blueprint) -> Result<Requests, ResolveError> {
        let mut requests = debian::requests(distro, blueprint)?;
        requests.system.force.clone_from(&self.force);
        requests.base.force.clone_from(&self.force);
        Ok(requests)
    }

    /// A conflict explained with what the archive has besides, such as backports and other components. Where that
    /// cannot be read, the explanation stays as it is.
    fn explained(
        &self,
        error: ResolveError,
        further: &Further<'_>,
        requests: &Requests,
        observer: &Observer<'_>,
    ) -> ResolveError {
        let ResolveError::Conflict(conflict) = error else { return error };
        let suites = further.suites.wider(further.release);
        let Ok((index, releases)) = self.load_indexes(&suites, further.mirrors, observer) else {
            return ResolveError::Conflict(conflict);
        };
        let (suites, mirrors) = (further.suites.clone(), further.mirrors.clone());
        let lists = Lists::Debian { releases, suites, mirrors };
        let known = Known { base: further.base, engine: self, index: &index, lists: &lists, observer };
        match resolve::resolve_with(&Debian, &index, &requests.system, &known) {
            Err(_) if observer.cancel.is_cancelled() => ResolveError::Cancelled,
            Err(mut reason) => {
                name_sources(&index, &mut reason);
                ResolveError::Conflict(Box::new(Conflict { reason, ..*conflict }))
            }
            Ok(_) => ResolveError::Conflict(conflict),
        }
    }

    /// Chooses the packages of a system and of the tools that make and boot its images.
    ///
    /// The answer is kept under the spec and the release files that it follows from: as long as a mirror says that
    /// nothing has changed, the same spec has the same lock without an index being loaded.
    pub fn lock(&self, blueprint: &Blueprint, observer: &Observer<'_>) -> Result<Lock, ResolveError> {
        let blueprint = blueprint.clone();
        self.unless_stopped(observer, move |engine, observer| engine.find_lock(&blueprint, observer))
    }

    pub(crate) fn find_lock(
        &self,
        blueprint: &Blueprint,
        observer: &Observer<'_>,
    ) -> Result<Lock, ResolveError> {
        support::check(blueprint)?;
        let distro = debian::distro();
        let sources = self.sources(distro, blueprint, observer)?;
        let key = answer_key(blueprint, &sources, &self.force);
        if let Some(lock) = self.known_lock(key) {
            return Ok(lock);
        }
        let requests = self.requests(distro, blueprint)?;
        let index = self.load_verified(&sources.suites, &sources.releases, &sources.mirrors, observer)?;
        let release = release_of(distro, blueprint)?;
        let further =
            Further { suites: &sources.suites, release, mirrors: &sources.mirrors, base: blueprint.base };
        let explained = |error| self.explained(error, &further, &requests, observer);
        let waiting = Waiting(observer);
        let system = system(&index, &requests, &waiting).map_err(explained)?;
        let index = match &sources.tools {
            Some((suites, releases)) => self.load_verified(suites, releases, &sources.mirrors, observer)?,
            None => index,
        };
        let lock = Lock {
            version: FORMAT,
            name: blueprint.name.clone(),
            base: distro.name.clone(),
            release: release.codename.clone(),
            architecture: sources.suites.arch.clone(),
            spec: Digest(blueprint.digest),
            epoch: sources.releases.epoch(),
            index: sources.locked(),
            pins: sources.suites.pins.iter().map(debian::pin_text).collect(),
            forced: self.force.iter().map(|forced| format!("{}={}", forced.name, forced.version)).collect(),
            system,
            tools: closure(&index, &requests.tools, &waiting)?,
            boot: closure(&index, &requests.boot, &waiting)?,
        };
        self.store.indexes().put(key, lock.to_text().as_bytes()).map_err(ResolveError::Store)?;
        Ok(lock)
    }

    /// Verifies the release files that a lock follows from.
    fn sources(
        &self,
        distro: &Distro,
        blueprint: &Blueprint,
        observer: &Observer<'_>,
    ) -> Result<Sources, ResolveError> {
        let release = release_of(distro, blueprint)?;
        let arch = debian::architecture(distro, blueprint)?;
        let mirrors = Mirrors::of(Some(blueprint));
        let suites = Suites::of_system(blueprint, distro, release, &arch)?;
        let releases = self.verify_releases(&suites, &mirrors, observer)?;
        // The tools come from the archive of one release, whatever the image is of and whatever the spec adds to it.
        let same = release.codename == distro.tools_release() && suites.are_usual();
        let tools = if same {
            None
        } else {
            let suites = Suites::of_tools(distro, known(distro, distro.tools_release())?, &arch)?;
            let releases = self.verify_releases(&suites, &mirrors, observer)?;
            Some((suites, releases))
        };
        Ok(Sources { mirrors, suites, releases, tools })
    }

    /// A lock that was made before; one that cannot be read is made anew.
    fn known_lock(&self, key: Digest) -> Option<Lock> {
        let bytes = self.store.indexes().get(key).ok()??;
        Lock::parse(std::str::from_utf8(&bytes).ok()?, "the store").ok()
    }

    /// The packages that boot an image that nobody described.
    pub(crate) fn boot_tools(&self, observer: &Observer<'_>) -> Result<Vec<LockedPackage>, ResolveError> {
        self.unless_stopped(observer, |engine, observer| {
            let distro = debian::distro();
            let suites = Suites::of_tools(distro, known(distro, distro.tools_release())?, "amd64")?;
            let (index, _) = engine.load_indexes(&suites, &Mirrors::of(None), observer)?;
            closure(&index, &debian::boot_request("amd64"), &Waiting(observer))
        })
    }
}

/// What an explanation may look at besides.
struct Further<'a> {
    suites: &'a Suites,
    release: &'a Release,
    mirrors: &'a Mirrors,
    base: Base,
}

impl Sources {
    fn releases(&self) -> impl Iterator<Item = &Releases> {
        [&self.releases].into_iter().chain(self.tools.as_ref().map(|(_, releases)| releases))
    }

    /// The indexes of the lock, each once.
    fn locked(&self) -> Vec<LockedIndex> {
        let mut all: Vec<LockedIndex> = Vec::new();
        for index in self.releases().flat_map(Releases::locked) {
            let same =
                |known: &LockedIndex| (&known.repository, &known.suite) == (&index.repository, &index.suite);
            if !all.iter().any(same) {
                all.push(index);
            }
        }
        all
    }
}

/// The flavor whose kernel is the package `name`.
pub fn flavor_of_kernel(base: Base, architecture: Architecture, name: &str) -> Option<String> {
    let kernels = if base == Base::Debian {
        let distro = debian::distro();
        distro.kernels.get(&distro.architecture(architecture).ok()?)
    } else {
        distribution(base)?.kernels.get(architecture.key())
    };
    let flavor = kernels?.iter().find(|(_, package)| *package == name);
    flavor.map(|(flavor, _)| flavor.clone())
}

/// Goes up when the resolver chooses otherwise for the same request.
const ANSWER: u32 = 3;

fn answer_key(blueprint: &Blueprint, sources: &Sources, force: &[Forced]) -> Digest {
    let mut hasher = Hasher::new();
    hasher
        .field("answer", &ANSWER.to_le_bytes())
        .field("program", env!("CARGO_PKG_VERSION").as_bytes())
        .field("spec", &blueprint.digest);
    for forced in force {
        hasher.field("forced", forced.name.as_bytes()).field("version", forced.version.as_bytes());
    }
    for releases in sources.releases() {
        hasher.field("releases", &releases.digest().0);
    }
    hasher.finish()
}

fn release_of<'a>(distro: &'a Distro, blueprint: &Blueprint) -> Result<&'a Release, ResolveError> {
    known(distro, blueprint.release.as_deref().unwrap_or("stable"))
}

pub(crate) fn known<'a>(distro: &'a Distro, name: &str) -> Result<&'a Release, ResolveError> {
    let unknown = || ResolveError::UnknownRelease {
        base: distro.name.clone(),
        release: name.to_owned(),
        known: distro.releases.iter().map(|release| release.codename.clone()).collect(),
    };
    distro.release(name).ok_or_else(unknown)
}

/// The whole system, each package with its tree layer.
///
/// The base set is resolved by itself too, so that its tree stays the same whatever is added on top, and so is the
/// core below it, so that the initramfs can be made while the rest is installed. Where a higher tier changes a lower
/// one, they become one layer: correctness before reuse.
fn system(
    index: &Index,
    requests: &Requests,
    waiting: &Waiting<'_>,
) -> Result<Vec<LockedPackage>, ResolveError> {
    let all = select(index, &requests.system, &requests.causes, waiting)?;
    let known = names(&all);
    let base = names(&select(index, &requests.base, &requests.causes, waiting)?);
    let layered = base.is_subset(&known);
    let core = requests.core.as_ref().map(|core| select(index, core, &[], waiting)).transpose()?;
    let core = core.map(|core| names(&core));
    let core = core.filter(|core| core.is_subset(if layered { &base } else { &known })).unwrap_or_default();
    let tier = |package: &Selected| match identity(package) {
        identity if core.contains(&identity) => Tier::Core,
        identity if !layered || base.contains(&identity) => Tier::Base,
        _ => Tier::Added,
    };
    let system =
        |package: &Selected| LockedPackage { auto: package.automatic, ..locked(package, tier(package)) };
    Ok(all.iter().map(system).collect())
}

fn closure(
    index: &Index,
    request: &Request,
    waiting: &Waiting<'_>,
) -> Result<Vec<LockedPackage>, ResolveError> {
    if request.packages.is_empty() {
        return Ok(Vec::new());
    }
    Ok(select(index, request, &[], waiting)?.iter().map(|package| locked(package, Tier::Base)).collect())
}

fn select(
    index: &Index,
    request: &Request,
    causes: &[Cause],
    waiting: &Waiting<'_>,
) -> Result<Vec<Selected>, ResolveError> {
    match resolve::resolve_with(&Debian, index, request, waiting) {
        Ok(selection) => Ok(selection.packages),
        Err(_) if waiting.0.cancel.is_cancelled() => Err(ResolveError::Cancelled),
        Err(mut reason) => {
            name_sources(index, &mut reason);
            Err(ResolveError::Conflict(Box::new(Conflict { reason, causes: causes.to_vec() })))
        }
    }
}

/// Says of each package of an explanation that comes from a source of the spec, from which one.
fn name_sources(index: &Index, reason: &mut resolve::Unsatisfiable) {
    let ends: Vec<String> = reason.chain.iter().flat_map(|link| [&link.from, &link.to]).cloned().collect();
    let mut labels = BTreeMap::new();
    for end in &ends {
        let mut words = end.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next()) else { continue };
        let version = version.trim_end_matches(',');
        let package = index.named(name).find(|package| package.version() == version);
        let source = package.and_then(|package| suite::source_of(&package.source().base_url));
        if let Some(source) = source.and_then(|source| source.split(' ').next()) {
            labels.insert(format!("{name} {version}"), format!("{name} {version} of source `{source}`"));
        }
    }
    for (label, named) in &labels {
        let texts = reason.chain.iter_mut().flat_map(|link| [&mut link.from, &mut link.to]);
        for text in texts.chain([&mut reason.summary]) {
            *text = replace_word(text, label, named);
        }
    }
}

/// Replaces `word` where it is not the start of a longer one.
fn replace_word(text: &str, word: &str, by: &str) -> String {
    let mut parts = text.split(word);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let ends = part.is_empty() || part == "." || part.starts_with([' ', ',', ':', ')']);
        out.push_str(if ends { by } else { word });
        out.push_str(part);
    }
    out
}

type Identity = (String, String, String);

fn identity(package: &Selected) -> Identity {
    (package.name.clone(), package.arch.clone(), package.version.clone())
}

fn names(packages: &[Selected]) -> BTreeSet<Identity> {
    packages.iter().map(identity).collect()
}

fn locked(package: &Selected, tier: Tier) -> LockedPackage {
    let (repository, path) = index::location(&package.base_url, &package.location);
    LockedPackage {
        name: package.name.clone(),
        version: package.version.clone(),
        arch: package.arch.clone(),
        tier,
        repository,
        path,
        size: package.size,
        installed_size: package.installed_size_bytes,
        sha256: Digest(package.digest.sha256().expect("an index of Debian has no package without it")),
        requested_by: package.requested_by.clone(),
        auto: false,
    }
}

/// Names and versions of packages, for reports.
pub(crate) fn versions(packages: &[LockedPackage]) -> BTreeMap<String, String> {
    packages.iter().map(|package| (package.name.clone(), package.version.clone())).collect()
}
