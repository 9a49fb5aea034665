//! Ideas as databases of pacman.

use lbuild_repo::alpm;
use lbuild_repo::alpm::resolve::Arch;
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::Family;
use lbuild_testkit::tarball::Tarball;

use super::idea::{Package, Repository};
use super::{Notation, digest, plain, run, source, texts};

/// The notation of pacman's databases.
pub struct Notes;

impl Notation for Notes {
    fn name(&self) -> &'static str {
        "alpm"
    }

    fn features(&self) -> &'static [&'static str] {
        &[
            "provides",
            "versioned-provides",
            "unversioned-provides",
            "groups",
            "repository-order",
            "all-versions",
            "replaces",
            "pins",
        ]
    }

    fn family(&self) -> &dyn Family {
        &Arch
    }

    fn arch(&self) -> &'static str {
        "x86_64"
    }

    fn version(&self, plain: &str) -> String {
        format!("{plain}-1")
    }

    fn index(&self, repositories: &[Repository]) -> Index {
        let databases: Vec<(IndexSource, Vec<u8>)> =
            repositories.iter().map(|one| self.database(one)).collect();
        let readers = databases.iter().map(|(source, bytes)| (source.clone(), bytes.as_slice())).collect();
        alpm::index::read(readers).expect("good databases")
    }
}

impl Notes {
    fn database(&self, repository: &Repository) -> (IndexSource, Vec<u8>) {
        let mut tarball = Tarball::new();
        for package in &repository.packages {
            let directory = format!("{}-{}", package.name, self.version(&package.version));
            tarball = tarball.file(&format!("{directory}/desc"), self.desc(package).as_bytes());
        }
        (source(repository, "x86_64"), tarball.finish())
    }

    fn desc(&self, package: &Package) -> String {
        let version = self.version(&package.version);
        let relation = |one: &_| plain(one, self, &Arch);
        let needs: Vec<String> = package.needs.iter().map(|any| relation(&any[0])).collect();
        let sections = [
            ("FILENAME", vec![format!("{}-{version}-any.pkg.tar.zst", package.name)]),
            ("NAME", vec![package.name.clone()]),
            ("VERSION", vec![version.clone()]),
            ("CSIZE", vec!["1".to_owned()]),
            ("SHA256SUM", vec![digest(package)]),
            ("ARCH", vec!["any".to_owned()]),
            ("GROUPS", package.groups.clone()),
            ("DEPENDS", needs),
            ("PROVIDES", texts(&package.provides, relation)),
            ("CONFLICTS", texts(&package.conflicts, relation)),
            ("REPLACES", texts(&package.replaces, relation)),
        ];
        let section = |(key, values): &(&str, Vec<String>)| format!("%{key}%\n{}\n\n", values.join("\n"));
        sections.iter().filter(|(_, values)| !values.is_empty()).map(section).collect()
    }
}

#[test]
fn arch_resolves_every_idea_that_it_has() {
    run(&Notes);
}
