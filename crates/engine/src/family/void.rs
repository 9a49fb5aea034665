//! Void Linux: the `repodata` of xbps. It is not signed; the packages are.

use std::io::BufReader;

use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::Family;
use lbuild_repo::xbps::index;
use lbuild_repo::xbps::resolve::Void;

use super::reader::{Keys, Known, More, Reader, Refusal, Root};

/// The reader.
pub(super) struct Xbps;

impl Reader for Xbps {
    fn family(&self) -> &'static dyn Family {
        &Void
    }

    fn form(&self) -> &'static str {
        "xbps index 1"
    }

    fn verify(&self, _root: &Root, _keys: &Keys, _known: &Known) -> Result<Option<u64>, Refusal> {
        Ok(None)
    }

    fn read(&self, repositories: &[(&IndexSource, &Root)], _more: More<'_>) -> Result<Index, Refusal> {
        let indexes =
            repositories.iter().map(|(source, root)| ((*source).clone(), BufReader::new(&*root.bytes)));
        Ok(index::read(indexes.collect())?)
    }
}
