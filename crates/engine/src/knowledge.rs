//! What is known about names that no index of a base has.

use lbuild_repo::index::Index;
use lbuild_repo::resolve::Knowledge;
use lbuild_spec::model::Base;
use lbuild_spec::names::PackageMap;

use crate::engine::Engine;
use crate::event::Observer;
use crate::family::data::distribution;
use crate::family::debian;
use crate::files::Lists;
use crate::repository::BaseRequest;
use crate::suite::Suites;

/// Releases that are named at most.
const MOST_RELEASES: usize = 3;

/// What the table of package names and the lists of files say of a base.
pub(crate) struct Known<'a> {
    pub(crate) base: Base,
    pub(crate) engine: &'a Engine,
    pub(crate) index: &'a Index,
    pub(crate) lists: &'a Lists,
    pub(crate) observer: &'a Observer<'a>,
}

/// Knows whether anybody still waits, and nothing more.
pub(crate) struct Waiting<'a>(pub(crate) &'a Observer<'a>);

impl Knowledge for Waiting<'_> {
    fn is_stopped(&self) -> bool {
        self.0.cancel.is_cancelled()
    }
}

impl Knowledge for Known<'_> {
    fn is_stopped(&self) -> bool {
        self.observer.cancel.is_cancelled()
    }

    /// Lists that cannot be had leave the explanation without this help: the conflict stays what is to be told.
    fn shipping(&self, name: &str) -> Vec<String> {
        self.engine.shipping(self.index, self.lists, name, self.observer).unwrap_or_default()
    }

    /// Releases that cannot be had are left out, as are lists.
    fn releases(&self, name: &str) -> Vec<String> {
        self.other_releases(name).into_iter().take(MOST_RELEASES).collect()
    }

    fn called(&self, name: &str) -> Vec<String> {
        PackageMap::builtin().called(name, self.base).map(<[String]>::to_vec).unwrap_or_default()
    }

    fn unpackaged(&self, name: &str) -> bool {
        PackageMap::builtin().is_unpackaged(name, self.base)
    }
}

impl Known<'_> {
    /// The releases beside the one that is asked about that have a package of this name.
    fn other_releases(&self, name: &str) -> Vec<String> {
        let has = |index: &Index| index.named(name).next().is_some();
        match self.lists {
            Lists::Debian { suites, mirrors, .. } => {
                let Some(distro) = debian::distro_of(self.base) else { return Vec::new() };
                let of_suites = suites.list.first().map(|suite| suite.name.as_str());
                let others =
                    distro.releases.iter().filter(|other| of_suites != Some(other.codename.as_str()));
                let there = others.filter(|other| {
                    let suites = Suites::of_tools(distro, other, &suites.arch);
                    let loaded =
                        suites.and_then(|suites| self.engine.load_indexes(&suites, mirrors, self.observer));
                    loaded.is_ok_and(|(index, _)| has(&index))
                });
                there.map(|other| other.codename.clone()).collect()
            }
            Lists::Other(request) => {
                let Some(data) = distribution(self.base) else { return Vec::new() };
                let own = data.release(request.release.as_deref().unwrap_or("stable"));
                let others =
                    data.releases.iter().filter(|other| own.is_none_or(|own| own.name != other.name));
                let there = others.filter(|other| {
                    let request = BaseRequest {
                        release: Some(other.name.clone()),
                        components: Vec::new(),
                        ..request.clone()
                    };
                    self.engine.load_base(&request, self.observer).is_ok_and(|base| has(&base.index))
                });
                there.map(|other| other.name.clone()).collect()
            }
        }
    }
}
