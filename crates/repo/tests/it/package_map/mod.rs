//! The table of package names, checked against every real index that is at hand.
//!
//! `missing.txt` lists the names that an index does not have: an index of one release cannot know what came later or went
//! before, so a name in the list is not wrong, but it is not proven either. A name that is neither in its index nor in the
//! list fails the test.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufReader, Read as _};

use lbuild_repo::compress::Capped;
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::{alpm, portage};
use lbuild_spec::model::Base;
use lbuild_spec::names::{Named, PackageMap};
use lbuild_testkit::realdata;

const MISSING: &str = include_str!("missing.txt");

/// The databases of one day, as far as they are at hand: `community` is not among them.
const ARCH: [&str; 4] = [
    "arch/2022-09/core.db.tar.gz",
    "arch/2022-09/extra.db.tar.gz",
    "arch/2022-09/multilib.db.tar.gz",
    "arch/2025-09/core.db",
];

fn arch() -> Index {
    let databases = ARCH.iter().map(|name| {
        let source =
            IndexSource { suite: (*name).to_owned(), arch: "x86_64".to_owned(), ..IndexSource::default() };
        (source, BufReader::new(std::io::Cursor::new(realdata::read(name))))
    });
    alpm::index::read(databases.collect()).expect("real databases")
}

fn gentoo() -> Index {
    let packed = realdata::read("gentoo/binhost-x86_64-2022-11/Packages.zst");
    let mut text = Vec::new();
    let mut reader = Capped::new(BufReader::new(&*packed), 256 << 20).expect("zstd");
    reader.read_to_end(&mut text).expect("a whole file");
    let host = portage::index::Index::parse(&text).expect("a real index");
    let source =
        IndexSource { suite: "binhost".to_owned(), arch: "amd64".to_owned(), ..IndexSource::default() };
    portage::arena::build(&[(source, &host)], &portage::arena::Options::default()).expect("an index")
}

/// The names of the table that an index of the base does not have.
fn missing(base: Base, index: &Index) -> BTreeSet<String> {
    let groups: BTreeSet<&str> = index.packages().flat_map(|package| package.groups()).collect();
    let is_there = |name: &str| {
        let known = index
            .name_id(name)
            .is_some_and(|id| index.of_name(id).next().is_some() || index.providers(id).next().is_some());
        known || groups.contains(name)
    };
    let programs = PackageMap::builtin().programs().iter();
    let names = programs.flat_map(|program| match program.on(base) {
        Named::As(names) => names.iter().map(|name| (program, name)).collect::<Vec<_>>(),
        Named::NotPackaged => Vec::new(),
    });
    let gone = names.filter(|(_, name)| !is_there(name));
    gone.map(|(program, name)| format!("{} {} {name}", base.key(), program.title)).collect()
}

/// What `missing.txt` says of a base.
fn listed(base: Base) -> BTreeSet<String> {
    let of_base = |line: &&str| line.split(' ').next() == Some(base.key());
    MISSING.lines().filter(of_base).map(str::to_owned).collect()
}

fn check(base: Base, index: &Index) {
    let (found, listed) = (missing(base, index), listed(base));
    let mut text = String::new();
    for line in found.difference(&listed) {
        let _ = writeln!(text, "not in the index, add to missing.txt or mend the table: {line}");
    }
    for line in listed.difference(&found) {
        let _ = writeln!(text, "in the index, take out of missing.txt: {line}");
    }
    assert!(text.is_empty(), "{text}");
}

#[test]
fn names_of_alpine_are_in_its_index() {
    check(Base::Alpine, &crate::apk::resolve::alpine());
}

#[test]
fn names_of_arch_are_in_its_databases() {
    check(Base::Arch, &arch());
}

#[test]
fn names_of_debian_are_in_its_index() {
    check(Base::Debian, &crate::apt::index());
}

#[test]
fn names_of_gentoo_are_on_its_binary_host() {
    check(Base::Gentoo, &gentoo());
}
