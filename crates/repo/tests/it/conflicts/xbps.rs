//! Conflicts of repositories of Void Linux that stand alone, without the distribution's own.

use lbuild_repo::index::IndexSource;
use lbuild_repo::xbps;
use lbuild_repo::xbps::resolve::Void;
use lbuild_spec::model::Base;
use lbuild_testkit::realdata;

use super::{Case, Corpus, plain};

const CASES: [Case; 9] = [
    ("two-versions", "glaze-4.4.3_1 glaze>=6"),
    ("the-distribution-is-missing", "hyprland"),
    ("misspelt", "hello-wolrd"),
    ("short-of-a-letter", "cli1"),
    ("version", "hyprlang>=9_1"),
    ("old-version", "cli11<2"),
    ("exact-version", "hyprland-protocols-9.9_9"),
    ("plugin-without-its-program", "deluge-gtk -deluge"),
    ("removed-itself", "cli11 -cli11"),
];

#[test]
fn conflicts_of_void_are_explained() {
    let names = ["hyprland-x86_64", "void-extra-x86_64", "j0ng4b", "zoomers", "toaster-old-sig"];
    let indexes: Vec<(IndexSource, Vec<u8>)> = names
        .iter()
        .map(|name| {
            let source = IndexSource {
                suite: (*name).to_owned(),
                component: (*name).to_owned(),
                arch: "x86_64".to_owned(),
                ..IndexSource::default()
            };
            (source, realdata::read(&format!("void/{name}/x86_64-repodata")))
        })
        .collect();
    let readers = indexes.iter().map(|(source, bytes)| (source.clone(), bytes.as_slice())).collect();
    let index = xbps::index::read(readers).expect("real indexes");
    let corpus = Corpus {
        name: "xbps",
        arch: "x86_64",
        base: Base::Void,
        family: &Void,
        index: &index,
        wanted: plain,
        changing: false,
    };
    corpus.check(&CASES);
}
