//! The packages of a release, to look around in.

use lbuild_repo::deb::resolve::Debian;
use lbuild_repo::index::Index;
use lbuild_repo::resolve::{Family, Request};
use lbuild_spec::Blueprint;
use lbuild_spec::model::{Architecture, Base};

use crate::choice;
use crate::engine::Engine;
use crate::error::ResolveError;
use crate::event::Observer;
use crate::family::debian;
use crate::mirror::Mirrors;
use crate::repository::{BaseRequest, LoadedBase};
use crate::resolve::known;
use crate::suite::Suites;

/// Everything that a release of a base has.
pub struct Catalog {
    /// The packages, with their summaries. Sources that a spec would have to switch on are off.
    pub index: Index,
    /// Codename of the release.
    pub release: String,
    /// The architecture in the base's own words.
    pub architecture: String,
    family: &'static dyn Family,
    pub(crate) base: Base,
    machine: Architecture,
}

impl Catalog {
    /// The rules by which its packages are chosen.
    pub fn family(&self) -> &'static dyn Family {
        self.family
    }

    /// What it was read from, of every base that is not of Debian's family.
    pub(crate) fn request(&self) -> BaseRequest {
        BaseRequest { release: Some(self.release.clone()), ..BaseRequest::usual(self.base, self.machine) }
    }

    /// The suites and mirrors that it was read from; `None` for bases that are not of Debian's family.
    pub(crate) fn suites(&self) -> Option<Result<(Suites, Mirrors), ResolveError>> {
        let distro = debian::distro_of(self.base)?;
        let suites = known(distro, &self.release)
            .and_then(|release| Suites::of_tools(distro, release, &self.architecture));
        Some(suites.map(|suites| (suites, Mirrors::of_architecture(self.machine))))
    }
}

impl Engine {
    /// Reads the packages of a release, `stable` if none is named.
    pub fn catalog(
        &self,
        base: Base,
        release: Option<&str>,
        architecture: Architecture,
        observer: &Observer<'_>,
    ) -> Result<Catalog, ResolveError> {
        let release = release.map(str::to_owned);
        self.unless_stopped(observer, move |engine, observer| {
            engine.catalog_here(base, release, architecture, observer)
        })
    }

    /// The same in the thread that calls, which sees a request to stop between two parts of the work.
    pub fn catalog_here(
        &self,
        base: Base,
        release: Option<String>,
        architecture: Architecture,
        observer: &Observer<'_>,
    ) -> Result<Catalog, ResolveError> {
        let Some(distro) = debian::distro_of(base) else {
            let request = BaseRequest { release, ..BaseRequest::usual(base, architecture) };
            // Repositories that cannot be had and are not in use are no reason to show nothing.
            let wider = BaseRequest { others: true, ..request.clone() };
            let loaded = self.load_base(&wider, observer).or_else(|_| self.load_base(&request, observer))?;
            let LoadedBase { index, family, release, arch } = loaded;
            return Ok(Catalog { index, release, architecture: arch, family, base, machine: architecture });
        };
        let release = known(distro, release.as_deref().unwrap_or("stable"))?;
        let arch = distro.architecture(architecture)?;
        let suites = Suites::of_tools(distro, release, &arch)?.wider(release);
        let index = self.load_detailed(&suites, &Mirrors::of_architecture(architecture), observer)?;
        let release = release.codename.clone();
        Ok(Catalog { index, release, architecture: arch, family: &Debian, base, machine: architecture })
    }

    /// What the resolver is asked for a spec, without what packs and boots its images.
    pub fn request(&self, blueprint: &Blueprint) -> Result<Request, ResolveError> {
        match debian::distro_of(blueprint.base) {
            None => Ok(choice::request(blueprint)?.0),
            Some(distro) => Ok(debian::requests(distro, blueprint)?.system),
        }
    }
}
