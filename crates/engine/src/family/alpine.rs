//! Alpine: signed `APKINDEX` files.

use lbuild_repo::apk::index::Index as ApkIndex;
use lbuild_repo::apk::resolve::Alpine;
use lbuild_repo::apk::{Keyring, Trust, arena};
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::Family;

use super::reader::{Keys, Known, More, Reader, Refusal, Root};

/// The reader.
pub(super) struct Apk;

impl Reader for Apk {
    fn family(&self) -> &'static dyn Family {
        &Alpine
    }

    fn form(&self) -> &'static str {
        "apk index 1"
    }

    fn verify(&self, root: &Root, keys: &Keys, known: &Known) -> Result<Option<u64>, Refusal> {
        let mut keyring = Keyring::new();
        for (name, pem) in keys {
            keyring.add(name, pem)?;
        }
        let index = ApkIndex::open(&root.bytes, Trust::Keys(&keyring))?;
        index.check_date(known.now, known.watermark)?;
        Ok(index.date())
    }

    fn read(&self, repositories: &[(&IndexSource, &Root)], _more: More<'_>) -> Result<Index, Refusal> {
        let open = |(source, root): &(&IndexSource, &Root)| {
            // the signature was checked when the file came in
            Ok(((*source).clone(), ApkIndex::open(&root.bytes, Trust::Anybody)?))
        };
        let opened: Vec<(IndexSource, ApkIndex)> =
            repositories.iter().map(open).collect::<Result<_, Refusal>>()?;
        let sources: Vec<(IndexSource, &ApkIndex)> =
            opened.iter().map(|(source, index)| (source.clone(), index)).collect();
        Ok(arena::build(&sources)?)
    }
}
