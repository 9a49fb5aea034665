//! How each base's index files are verified and read: what differs between families when packages are looked up.

use std::error::Error;

use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::Family;
use lbuild_spec::model::Base;

/// Why an index file is refused, in the words of its family.
pub(crate) type Refusal = Box<dyn Error + Send + Sync>;

/// The keys that may sign an index, with their file names.
pub(crate) type Keys = [(&'static str, &'static [u8])];

/// Gets a further file that the index file of a repository vouches for, by its path below the repository.
pub(crate) type More<'a> = &'a dyn Fn(&IndexSource, &str) -> Result<Vec<u8>, Refusal>;

/// One repository's index file as it was fetched.
pub(crate) struct Root {
    pub(crate) bytes: Vec<u8>,
    /// The signature beside it.
    pub(crate) signature: Option<Vec<u8>>,
}

/// What a date is measured by, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) now: u64,
    /// The latest date that was accepted for the repository before.
    pub(crate) watermark: Option<u64>,
}

/// A family's way from bytes to packages.
pub(crate) trait Reader: Sync {
    /// The rules that its packages are resolved by.
    fn family(&self) -> &'static dyn Family;

    /// Name and version of the cached form; goes up with the parser.
    fn form(&self) -> &'static str;

    /// Checks the signature, where the family signs its indexes, and its date where it has one, which is returned.
    /// What nobody signs has no date that could be trusted.
    fn verify(&self, root: &Root, keys: &Keys, known: &Known) -> Result<Option<u64>, Refusal>;

    /// Tells each file of every package to `visit`, by path and package, where the base publishes lists of files; else
    /// false.
    fn files(
        &self,
        _repositories: &[(&IndexSource, &Root)],
        _more: More<'_>,
        _visit: &mut dyn FnMut(&str, &str),
    ) -> Result<bool, Refusal> {
        Ok(false)
    }

    /// Reads the packages of all repositories, in the order in which they are preferred.
    fn read(&self, repositories: &[(&IndexSource, &Root)], more: More<'_>) -> Result<Index, Refusal>;
}

/// The reader of a base; `None` for those of Debian's family.
pub(crate) fn reader(base: Base) -> Option<&'static dyn Reader> {
    match base {
        Base::Debian | Base::Ubuntu => None,
        Base::Alpine => Some(&super::alpine::Apk),
        Base::Arch => Some(&super::arch::Alpm),
        Base::Fedora | Base::Opensuse => Some(&super::rpm::Rpm),
        Base::Void => Some(&super::void::Xbps),
        Base::Gentoo => Some(&super::gentoo::Portage),
    }
}
