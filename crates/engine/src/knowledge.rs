//! What is known about names that no index of a base has.

use lbuild_repo::index::Index;
use lbuild_repo::resolve::Knowledge;
use lbuild_spec::model::Base;
use lbuild_spec::names::PackageMap;

use crate::engine::Engine;
use crate::event::Observer;
use crate::files::Lists;

/// What the table of package names and the lists of files say of a base.
pub(crate) struct Known<'a> {
    pub(crate) base: Base,
    pub(crate) engine: &'a Engine,
    pub(crate) index: &'a Index,
    pub(crate) lists: &'a Lists,
    pub(crate) observer: &'a Observer<'a>,
}

impl Knowledge for Known<'_> {
    /// Lists that cannot be had leave the explanation without this help: the conflict stays what is to be told.
    fn shipping(&self, name: &str) -> Vec<String> {
        self.engine.shipping(self.index, self.lists, name, self.observer).unwrap_or_default()
    }

    fn called(&self, name: &str) -> Vec<String> {
        PackageMap::builtin().called(name, self.base).map(<[String]>::to_vec).unwrap_or_default()
    }

    fn unpackaged(&self, name: &str) -> bool {
        PackageMap::builtin().is_unpackaged(name, self.base)
    }
}
