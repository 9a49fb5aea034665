//! What `data/distros/alpine.toml` says about keys and packages, checked with real indexes.

use lbuild_repo::apk::index::Index as ApkIndex;
use lbuild_repo::apk::{Keyring, Trust};
use lbuild_testkit::realdata;

use super::resolve::{alpine, choose};
use crate::distros::{DISTROS, read, texts};

/// The keys of a release.
fn keys(release: &toml::Value) -> Keyring {
    let mut keyring = Keyring::new();
    for name in texts(&release["keys"]) {
        let pem = std::fs::read(format!("{DISTROS}/keys/{name}")).expect("a key");
        keyring.add(&name, &pem).expect("a key");
    }
    keyring
}

#[test]
fn the_keys_are_those_that_sign() {
    let main = realdata::read("alpine/v3.19-cache/APKINDEX.b2c94760.tar.gz");
    let data = read("alpine");
    let releases = data["release"].as_array().expect("releases");
    assert!(releases.len() >= 5);
    for release in releases {
        assert!(ApkIndex::open(&main, Trust::Keys(&keys(release))).is_ok(), "{}", release["name"]);
    }
}

#[test]
fn what_it_names_is_in_the_indexes() {
    let data = read("alpine");
    let index = alpine();
    let mut names = texts(&data["base"]);
    let kernels = data["kernels"]["x86_64"].as_table().expect("a table");
    names.extend(kernels.values().filter_map(toml::Value::as_str).map(str::to_owned));
    assert!(names.len() >= 4, "{names:?}");
    for name in &names {
        assert!(choose(&index, &[name]).is_ok(), "{name}");
    }
}
