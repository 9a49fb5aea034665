//! Conflicts of repositories of Void Linux that stand alone, without the distribution's own.

use lbuild_repo::index::IndexSource;
use lbuild_repo::xbps;
use lbuild_repo::xbps::resolve::Void;
use lbuild_testkit::realdata;

use super::check;

/// Name of the case and the request.
const CASES: [(&str, &str); 4] = [
    ("the-distribution-is-missing", "hyprland"),
    ("misspelt", "hyprlad"),
    ("version", "hyprlang>=9_1"),
    ("without-a-dependency", "hyprcursor -hyprlang"),
];

#[test]
fn conflicts_of_void_are_explained() {
    let names = ["hyprland-x86_64", "void-extra-x86_64", "j0ng4b"];
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
    assert_eq!(index.len(), 53);
    check(&Void, "xbps", "x86_64", &CASES, &index);
}
