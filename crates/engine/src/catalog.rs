//! The packages of a release, to look around in.

use lbuild_repo::deb::resolve::Debian;
use lbuild_repo::index::Index;
use lbuild_repo::resolve::{Family, Request};
use lbuild_spec::Blueprint;
use lbuild_spec::model::{Architecture, Base};

use crate::engine::Engine;
use crate::error::ResolveError;
use crate::event::Observer;
use crate::family::debian;
use crate::mirror::Mirrors;
use crate::suite::Suites;

/// Everything that a release of a base has.
#[derive(Debug)]
pub struct Catalog {
    /// The packages, with their summaries. Sources that a spec would have to switch on are off.
    pub index: Index,
    /// Codename of the release.
    pub release: String,
    /// The architecture in the base's own words.
    pub architecture: String,
}

impl Catalog {
    /// The rules by which its packages are chosen.
    pub fn family(&self) -> &'static dyn Family {
        &Debian
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
        let distro = debian::distro();
        let name = release.unwrap_or("stable");
        let unknown = || ResolveError::Base { base: base.key().to_owned(), release: name.to_owned() };
        let release = (base == Base::Debian).then(|| distro.release(name)).flatten().ok_or_else(unknown)?;
        let key = match architecture {
            Architecture::X86_64 => "x86_64",
            Architecture::Aarch64 => "aarch64",
        };
        let arch = distro.architectures.get(key).ok_or_else(unknown)?;
        let suites = Suites::of_tools(release, arch).wider(release);
        let index = self.load_detailed(&suites, &Mirrors::of(None), observer)?;
        Ok(Catalog { index, release: release.codename.clone(), architecture: arch.clone() })
    }

    /// What the resolver is asked for a spec, without what packs and boots its images.
    pub fn request(&self, blueprint: &Blueprint) -> Result<Request, ResolveError> {
        Ok(debian::requests(debian::distro(), blueprint)?.system)
    }
}
