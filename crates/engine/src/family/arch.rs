//! Arch Linux: the databases of pacman. They are not signed; the packages are, and a database holds their signatures.

use std::io::BufReader;

use lbuild_repo::alpm::index;
use lbuild_repo::alpm::resolve::Arch;
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::Family;

use super::reader::{Keys, More, Reader, Refusal, Root};

/// The reader.
pub(super) struct Alpm;

impl Reader for Alpm {
    fn family(&self) -> &'static dyn Family {
        &Arch
    }

    fn form(&self) -> &'static str {
        "alpm index 1"
    }

    fn verify(&self, _root: &Root, _keys: &Keys, _now: u64) -> Result<(), Refusal> {
        Ok(())
    }

    fn read(&self, repositories: &[(&IndexSource, &Root)], _more: More<'_>) -> Result<Index, Refusal> {
        let databases =
            repositories.iter().map(|(source, root)| ((*source).clone(), BufReader::new(&*root.bytes)));
        Ok(index::read(databases.collect())?)
    }
}
