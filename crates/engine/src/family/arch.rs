//! Arch Linux: the databases of pacman. They are not signed; the packages are, and a database holds their signatures.

use std::io::BufReader;

use lbuild_repo::alpm::resolve::Arch;
use lbuild_repo::alpm::{database, index};
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::Family;

use super::reader::{Keys, Known, More, Reader, Refusal, Root};

/// The reader.
pub(super) struct Alpm;

impl Reader for Alpm {
    fn family(&self) -> &'static dyn Family {
        &Arch
    }

    fn form(&self) -> &'static str {
        "alpm index 1"
    }

    fn verify(&self, _root: &Root, _keys: &Keys, _known: &Known) -> Result<Option<u64>, Refusal> {
        Ok(None)
    }

    fn read(&self, repositories: &[(&IndexSource, &Root)], _more: More<'_>) -> Result<Index, Refusal> {
        let databases =
            repositories.iter().map(|(source, root)| ((*source).clone(), BufReader::new(&*root.bytes)));
        Ok(index::read(databases.collect())?)
    }

    /// A repository's `core.files` lies beside its `core.db`, and is as little signed.
    fn files(
        &self,
        repositories: &[(&IndexSource, &Root)],
        more: More<'_>,
        visit: &mut dyn FnMut(&str, &str),
    ) -> Result<bool, Refusal> {
        for (source, _) in repositories {
            let bytes = more(source, &format!("{}.files", source.suite))?;
            database::read_each(BufReader::new(&*bytes), |package| {
                let name = package.description.name.as_str();
                package.files.iter().filter(|path| !path.ends_with('/')).for_each(|path| visit(path, name));
            })?;
        }
        Ok(true)
    }
}
