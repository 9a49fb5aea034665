//! Ideas as indexes of Gentoo's binary hosts.

use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::portage::arena::{Options, build};
use lbuild_repo::portage::index;
use lbuild_repo::portage::resolve::Gentoo;
use lbuild_repo::resolve::Family;

use super::idea::{Package, Relation, Repository};
use super::{Notation, digest, run, texts};

/// The notation of `Packages`; everything is in one category.
pub struct Notes;

impl Notation for Notes {
    fn name(&self) -> &'static str {
        "portage"
    }

    fn features(&self) -> &'static [&'static str] {
        &["alternatives", "all-versions", "repository-order", "pins"]
    }

    fn family(&self) -> &dyn Family {
        &Gentoo
    }

    fn arch(&self) -> &'static str {
        "amd64"
    }

    fn version(&self, plain: &str) -> String {
        format!("{plain}-r1")
    }

    fn package(&self, plain: &str) -> String {
        format!("main/{plain}")
    }

    fn index(&self, repositories: &[Repository]) -> Index {
        let texts: Vec<String> = repositories.iter().map(|one| self.text(one)).collect();
        let pins = (1..=500).rev();
        let hosts: Vec<(IndexSource, index::Index<'_>)> = repositories
            .iter()
            .zip(&texts)
            .zip(pins)
            .map(|((repository, text), pin)| {
                let (suite, arch) = (repository.name.clone(), "amd64".to_owned());
                let source = IndexSource { suite, arch, pin, ..IndexSource::default() };
                (source, index::Index::parse(text.as_bytes()).expect("a good index"))
            })
            .collect();
        let hosts: Vec<_> = hosts.iter().map(|(source, host)| (source.clone(), host)).collect();
        build(&hosts, &Options::default()).expect("a good arena")
    }
}

impl Notes {
    fn text(&self, repository: &Repository) -> String {
        let entries: Vec<String> = repository.packages.iter().map(|package| self.entry(package)).collect();
        format!("ARCH: amd64\nPACKAGES: {}\nVERSION: 0\n\n{}", entries.len(), entries.concat())
    }

    fn entry(&self, package: &Package) -> String {
        let mut depends: Vec<String> = package.needs.iter().map(|any| self.any(any)).collect();
        depends.extend(texts(&package.conflicts, |one| format!("!{}", self.atom(one))));
        let cpv = format!("{}-{}", self.package(&package.name), self.version(&package.version));
        let sha1 = &digest(package)[..40];
        format!("CPV: {cpv}\nRDEPEND: {}\nSHA1: {sha1}\nSIZE: 1\n\n", depends.join(" "))
    }

    fn any(&self, alternatives: &[Relation]) -> String {
        match alternatives {
            [only] => self.atom(only),
            several => format!("|| ( {} )", texts(several, |one| self.atom(one)).join(" ")),
        }
    }

    fn atom(&self, relation: &Relation) -> String {
        let name = self.package(&relation.name);
        match &relation.bound {
            None => name,
            Some((operator, version)) => {
                format!("{}{name}-{}", Gentoo.sign(*operator), self.version(version))
            }
        }
    }
}

#[test]
fn gentoo_resolves_every_idea_that_it_has() {
    run(&Notes);
}
