//! Fedora and openSUSE: `repomd.xml`, and the metadata that it vouches for.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, BufReader};

use lbuild_repo::compress::read_ahead;
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::openpgp::{Keyring, Policy};
use lbuild_repo::resolve::Family;
use lbuild_repo::rpm::comps::Comps;
use lbuild_repo::rpm::filelists::Filelists;
use lbuild_repo::rpm::index::{Repositories, Repository, Survey};
use lbuild_repo::rpm::primary::FileKind;
use lbuild_repo::rpm::repomd::Repomd;
use lbuild_repo::rpm::resolve::Rpm as Rules;
use lbuild_repo::rpm::signature::verify_repomd;

use super::reader::{Keys, Known, More, Reader, Refusal, Root};

/// Bytes of one decompressed metadata file.
const METADATA_CAP: u64 = 2 << 30;

/// The reader.
pub(super) struct Rpm;

impl Reader for Rpm {
    fn family(&self) -> &'static dyn Family {
        &Rules
    }

    fn form(&self) -> &'static str {
        "rpm index 1"
    }

    fn verify(&self, root: &Root, keys: &Keys, known: &Known) -> Result<Option<u64>, Refusal> {
        let Some(signature) = &root.signature else { return Ok(None) };
        let parts: Vec<&[u8]> = keys.iter().map(|(_, key)| *key).collect();
        let (keyring, policy) = (Keyring::join(&parts)?, Policy::at(known.now));
        let verified = verify_repomd(&root.bytes, signature, &keyring, &policy, known.watermark)?;
        Ok(Some(verified.date))
    }

    fn read(&self, repositories: &[(&IndexSource, &Root)], more: More<'_>) -> Result<Index, Refusal> {
        let arch = repositories.first().map_or("", |(source, _)| source.arch.as_str());
        let mut survey = Survey::new(arch);
        let mut fetched = Vec::new();
        for (source, root) in repositories {
            let metadata = Metadata::fetch(source, root, more)?;
            read_ahead(metadata.open("primary")?, |primary| survey.read(&source.suite, primary))?;
            fetched.push((*source, metadata));
        }
        let mut index = Repositories::new(survey);
        for (source, metadata) in &fetched {
            let repository = Repository {
                source: (*source).clone(),
                hidden: BTreeSet::new(),
                excluded: BTreeSet::new(),
                files: HashMap::new(),
            };
            read_ahead(metadata.open("primary")?, |primary| index.add(&repository, primary))?;
        }
        for (source, metadata) in &fetched {
            if metadata.files.contains_key("group") {
                index.add_groups(source, &Comps::read(metadata.open("group")?)?)?;
            }
        }
        Ok(index.finish()?)
    }

    fn files(
        &self,
        repositories: &[(&IndexSource, &Root)],
        more: More<'_>,
        visit: &mut dyn FnMut(&str, &str),
    ) -> Result<bool, Refusal> {
        for (source, root) in repositories {
            let repomd = Repomd::parse(&root.bytes)?;
            let record = repomd.record("filelists")?;
            let bytes = more(source, &record.location)?;
            let mut lists = Filelists::new(record.open(BufReader::new(&*bytes), METADATA_CAP)?)?;
            while let Some(package) = lists.next_package()? {
                let files = package.files().filter(|file| file.kind != FileKind::Directory);
                files.for_each(|file| visit(file.path, &package.name));
            }
        }
        Ok(true)
    }
}

/// The metadata files of a repository that are read, still compressed.
struct Metadata {
    repomd: Repomd,
    files: HashMap<&'static str, Vec<u8>>,
}

impl Metadata {
    fn fetch(source: &IndexSource, root: &Root, more: More<'_>) -> Result<Self, Refusal> {
        let repomd = Repomd::parse(&root.bytes)?;
        let mut files = HashMap::new();
        let primary = repomd.record("primary")?;
        files.insert("primary", more(source, &primary.location)?);
        // groups are optional
        if let Ok(groups) = repomd.record("group") {
            files.insert("group", more(source, &groups.location)?);
        }
        Ok(Self { repomd, files })
    }

    /// Decompresses a file; its checksums are checked on the way.
    fn open(&self, kind: &str) -> Result<Box<dyn BufRead + Send + '_>, Refusal> {
        let bytes = self.files.get(kind).map(Vec::as_slice).unwrap_or_default();
        Ok(self.repomd.record(kind)?.open(BufReader::new(bytes), METADATA_CAP)?)
    }
}
