//! Gentoo: the `Packages` file of a binary host. It is not signed; the packages are.

use std::io::{BufReader, Read as _};

use lbuild_repo::compress::Capped;
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::portage::arena::{self, Options};
use lbuild_repo::portage::index::Index as Host;
use lbuild_repo::portage::resolve::Gentoo;
use lbuild_repo::resolve::Family;

use super::reader::{Keys, Known, More, Reader, Refusal, Root};

/// Bytes of a decompressed index.
const INDEX_CAP: u64 = 512 << 20;

/// The reader.
pub(super) struct Portage;

impl Reader for Portage {
    fn family(&self) -> &'static dyn Family {
        &Gentoo
    }

    fn form(&self) -> &'static str {
        "portage index 1"
    }

    fn verify(&self, _root: &Root, _keys: &Keys, _known: &Known) -> Result<Option<u64>, Refusal> {
        Ok(None)
    }

    fn read(&self, repositories: &[(&IndexSource, &Root)], _more: More<'_>) -> Result<Index, Refusal> {
        let text = |(_, root): &(&IndexSource, &Root)| {
            let mut text = Vec::new();
            Capped::new(BufReader::new(&*root.bytes), INDEX_CAP)?.read_to_end(&mut text)?;
            Ok(text)
        };
        let texts: Vec<Vec<u8>> = repositories.iter().map(text).collect::<Result<_, Refusal>>()?;
        let mut hosts = Vec::new();
        for ((source, _), text) in repositories.iter().zip(&texts) {
            hosts.push(((*source).clone(), Host::parse(text)?));
        }
        let hosts: Vec<(IndexSource, &Host<'_>)> =
            hosts.iter().map(|(source, host)| (source.clone(), host)).collect();
        Ok(arena::build(&hosts, &Options::default())?)
    }
}
