//! The same requests, put to our own resolver.

use std::collections::BTreeSet;

use lbuild_repo::deb;
use lbuild_repo::deb::relation::{atom, constraint, relations};
use lbuild_repo::deb::resolve::Debian;
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::{
    Constraint, Pin, Priority, Request, Selection, Unsatisfiable, Wanted, resolve, source_priority,
};

use super::Case;
use super::oracle::{Apt, COMPONENTS, SUITES};

/// The lists of apt, read by us in the same order.
pub fn index(apt: &Apt) -> Index {
    pinned_index(apt, &[])
}

/// The same with the priorities that pins of the general form give the suites.
pub fn pinned_index(apt: &Apt, pins: &[Pin]) -> Index {
    read(apt, pins, &|_, _| String::new())
}

/// The same, each list behind the switch that `switch` gives for its suite and component.
pub fn switched_index(apt: &Apt, switch: &dyn Fn(&str, &str) -> String) -> Index {
    read(apt, &[], switch)
}

fn read(apt: &Apt, pins: &[Pin], switch: &dyn Fn(&str, &str) -> String) -> Index {
    let mut lists = Vec::new();
    for (suite, pin) in SUITES {
        for component in COMPONENTS {
            let Some(text) = apt.list(suite, component) else { continue };
            let mut source = IndexSource {
                suite: suite.to_owned(),
                component: component.to_owned(),
                arch: "amd64".to_owned(),
                base_url: String::new(),
                pin,
                names: apt.suite_names(suite),
                host: apt.host(suite),
                switch: switch(suite, component),
            };
            source.pin = source_priority(pins, &source, pin);
            lists.push((source, text));
        }
    }
    let sources: Vec<(IndexSource, &[u8])> =
        lists.iter().map(|(source, text)| (source.clone(), text.as_slice())).collect();
    deb::index::parse(&sources).expect("the lists that apt has verified")
}

/// Our answer, as `name version`.
pub fn answer(index: &Index, case: &Case) -> Result<BTreeSet<String>, Unsatisfiable> {
    let selection = resolve(&Debian, index, &request(case))?;
    Ok(entries(&selection))
}

pub fn entries(selection: &Selection) -> BTreeSet<String> {
    selection.packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect()
}

pub fn request(case: &Case) -> Request {
    let mut request = Request::new("amd64");
    request.recommends = case.recommends;
    request.essential = case.base.is_some();
    request.priority = case.base.map(|base| match base {
        "required" => Priority::Required,
        "important" => Priority::Important,
        _ => Priority::Standard,
    });
    request.packages = case.words.iter().map(|word| wanted(word)).collect();
    if let Some(field) = &case.satisfy {
        for relation in relations(field) {
            let atom = atom(relation).expect("relations of the corpus have one alternative");
            let version =
                atom.bound.map(|(operator, version)| Constraint { operator, version: version.to_owned() });
            request.packages.push(Wanted { name: atom.name.to_owned(), version, suite: None });
        }
    }
    request
}

/// `name`, `name=version` or `name/suite`.
pub fn wanted(word: &str) -> Wanted {
    if let Some((name, version)) = word.split_once('=') {
        let version = Some(constraint(version).expect("a version"));
        return Wanted { name: name.to_owned(), version, suite: None };
    }
    match word.split_once('/') {
        Some((name, suite)) => Wanted { name: name.to_owned(), version: None, suite: Some(suite.to_owned()) },
        None => Wanted { name: word.to_owned(), ..Wanted::default() },
    }
}
