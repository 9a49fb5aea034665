//! Conflicts of repositories of Void Linux: alone, and on packages that stand for the distribution's own.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::Family as _;
use lbuild_repo::xbps;
use lbuild_repo::xbps::resolve::Void;
use lbuild_spec::model::Base;
use lbuild_testkit::realdata;
use lbuild_testkit::tarball::Tarball;

use super::stand_in::missing;
use super::{Case, Corpus, plain};

const REPOSITORIES: [&str; 5] =
    ["hyprland-x86_64", "void-extra-x86_64", "j0ng4b", "zoomers", "toaster-old-sig"];

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

const WHOLE: [Case; 12] = [
    ("two-versions-of-a-desktop", "hyprland-0.49.0_1 hyprland-0.52.2_4"),
    ("a-library-of-another-build", "hyprland-0.49.0_1 hyprpaper-0.7.6_3"),
    ("a-toolkit-and-an-old-library", "hyprtoolkit aquamarine-0.8.0_2"),
    ("an-old-library", "hyprlang-0.6.7_2 hyprutils-0.7.1_1"),
    ("a-lock-and-a-wallpaper", "hyprlock-0.8.2_1 hyprpaper-0.7.6_3"),
    ("graphics-of-two-builds", "hyprgraphics-0.1.3_2 hyprpaper-0.7.6_3"),
    ("headers-of-another-version", "hyprland-devel-0.52.2_4 hyprland-0.49.0_1"),
    ("plugin-without-its-program", "deluge-gtk -deluge"),
    ("desktop-without-its-library", "hyprland -hyprutils"),
    ("no-libc", "hyprland -glibc"),
    ("a-set-without-a-member", "j0ng4b-dev -docker"),
    ("dialogs-without-their-toolkit", "hyprland-qtutils -qt6-core"),
];

fn source(name: &str) -> IndexSource {
    IndexSource {
        suite: name.to_owned(),
        component: name.to_owned(),
        arch: "x86_64".to_owned(),
        ..IndexSource::default()
    }
}

/// The real repositories, and one more after them.
fn index(more: Option<Vec<u8>>) -> Index {
    let real =
        REPOSITORIES.map(|name| (source(name), realdata::read(&format!("void/{name}/x86_64-repodata"))));
    let indexes: Vec<(IndexSource, Vec<u8>)> =
        real.into_iter().chain(more.map(|bytes| (source("current"), bytes))).collect();
    let readers = indexes.iter().map(|(source, bytes)| (source.clone(), bytes.as_slice())).collect();
    xbps::index::read(readers).expect("real indexes")
}

/// A repository of these packages, which ask for nothing. Shared objects are all in one.
fn repository(packages: &BTreeMap<String, String>) -> Vec<u8> {
    let (mut list, mut objects) = (String::new(), String::new());
    let package = |list: &mut String, name: &str, version: &str, rest: &str| {
        let text = |key: &str, value: &str| format!("<key>{key}</key><string>{value}</string>");
        let hash = "0".repeat(64);
        let fields = text("pkgver", &format!("{name}-{version}"))
            + &text("architecture", "x86_64")
            + &text("filename-sha256", &hash)
            + "<key>filename-size</key><integer>1</integer><key>installed_size</key><integer>1</integer>";
        write!(list, "<key>{name}</key><dict>{fields}{rest}</dict>").expect("memory");
    };
    for (name, version) in packages {
        if Void.thing(name).is_some() {
            write!(objects, "<string>{name}</string>").expect("memory");
        } else {
            let version = if version.contains('_') { version } else { "1_1" };
            package(&mut list, name, version, "");
        }
    }
    let provides = format!("<key>shlib-provides</key><array>{objects}</array>");
    package(&mut list, "libraries-of-void", "1_1", &provides);
    let list = format!("<plist version=\"1.0\"><dict>{list}</dict></plist>");
    Tarball::new().file("index.plist", list.as_bytes()).finish()
}

fn corpus<'a>(name: &'a str, index: &'a Index) -> Corpus<'a> {
    Corpus { name, arch: "x86_64", base: Base::Void, family: &Void, index, wanted: plain, changing: false }
}

#[test]
fn conflicts_of_repositories_alone_are_explained() {
    corpus("xbps", &index(None)).check(&CASES);
}

#[test]
fn conflicts_of_void_are_explained() {
    let whole = index(Some(repository(&missing(&Void, &index(None)))));
    corpus("void", &whole).check(&WHOLE);
}
