//! What is known about names that no index of a base has.

use lbuild_repo::resolve::Knowledge;
use lbuild_spec::model::Base;
use lbuild_spec::names::PackageMap;

/// What the table of package names says of a base.
pub(crate) struct Names(pub(crate) Base);

impl Knowledge for Names {
    fn called(&self, name: &str) -> Vec<String> {
        PackageMap::builtin().called(name, self.0).map(<[String]>::to_vec).unwrap_or_default()
    }

    fn unpackaged(&self, name: &str) -> bool {
        PackageMap::builtin().is_unpackaged(name, self.0)
    }
}
