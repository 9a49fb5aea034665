//! Alpine's indexes, installed databases, dependencies and versions: what is read agrees with itself.

use lbuild_repo::apk::index::{Index, parse};
use lbuild_repo::apk::relation::{Dependency, Provision, words};
use lbuild_repo::apk::{Trust, installed, version};

/// Reads the bytes as an archive, then as the text in it, then word by word.
pub fn run(data: &[u8]) {
    if let Ok(index) = Index::open(data, Trust::Anybody) {
        drop(index.packages());
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(packages) = parse(text) {
        for package in &packages {
            assert!(!package.file_name().contains('/'), "{package:?}");
            package.depends().for_each(|dependency| check(&dependency));
            assert!(package.provides().all(|provision| !provision.name.is_empty()));
        }
    }
    if let Ok(packages) = installed::read(text) {
        let names = packages.iter().flat_map(|package| &package.directories).flat_map(|directory| &directory.files);
        assert!(names.map(|file| file.name).all(|name| !name.contains('/') && name != ".."));
    }
    let mut before = "1.0-r0";
    for word in words(text) {
        if let Ok(dependency) = Dependency::parse_wanted(word) {
            check(&dependency);
        }
        drop(Provision::parse(word));
        assert_eq!(version::compare(word, before), version::compare(before, word).reverse());
        if version::validate(word).is_ok() {
            assert!(version::compare_fuzzy(word, word).is_eq());
        }
        before = word;
    }
}

/// What is written can be read, and means the same.
fn check(dependency: &Dependency<'_>) {
    let text = dependency.to_string();
    let again = Dependency::parse_wanted(&text).or_else(|_| Dependency::parse(&text));
    assert_eq!(again.as_ref(), Ok(dependency), "{text}");
}
