//! Ideas as indexes of xbps.

use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::{Family, Operator};
use lbuild_repo::xbps;
use lbuild_repo::xbps::resolve::Void;
use lbuild_testkit::tarball::Tarball;

use super::idea::{Package, Relation, Repository};
use super::{Notation, digest, plain, run, source, texts};

/// The notation of xbps's indexes.
pub struct Notes;

impl Notation for Notes {
    fn name(&self) -> &'static str {
        "xbps"
    }

    fn features(&self) -> &'static [&'static str] {
        &["provides", "versioned-provides", "repository-order", "all-versions", "replaces", "pins"]
    }

    fn family(&self) -> &dyn Family {
        &Void
    }

    fn arch(&self) -> &'static str {
        "x86_64"
    }

    fn version(&self, plain: &str) -> String {
        format!("{plain}_1")
    }

    fn index(&self, repositories: &[Repository]) -> Index {
        let indexes: Vec<(IndexSource, Vec<u8>)> =
            repositories.iter().map(|one| self.repodata(one)).collect();
        let readers = indexes.iter().map(|(source, bytes)| (source.clone(), bytes.as_slice())).collect();
        xbps::index::read(readers).expect("good indexes")
    }
}

impl Notes {
    fn repodata(&self, repository: &Repository) -> (IndexSource, Vec<u8>) {
        let packages: String = repository.packages.iter().map(|package| self.package(package)).collect();
        let list = format!("<plist version=\"1.0\"><dict>{packages}</dict></plist>");
        (source(repository, "x86_64"), Tarball::new().file("index.plist", list.as_bytes()).finish())
    }

    fn package(&self, package: &Package) -> String {
        let text = |key: &str, value: &str| format!("<key>{key}</key><string>{value}</string>");
        let list = |key: &str, values: Vec<String>| {
            let escaped = values.iter().map(|value| value.replace('<', "&lt;").replace('>', "&gt;"));
            let values =
                escaped.map(|value| format!("<string>{value}</string>")).collect::<Vec<_>>().concat();
            format!("<key>{key}</key><array>{values}</array>")
        };
        let needs = package.needs.iter().map(|any| self.pattern(&any[0], true)).collect();
        // Everything that is provided has a version.
        let provided = |one: &Relation| {
            let version = one.bound.as_ref().map_or("0", |(_, version)| version);
            format!("{}-{}", one.name, self.version(version))
        };
        let properties = [
            text("pkgver", &format!("{}-{}", package.name, self.version(&package.version))),
            text("architecture", "noarch"),
            text("filename-sha256", &digest(package)),
            "<key>filename-size</key><integer>1</integer>".to_owned(),
            list("run_depends", needs),
            list("provides", texts(&package.provides, provided)),
            list("conflicts", texts(&package.conflicts, |one| self.pattern(one, false))),
            list("replaces", texts(&package.replaces, |one| self.pattern(one, false))),
        ];
        format!("<key>{}</key><dict>{}</dict>", package.name, properties.concat())
    }

    /// A relation; one of a dependency always has a version.
    fn pattern(&self, relation: &Relation, dependency: bool) -> String {
        match &relation.bound {
            None if dependency => format!("{}>=0", relation.name),
            Some((Operator::Equal, version)) => format!("{}-{}", relation.name, self.version(version)),
            _ => plain(relation, self, &Void),
        }
    }
}

#[test]
fn void_resolves_every_idea_that_it_has() {
    run(&Notes);
}
