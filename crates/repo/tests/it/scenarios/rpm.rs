//! Ideas as RPM repositories.

use std::fmt::Write as _;

use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::{Family, Operator};
use lbuild_repo::rpm::index::{Repositories, Repository as RpmRepository, Survey, pin};
use lbuild_repo::rpm::resolve::Rpm;

use super::idea::{Package, Relation, Repository};
use super::{Notation, digest, run};

/// The notation of `primary.xml`.
pub struct Notes;

impl Notation for Notes {
    fn name(&self) -> &'static str {
        "rpm"
    }

    fn features(&self) -> &'static [&'static str] {
        &[
            "provides",
            "versioned-provides",
            "alternatives",
            "weak",
            "all-versions",
            "repository-order",
            "pins",
            "replaces",
        ]
    }

    fn family(&self) -> &dyn Family {
        &Rpm
    }

    fn arch(&self) -> &'static str {
        "x86_64"
    }

    fn version(&self, plain: &str) -> String {
        format!("{plain}-1")
    }

    fn index(&self, repositories: &[Repository]) -> Index {
        let texts: Vec<String> = repositories.iter().map(primary).collect();
        let mut survey = Survey::new("x86_64");
        for text in &texts {
            survey.read("idea", text.as_bytes()).expect("a good index");
        }
        let mut index = Repositories::new(survey);
        for (number, (repository, text)) in repositories.iter().zip(&texts).enumerate() {
            // The first repository is the preferred one.
            let priority = 99 + u32::try_from(number).expect("few repositories");
            let source = IndexSource {
                suite: repository.name.clone(),
                arch: "x86_64".to_owned(),
                pin: pin(priority),
                ..IndexSource::default()
            };
            index
                .add(&RpmRepository { source, ..RpmRepository::default() }, text.as_bytes())
                .expect("a good index");
        }
        index.finish().expect("a good index")
    }
}

fn primary(repository: &Repository) -> String {
    let packages: String = repository.packages.iter().map(package).collect();
    format!("<metadata packages=\"{}\">{packages}</metadata>", repository.packages.len())
}

fn package(package: &Package) -> String {
    let (name, version) = (&package.name, &package.version);
    let mut text = format!(
        "<package type=\"rpm\"><name>{name}</name><arch>noarch</arch><version epoch=\"0\" ver=\"{version}\" rel=\"1\"/>\
         <checksum type=\"sha256\" pkgid=\"YES\">{}</checksum><location href=\"{name}-{version}-1.noarch.rpm\"/><format>",
        digest(package)
    );
    let needs: String = package.needs.iter().map(|any| alternatives(any)).collect();
    let each = |relations: &[Relation]| relations.iter().map(entry).collect::<String>();
    for (field, entries) in [
        ("requires", needs),
        ("recommends", each(&package.weak)),
        ("provides", each(&package.provides)),
        ("conflicts", each(&package.conflicts)),
        ("obsoletes", each(&package.replaces)),
    ] {
        if !entries.is_empty() {
            write!(text, "<rpm:{field}>{entries}</rpm:{field}>").expect("writing to a string");
        }
    }
    text + "</format></package>"
}

fn alternatives(any: &[Relation]) -> String {
    if let [one] = any {
        return entry(one);
    }
    let words: Vec<String> = any
        .iter()
        .map(|one| match &one.bound {
            None => one.name.clone(),
            Some((operator, version)) => format!("{} {} {version}", one.name, Rpm.sign(*operator)),
        })
        .collect();
    format!("<rpm:entry name=\"({})\"/>", words.join(" or ").replace('<', "&lt;"))
}

fn entry(relation: &Relation) -> String {
    let name = &relation.name;
    let Some((operator, version)) = &relation.bound else { return format!("<rpm:entry name=\"{name}\"/>") };
    let flags = match operator {
        Operator::Less => "LT",
        Operator::LessEqual => "LE",
        Operator::GreaterEqual => "GE",
        Operator::Greater => "GT",
        Operator::Equal | Operator::Like | Operator::Revision => "EQ",
    };
    format!("<rpm:entry name=\"{name}\" flags=\"{flags}\" ver=\"{version}\"/>")
}

#[test]
fn fedora_and_opensuse_resolve_every_idea_that_they_have() {
    run(&Notes);
}
