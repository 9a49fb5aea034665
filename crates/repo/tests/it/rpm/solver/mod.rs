//! The resolver: libsolv's answers on real repositories, and what dnf says itself.

mod groups;
mod oracle;
mod suites;
mod testcase;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::{Request, Selection, Unsatisfiable, Wanted, resolve};
use lbuild_repo::rpm::comps::Comps;
use lbuild_repo::rpm::index::{Repositories, Repository, Survey, pin};
use lbuild_repo::rpm::modules::Modules;
use lbuild_repo::rpm::repomd::{Record, Repomd};
use lbuild_repo::rpm::resolve::Rpm;

use super::data;

/// A repository of the test data.
pub struct Source {
    name: &'static str,
    directory: PathBuf,
    repomd: Repomd,
    modules: Modules,
}

impl Source {
    pub fn new(name: &'static str) -> Self {
        let directory = data().join(name);
        let text = std::fs::read(directory.join("repodata/repomd.xml")).expect("repomd.xml");
        let repomd = Repomd::parse(&text).expect("a table of contents");
        let mut source = Self { name, directory, repomd, modules: Modules::default() };
        if let Some(record) = source.at_hand("modules") {
            let mut text = String::new();
            source.open(&record).read_to_string(&mut text).expect("modules");
            source.modules = Modules::parse(&text).expect("modules");
        }
        source
    }

    /// The record of that kind, plain or compressed, whose file is among the test data as the table of contents says:
    /// the list of files of `AppStream` is an empty one.
    fn at_hand(&self, kind: &str) -> Option<Record> {
        let of_kind = |record: &&Record| record.kind == kind || record.kind == format!("{kind}_gz");
        let is_whole = |record: &&Record| {
            let found = std::fs::metadata(self.path(record)).map(|found| found.len());
            found.is_ok_and(|found| record.size.is_none_or(|said| said == found)) && self.fits(record)
        };
        self.repomd.records.iter().filter(of_kind).find(is_whole).cloned()
    }

    fn fits(&self, record: &Record) -> bool {
        let reader = record.open(BufReader::new(File::open(self.path(record)).expect("a file")), 1 << 30);
        reader.is_ok_and(|mut reader| std::io::copy(&mut reader, &mut std::io::sink()).is_ok())
    }

    fn path(&self, record: &Record) -> PathBuf {
        self.directory.join(&record.location)
    }

    fn open(&self, record: &Record) -> Box<dyn BufRead + Send> {
        let file = File::open(self.path(record)).expect("a file of the repository");
        record.open(BufReader::new(file), 1 << 30).expect("a compressed file")
    }
}

/// The index of these repositories, the preferred one first.
pub fn index(sources: &[Source], arch: &str) -> Index {
    let mut survey = Survey::new(arch);
    for source in sources {
        survey
            .read(source.name, source.open(&source.at_hand("primary").expect("primary")))
            .expect("an index");
    }
    let mut files = Vec::new();
    for source in sources {
        files.push(match source.at_hand("filelists") {
            Some(record) if !survey.missing_files().is_empty() => {
                survey.owners(source.name, source.open(&record)).expect("a list of files")
            }
            _ => HashMap::new(),
        });
    }
    let mut repositories = Repositories::new(survey);
    for (source, files) in sources.iter().zip(files) {
        let place = IndexSource {
            suite: source.name.to_owned(),
            arch: arch.to_owned(),
            base_url: source.name.to_owned(),
            pin: pin(99),
            ..IndexSource::default()
        };
        if let Some(record) = source.at_hand("group") {
            let comps = Comps::read(source.open(&record)).expect("groups");
            repositories.add_groups(&place, &comps).expect("groups fit");
        }
        let hidden = source.modules.hidden(&BTreeMap::new());
        let repository = Repository { source: place, hidden, excluded: BTreeSet::new(), files };
        repositories
            .add(&repository, source.open(&source.at_hand("primary").expect("primary")))
            .expect("an index");
    }
    repositories.finish().expect("an index")
}

fn wanted(name: &str) -> Wanted {
    Wanted { name: name.to_owned(), ..Wanted::default() }
}

/// Chooses packages; `weak` follows weak dependencies.
fn choose(index: &Index, names: &[&str], weak: bool) -> Result<Selection, Unsatisfiable> {
    let packages = names.iter().map(|name| wanted(name)).collect();
    resolve(&Rpm, index, &Request { packages, recommends: weak, supplements: weak, ..Request::new("x86_64") })
}

/// `name-version.arch` of each package, without groups.
fn shown(selection: &Selection) -> BTreeSet<String> {
    let real = selection.packages.iter().filter(|package| !package.name.starts_with('@'));
    real.map(|package| format!("{}-{}.{}", package.name, package.version, package.arch)).collect()
}

fn names(selection: &Selection) -> Vec<&str> {
    let real = selection.packages.iter().filter(|package| !package.name.starts_with('@'));
    real.map(|package| package.name.as_str()).collect()
}
