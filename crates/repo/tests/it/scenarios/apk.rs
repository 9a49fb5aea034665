//! Ideas as indexes of apk.

use lbuild_repo::apk::Trust;
use lbuild_repo::apk::arena::build;
use lbuild_repo::apk::index::Index as ApkIndex;
use lbuild_repo::apk::resolve::Alpine;
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::Family;
use lbuild_testkit::apkfile::unsigned_index;

use super::idea::{Package, Relation, Repository};
use super::{Notation, plain, run, texts};

/// The notation of apk's indexes.
pub struct Notes;

impl Notation for Notes {
    fn name(&self) -> &'static str {
        "apk"
    }

    fn features(&self) -> &'static [&'static str] {
        &["provides", "versioned-provides", "unversioned-provides", "all-versions", "pins", "replaces"]
    }

    fn family(&self) -> &dyn Family {
        &Alpine
    }

    fn arch(&self) -> &'static str {
        "x86_64"
    }

    fn version(&self, plain: &str) -> String {
        format!("{plain}-r0")
    }

    fn index(&self, repositories: &[Repository]) -> Index {
        let read: Vec<(IndexSource, ApkIndex)> = repositories
            .iter()
            .map(|repository| {
                let text: String = repository.packages.iter().map(|package| self.stanza(package)).collect();
                let index = ApkIndex::open(&unsigned_index(&text), Trust::Anybody).expect("a good index");
                (source(repository), index)
            })
            .collect();
        let sources: Vec<(IndexSource, &ApkIndex)> =
            read.iter().map(|(source, index)| (source.clone(), index)).collect();
        build(&sources).expect("good packages")
    }
}

fn source(repository: &Repository) -> IndexSource {
    IndexSource {
        suite: repository.name.clone(),
        component: repository.name.clone(),
        arch: "x86_64".to_owned(),
        base_url: "base".to_owned(),
        pin: 500,
        ..IndexSource::default()
    }
}

impl Notes {
    /// A package; what it provides without version may be chosen for it, as its priority says.
    fn stanza(&self, package: &Package) -> String {
        let one = |relation: &Relation| plain(relation, self, &Alpine);
        let mut depends: Vec<String> = package.needs.iter().map(|any| one(&any[0])).collect();
        depends.extend(package.conflicts.iter().map(|relation| format!("!{}", one(relation))));
        format!(
            "P:{}\nV:{}\nA:noarch\nS:1\nI:1\nk:10\nD:{}\np:{}\nr:{}\n\n",
            package.name,
            self.version(&package.version),
            depends.join(" "),
            texts(&package.provides, one).join(" "),
            texts(&package.replaces, one).join(" "),
        )
    }
}

#[test]
fn alpine_resolves_every_idea_that_it_has() {
    run(&Notes);
}
