//! Ideas as `Packages` files of Debian.

use lbuild_repo::deb::resolve::Debian;
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::Family;

use super::idea::{Package, Relation, Repository};
use super::{Notation, digest, run, source, texts};

/// The notation of Debian's indexes.
pub struct Notes;

impl Notation for Notes {
    fn name(&self) -> &'static str {
        "deb"
    }

    fn features(&self) -> &'static [&'static str] {
        &[
            "provides",
            "versioned-provides",
            "unversioned-provides",
            "alternatives",
            "weak",
            "repository-order",
            "replaces",
            "pins",
        ]
    }

    fn family(&self) -> &dyn Family {
        &Debian
    }

    fn arch(&self) -> &'static str {
        "amd64"
    }

    fn version(&self, plain: &str) -> String {
        plain.to_owned()
    }

    fn index(&self, repositories: &[Repository]) -> Index {
        let texts: Vec<(IndexSource, String)> = repositories
            .iter()
            .zip((1..=500).rev())
            .map(|(repository, pin)| {
                let source = IndexSource { pin, ..source(repository, "amd64") };
                (source, repository.packages.iter().map(stanza).collect())
            })
            .collect();
        let sources: Vec<(IndexSource, &[u8])> =
            texts.iter().map(|(source, text)| (source.clone(), text.as_bytes())).collect();
        lbuild_repo::deb::index::parse(&sources).expect("a good index")
    }
}

fn stanza(package: &Package) -> String {
    let relation = |one: &Relation| match &one.bound {
        None => one.name.clone(),
        Some((operator, version)) => format!("{} ({} {version})", one.name, Debian.sign(*operator)),
    };
    let needs: Vec<String> = package.needs.iter().map(|any| texts(any, relation).join(" | ")).collect();
    let fields = [
        ("Depends", needs),
        ("Recommends", texts(&package.weak, relation)),
        ("Provides", texts(&package.provides, relation)),
        ("Conflicts", texts(&package.conflicts, relation)),
        ("Replaces", texts(&package.replaces, relation)),
    ];
    let fields = fields.iter().filter(|(_, values)| !values.is_empty());
    let fields = fields.map(|(name, values)| format!("{name}: {}\n", values.join(", ")));
    let fields = fields.collect::<Vec<_>>().concat();
    format!(
        "Package: {0}\nVersion: {1}\nArchitecture: amd64\nFilename: pool/{0}_{1}.deb\nSize: 1\nInstalled-Size: 1\n\
         SHA256: {2}\n{fields}\n",
        package.name,
        package.version,
        digest(package)
    )
}

#[test]
fn debian_resolves_every_idea_that_it_has() {
    run(&Notes);
}
