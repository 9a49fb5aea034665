//! From a blueprint to a lock.

use std::collections::{BTreeMap, BTreeSet};

use lbuild_repo::deb::index::Index;
use lbuild_repo::deb::resolve::{self as deb, Request, Selected};
use lbuild_spec::Blueprint;
use lbuild_spec::model::Base;
use lbuild_store::{Digest, Hasher};

use crate::engine::Engine;
use crate::error::{Conflict, ResolveError};
use crate::event::Observer;
use crate::family::debian::{self, Cause, Distro, Release, Requests};
use crate::index::{Loaded, Releases, Suites};
use crate::lock::{FORMAT, Lock, LockedPackage, Tier};
use crate::mirror::Mirrors;
use crate::support;

/// The system's packages and the indexes that they were chosen from.
pub struct Resolution {
    /// The packages, by name.
    pub packages: Vec<LockedPackage>,
    loaded: Loaded,
    requests: Requests,
    arch: String,
}

impl Engine {
    /// Chooses the packages of a system.
    pub fn resolve(
        &self,
        blueprint: &Blueprint,
        observer: &Observer<'_>,
    ) -> Result<Resolution, ResolveError> {
        let distro = debian::distro();
        let release = release_of(distro, blueprint)?;
        let arch = debian::architecture(distro, blueprint)?;
        let requests = debian::requests(distro, blueprint)?;
        let mirrors = Mirrors::of(Some(blueprint));
        let loaded = self.load_indexes(&suites(blueprint, release, &arch), &mirrors, observer)?;
        let packages = system(&loaded.index, &requests)?;
        Ok(Resolution { packages, loaded, requests, arch })
    }

    /// Chooses the packages of a system and of the tools that make and boot its images.
    ///
    /// The answer is kept under the spec and the release files that it follows from: as long as a mirror says that
    /// nothing has changed, the same spec has the same lock without an index being loaded.
    pub fn lock(&self, blueprint: &Blueprint, observer: &Observer<'_>) -> Result<Lock, ResolveError> {
        support::check(blueprint)?;
        let distro = debian::distro();
        let release = release_of(distro, blueprint)?;
        let arch = debian::architecture(distro, blueprint)?;
        let mirrors = Mirrors::of(Some(blueprint));
        let suites = suites(blueprint, release, &arch);
        let releases = self.verify_releases(&suites, &mirrors, observer)?;
        // The tools of another release follow from other release files.
        let key = (release.codename == distro.tools_release).then(|| answer_key(blueprint, &releases));
        if let Some(lock) = key.and_then(|key| self.known_lock(key)) {
            return Ok(lock);
        }
        let requests = debian::requests(distro, blueprint)?;
        let loaded = self.load_verified(&suites, &releases, &mirrors, observer)?;
        let packages = system(&loaded.index, &requests)?;
        let resolution = Resolution { packages, loaded, requests, arch };
        let (tools, boot) = self.tools(distro, release, &resolution, observer)?;
        let lock = Lock {
            version: FORMAT,
            name: blueprint.name.clone(),
            base: distro.name.clone(),
            release: release.codename.clone(),
            architecture: resolution.arch,
            spec: Digest(blueprint.digest),
            epoch: resolution.loaded.epoch,
            index: resolution.loaded.locked,
            system: resolution.packages,
            tools,
            boot,
        };
        if let Some(key) = key {
            self.store.indexes().put(key, lock.to_text().as_bytes()).map_err(ResolveError::Store)?;
        }
        Ok(lock)
    }

    /// A lock that was made before; one that cannot be read is made anew.
    fn known_lock(&self, key: Digest) -> Option<Lock> {
        let bytes = self.store.indexes().get(key).ok()??;
        Lock::parse(std::str::from_utf8(&bytes).ok()?, "the store").ok()
    }

    /// The tools come from one release, whatever release the image is of.
    fn tools(
        &self,
        distro: &Distro,
        release: &Release,
        resolution: &Resolution,
        observer: &Observer<'_>,
    ) -> Result<(Vec<LockedPackage>, Vec<LockedPackage>), ResolveError> {
        let requests = &resolution.requests;
        if release.codename == distro.tools_release {
            let index = &resolution.loaded.index;
            return Ok((closure(index, &requests.tools)?, closure(index, &requests.boot)?));
        }
        let index = self.tools_index(distro, &resolution.arch, observer)?.index;
        Ok((closure(&index, &requests.tools)?, closure(&index, &requests.boot)?))
    }

    fn tools_index(
        &self,
        distro: &Distro,
        arch: &str,
        observer: &Observer<'_>,
    ) -> Result<Loaded, ResolveError> {
        let release = known(distro, &distro.tools_release)?;
        let suites = Suites {
            release,
            arch: arch.to_owned(),
            components: vec!["main".to_owned()],
            updates: true,
            security: true,
            backports: false,
            pins: Vec::new(),
        };
        self.load_indexes(&suites, &Mirrors::of(None), observer)
    }

    /// The packages that boot an image that nobody described.
    pub(crate) fn boot_tools(&self, observer: &Observer<'_>) -> Result<Vec<LockedPackage>, ResolveError> {
        let distro = debian::distro();
        let loaded = self.tools_index(distro, "amd64", observer)?;
        closure(&loaded.index, &debian::boot_request("amd64"))
    }
}

/// Goes up when the resolver chooses otherwise for the same request.
const ANSWER: u32 = 1;

fn answer_key(blueprint: &Blueprint, releases: &Releases) -> Digest {
    let mut hasher = Hasher::new();
    hasher
        .field("answer", &ANSWER.to_le_bytes())
        .field("program", env!("CARGO_PKG_VERSION").as_bytes())
        .field("spec", &blueprint.digest)
        .field("releases", &releases.digest().0);
    hasher.finish()
}

fn release_of<'a>(distro: &'a Distro, blueprint: &Blueprint) -> Result<&'a Release, ResolveError> {
    let name = blueprint.release.as_deref().unwrap_or("stable");
    if blueprint.base != Base::Debian {
        let base = blueprint.base.key().to_owned();
        return Err(ResolveError::Base { base, release: name.to_owned() });
    }
    known(distro, name)
}

fn known<'a>(distro: &'a Distro, name: &str) -> Result<&'a Release, ResolveError> {
    let unknown = || ResolveError::Base { base: distro.name.clone(), release: name.to_owned() };
    distro.release(name).ok_or_else(unknown)
}

fn suites<'a>(blueprint: &Blueprint, release: &'a Release, arch: &str) -> Suites<'a> {
    let asked = &blueprint.repositories;
    let components =
        if asked.components.is_empty() { vec!["main".to_owned()] } else { asked.components.clone() };
    Suites {
        release,
        arch: arch.to_owned(),
        components,
        updates: asked.suites.updates,
        security: asked.suites.security,
        backports: asked.suites.backports,
        pins: debian::pins(blueprint),
    }
}

/// The whole system, each package with its tree layer.
///
/// The base set is resolved by itself too, so that its tree stays the same whatever is added on top, and so is the
/// core below it, so that the initramfs can be made while the rest is installed. Where a higher tier changes a lower
/// one, they become one layer: correctness before reuse.
fn system(index: &Index, requests: &Requests) -> Result<Vec<LockedPackage>, ResolveError> {
    let all = select(index, &requests.system, &requests.causes)?;
    let known = names(&all);
    let base = names(&select(index, &requests.base, &requests.causes)?);
    let layered = base.is_subset(&known);
    let core =
        requests.core.as_ref().map(|core| select(index, core, &[])).transpose()?.map(|core| names(&core));
    let core = core.filter(|core| core.is_subset(if layered { &base } else { &known })).unwrap_or_default();
    let tier = |package: &Selected| match identity(package) {
        identity if core.contains(&identity) => Tier::Core,
        identity if !layered || base.contains(&identity) => Tier::Base,
        _ => Tier::Added,
    };
    Ok(all.iter().map(|package| locked(package, tier(package))).collect())
}

fn closure(index: &Index, request: &Request) -> Result<Vec<LockedPackage>, ResolveError> {
    if request.packages.is_empty() {
        return Ok(Vec::new());
    }
    Ok(select(index, request, &[])?.iter().map(|package| locked(package, Tier::Base)).collect())
}

fn select(index: &Index, request: &Request, causes: &[Cause]) -> Result<Vec<Selected>, ResolveError> {
    match deb::resolve(index, request) {
        Ok(selection) => Ok(selection.packages),
        Err(reason) => Err(ResolveError::Conflict(Box::new(Conflict { reason, causes: causes.to_vec() }))),
    }
}

type Identity = (String, String, String);

fn identity(package: &Selected) -> Identity {
    (package.name.clone(), package.arch.clone(), package.version.clone())
}

fn names(packages: &[Selected]) -> BTreeSet<Identity> {
    packages.iter().map(identity).collect()
}

fn locked(package: &Selected, tier: Tier) -> LockedPackage {
    LockedPackage {
        name: package.name.clone(),
        version: package.version.clone(),
        arch: package.arch.clone(),
        tier,
        repository: package.base_url.clone(),
        path: package.filename.clone(),
        size: package.size,
        installed_size: package.installed_size_bytes,
        sha256: Digest(package.sha256),
        requested_by: package.requested_by.clone(),
    }
}

/// Names and versions of packages, for reports.
pub(crate) fn versions(packages: &[LockedPackage]) -> BTreeMap<String, String> {
    packages.iter().map(|package| (package.name.clone(), package.version.clone())).collect()
}
