//! Ideas of resolution, each written once in `ideas.txt` and run for every family that has it: a family writes the
//! packages of an idea in its own syntax, reads them with its own reader, and resolves by its own rules.
//!
//! - `idea`: the neutral notation
//! - one module per family: its notation, and which features it has

mod alpm;
mod apk;
mod deb;
mod idea;
mod portage;
mod rpm;
mod xbps;

use std::collections::BTreeSet;

use idea::{Expected, Idea, Package, Repository};
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::{Family, Pin, PinTarget, Request, Unsatisfiable, Wanted, resolve};

/// How a family writes an idea.
trait Notation {
    /// Name of the family in `ideas.txt`.
    fn name(&self) -> &'static str;
    /// The features that it has, of those that ideas name.
    fn features(&self) -> &'static [&'static str];
    /// Its rules.
    fn family(&self) -> &dyn Family;
    /// Its name for the architecture that requests are for.
    fn arch(&self) -> &'static str;
    /// Its form of a plain version such as `1.2`.
    fn version(&self, plain: &str) -> String;
    /// Its form of a plain package name, where that is not the same.
    fn package(&self, plain: &str) -> String {
        plain.to_owned()
    }
    /// The repositories, the most preferred first, read with its own reader.
    fn index(&self, repositories: &[Repository]) -> Index;
}

const IDEAS: &str = include_str!("ideas.txt");

fn ideas() -> Vec<Idea> {
    let ideas = idea::read(IDEAS);
    let names: BTreeSet<&str> = ideas.iter().map(|idea| idea.name.as_str()).collect();
    assert_eq!(names.len(), ideas.len(), "a name stands twice");
    ideas
}

/// Runs every idea that the family has; all others must need a feature that it does not have.
fn run(notation: &dyn Notation) {
    let mut count = 0;
    for idea in ideas() {
        if idea.features.iter().all(|feature| notation.features().contains(&feature.as_str())) {
            judge(notation, &idea);
            count += 1;
        }
    }
    assert!(count >= 15, "{} has only {count} ideas", notation.name());
}

fn judge(notation: &dyn Notation, idea: &Idea) {
    let label = format!("{}: {}", notation.name(), idea.name);
    let index = notation.index(&idea.repositories);
    let cached = Index::open_cache(index.write_cache().to_vec()).expect("its own cache");
    let request = request(notation, idea);
    let outcome = resolve(notation.family(), &cached, &request);
    match (idea.expected(notation.name()), outcome) {
        (Expected::Gives(expected), Ok(selection)) => {
            let found: BTreeSet<String> = selection
                .packages
                .iter()
                .map(|package| {
                    let plain = idea.repositories.iter().flat_map(|repository| &repository.packages);
                    let mut versions = plain.filter(|one| notation.package(&one.name) == package.name);
                    match versions.find(|one| notation.version(&one.version) == package.version) {
                        Some(one) if idea.versions_of(&one.name) > 1 => {
                            format!("{}={}", one.name, one.version)
                        }
                        Some(one) => one.name.clone(),
                        None => package.name.clone(),
                    }
                })
                .collect();
            assert_eq!(found, *expected, "{label}");
        }
        (Expected::Fails(expected), Err(reason)) => {
            check_reason(notation, &cached, &request, &reason, expected, &label);
        }
        (expected, Ok(selection)) => {
            let names: Vec<&str> = selection.packages.iter().map(|package| package.name.as_str()).collect();
            panic!("{label}: expected {expected:?}, got {names:?}");
        }
        (expected, Err(reason)) => panic!("{label}: expected {expected:?}, got {reason:#?}"),
    }
}

/// The roots are the requests that clash, and every fix was solved again: its effect says so.
fn check_reason(
    notation: &dyn Notation,
    index: &Index,
    request: &Request,
    reason: &Unsatisfiable,
    expected: &BTreeSet<String>,
    label: &str,
) {
    let roots: BTreeSet<String> = reason.roots.iter().map(|root| root.request.clone()).collect();
    let own = |name: &String| match name.strip_prefix("without ") {
        Some(name) => format!("without {}", notation.package(name)),
        None => notation.package(name),
    };
    assert_eq!(roots, expected.iter().map(own).collect(), "{label}: {reason:#?}");
    // What one request lacks by itself is said in the summary.
    let told = !reason.chain.is_empty() || reason.roots.len() == 1;
    assert!(!reason.summary.is_empty() && told, "{label}: {reason:#?}");
    // The reason is minimal: without any one of its requests there is a solution.
    for root in reason.roots.iter().filter(|_| reason.unknown.is_empty()) {
        let mut smaller = request.clone();
        match root.index {
            Some(at) if root.removal => drop(smaller.remove.remove(at)),
            Some(at) => drop(smaller.packages.remove(at)),
            None => continue,
        }
        assert!(
            resolve(notation.family(), index, &smaller).is_ok(),
            "{label}: `{}` is not needed",
            root.request
        );
    }
}

fn request(notation: &dyn Notation, idea: &Idea) -> Request {
    let mut request = Request::new(notation.arch());
    request.recommends = idea.weak;
    request.supplements = idea.weak;
    for want in &idea.wants {
        let version = want.bound.as_ref().map(|(operator, version)| lbuild_repo::resolve::Constraint {
            operator: *operator,
            version: notation.version(version),
        });
        request.packages.push(Wanted { name: notation.package(&want.name), version, suite: None });
    }
    request.remove = idea.removes.iter().map(|name| notation.package(name)).collect();
    request.pins = idea
        .pins
        .iter()
        .map(|(package, version, priority)| Pin {
            package: notation.package(package),
            target: PinTarget::Version(notation.version(version)),
            priority: *priority,
        })
        .collect();
    request
}

/// Where a repository is from.
fn source(repository: &Repository, arch: &str) -> IndexSource {
    IndexSource {
        suite: repository.name.clone(),
        component: repository.name.clone(),
        arch: arch.to_owned(),
        base_url: "base".to_owned(),
        ..IndexSource::default()
    }
}

/// The relations of a package as text, each made by `one`.
fn texts(relations: &[idea::Relation], one: impl Fn(&idea::Relation) -> String) -> Vec<String> {
    relations.iter().map(one).collect()
}

/// A relation with its bound written as `name>=version`.
fn plain(relation: &idea::Relation, notation: &dyn Notation, family: &dyn Family) -> String {
    match &relation.bound {
        None => relation.name.clone(),
        Some((operator, version)) => {
            format!("{}{}{}", relation.name, family.sign(*operator), notation.version(version))
        }
    }
}

/// A digest that differs from package to package.
fn digest(package: &Package) -> String {
    use sha2::{Digest as _, Sha256};
    hex::encode(Sha256::digest(format!("{package:?}")))
}

#[test]
fn every_idea_belongs_to_some_family() {
    let notations: [&dyn Notation; 6] =
        [&alpm::Notes, &apk::Notes, &deb::Notes, &portage::Notes, &rpm::Notes, &xbps::Notes];
    for idea in ideas() {
        let has = |notation: &&dyn Notation| {
            idea.features.iter().all(|feature| notation.features().contains(&feature.as_str()))
        };
        assert!(notations.iter().any(has), "no family has `{}`", idea.name);
    }
}
