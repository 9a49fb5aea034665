//! Named scenarios of Gentoo's rules, each on a few packages of its own, and requests to real binary hosts.

use std::collections::BTreeMap;

use lbuild_repo::index::{Index as Arena, IndexSource};
use lbuild_repo::portage::arena::{Options, build};
use lbuild_repo::portage::index::Index;
use lbuild_repo::portage::profile::Profile;
use lbuild_repo::portage::resolve::Gentoo;
use lbuild_repo::resolve::{Request, Selection, Unsatisfiable, Wanted, resolve};

use super::shared_plain;

fn source(name: &str, pin: i32) -> IndexSource {
    IndexSource {
        suite: name.to_owned(),
        component: "packages".to_owned(),
        arch: "amd64".to_owned(),
        base_url: "base".to_owned(),
        pin,
        ..IndexSource::default()
    }
}

/// Packages of one host: `category/package-version`, then fields, one package per paragraph.
pub fn packages(text: &str) -> String {
    let header = "ARCH: amd64\nIUSE_IMPLICIT: prefix\nVERSION: 0\n\n";
    let paragraphs = text.split("\n\n").map(str::trim).filter(|part| !part.is_empty());
    let stanzas = paragraphs.enumerate().map(|(number, paragraph)| {
        let mut lines = paragraph.lines().map(str::trim);
        let cpv = lines.next().expect("a package");
        let rest: Vec<&str> = lines.collect();
        format!("CPV: {cpv}\nSIZE: 1\nSHA1: {number:040x}\nPATH: {number}.gpkg.tar\n{}\n\n", rest.join("\n"))
    });
    header.to_owned() + &stanzas.collect::<String>()
}

fn arena(hosts: &[(&str, i32, &str)], options: &Options<'_>) -> Arena {
    let texts: Vec<(IndexSource, String)> =
        hosts.iter().map(|(name, pin, text)| (source(name, *pin), packages(text))).collect();
    let indexes: Vec<(IndexSource, Index<'_>)> = texts
        .iter()
        .map(|(source, text)| (source.clone(), Index::parse(text.as_bytes()).expect("a good index")))
        .collect();
    let hosts: Vec<_> = indexes.iter().map(|(source, index)| (source.clone(), index)).collect();
    build(&hosts, options).expect("a good arena")
}

/// Requests with spaces between them; `-name` removes.
fn request(words: &str) -> Request {
    let mut request = Request::new("amd64");
    for word in words.split_whitespace() {
        match (word, word.strip_prefix('-')) {
            ("+system", _) => request.essential = true,
            (_, Some(name)) => request.remove.push(name.to_owned()),
            (name, None) => {
                request.packages.push(Wanted { name: name.to_owned(), ..Wanted::default() });
            }
        }
    }
    request
}

fn names(selection: &Selection) -> String {
    let entry = |package: &lbuild_repo::resolve::Selected| format!("{}-{}", package.name, package.version);
    selection.packages.iter().map(entry).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn gives(text: &str, words: &str, expected: &str) {
    gives_from(&arena(&[("host", 500, text)], &Options::default()), words, expected);
}

#[track_caller]
fn gives_from(index: &Arena, words: &str, expected: &str) {
    match resolve(&Gentoo, index, &request(words)) {
        Ok(selection) => assert_eq!(names(&selection), expected, "{words}"),
        Err(reason) => panic!("{words}: {reason:#?}"),
    }
}

#[track_caller]
fn fails(text: &str, words: &str, summary: &str) -> Unsatisfiable {
    fails_from(&arena(&[("host", 500, text)], &Options::default()), words, summary)
}

#[track_caller]
fn fails_from(index: &Arena, words: &str, summary: &str) -> Unsatisfiable {
    match resolve(&Gentoo, index, &request(words)) {
        Ok(selection) => panic!("{words} gives {}", names(&selection)),
        Err(reason) => {
            assert_eq!(reason.summary, summary, "{reason:#?}");
            reason
        }
    }
}

#[test]
fn slots_stand_side_by_side() {
    let text = "dev-lang/py-3.11\nSLOT: 3.11\n\ndev-lang/py-3.12\nSLOT: 3.12\n\ndev-lang/py-3.12.1\nSLOT: 3.12\n\n\
        a/old-1\nRDEPEND: dev-lang/py:3.11\n\na/new-1\nRDEPEND: >=dev-lang/py-3.12:*\n\na/exact-1\nRDEPEND: ~dev-lang/py-3.12";
    gives(text, "dev-lang/py", "dev-lang/py-3.12.1");
    gives(text, "a/old a/new", "a/new-1 a/old-1 dev-lang/py-3.11 dev-lang/py-3.12.1");
    gives(text, "dev-lang/py:3.11 py", "dev-lang/py-3.11");
    gives(text, "a/exact a/new", "a/exact-1 a/new-1 dev-lang/py-3.12");
    fails(
        text,
        "a/exact =dev-lang/py-3.12.1",
        "`a/exact` and `=dev-lang/py-3.12.1` do not go together: dev-lang/py 3.12 cannot be \
         installed beside dev-lang/py 3.12.1.",
    );
}
