//! Groups, and the answers of dnf that osbuild's tests expect.

use std::collections::BTreeMap;

use super::{Source, choose, index, names};

#[test]
fn dnf_gives_the_same_packages_as_osbuild_expects() {
    let sources = [Source::new("cs9-baseos-2024"), Source::new("osbuild-custom-2024")];
    let index = index(&sources, "x86_64");
    let text = lbuild_testkit::realdata::read("rpm/osbuild-oracle/expected.json");
    let cases: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let cases = cases.as_array().expect("a list");
    let texts = |value: &serde_json::Value| -> Vec<String> {
        let list = value.as_array().expect("a list").iter();
        list.map(|text| text.as_str().expect("text").to_owned()).collect()
    };
    assert_eq!(cases.len(), 4);
    for case in cases {
        let install = texts(&case["install"]);
        let requests: Vec<&str> = install.iter().map(String::as_str).collect();
        let selection = choose(&index, &requests, false).expect("a set of packages");
        let mut expected = texts(&case["expect_packages"]);
        expected.sort();
        assert_eq!(names(&selection), expected, "{install:?}");
    }
}

#[test]
fn a_group_brings_its_members_and_an_environment_its_groups() {
    let index = index(&[Source::new("cs9-baseos-2024")], "x86_64");
    let core = choose(&index, &["@core"], true).expect("the group");
    for name in ["systemd", "dnf", "sudo", "NetworkManager"] {
        assert!(names(&core).contains(&name), "{name}");
    }
    let minimal = choose(&index, &["@minimal-environment"], true).expect("the environment");
    assert_eq!(names(&minimal), names(&core));
}

#[test]
fn modular_packages_are_hidden_until_their_stream_is_enabled() {
    let appstream = Source::new("cs9-appstream-2025");
    let hidden = appstream.modules.hidden(&BTreeMap::new());
    assert_eq!((appstream.modules.streams.len(), hidden.len()), (31, 1044));
    let mariadb = BTreeMap::from([("mariadb".to_owned(), "10.11".to_owned())]);
    let shown = hidden.difference(&appstream.modules.hidden(&mariadb)).count();
    assert!(shown > 50, "{shown}");
    let index = index(&[appstream, Source::new("cs9-baseos-2024")], "x86_64");
    let versions: Vec<&str> = index.named("mariadb-server").map(|package| package.version()).collect();
    assert!(
        !versions.is_empty() && versions.iter().all(|version| !version.contains("module_el9")),
        "{versions:?}"
    );
}
