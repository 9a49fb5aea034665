//! What `data/distros/alpine.toml` says about keys and packages, checked with real indexes.

use lbuild_repo::apk::index::Index as ApkIndex;
use lbuild_repo::apk::{Keyring, Trust};
use lbuild_testkit::realdata;

use super::resolve::{alpine, choose};
use crate::distros::{DISTROS, read, texts};

/// The keys of an architecture.
fn keys(arch: &str) -> Keyring {
    let mut keyring = Keyring::new();
    for name in texts(&read("alpine")["keys"][arch]) {
        let pem = std::fs::read(format!("{DISTROS}/keys/{name}")).expect("a key");
        keyring.add(&name, &pem).expect("a key");
    }
    assert_eq!(keyring.names().count(), 2, "{arch}");
    keyring
}

#[test]
fn the_keys_are_those_that_sign() {
    let main = realdata::read("alpine/v3.19-cache/APKINDEX.b2c94760.tar.gz");
    assert!(ApkIndex::open(&main, Trust::Keys(&keys("x86_64"))).is_ok());
    assert!(ApkIndex::open(&main, Trust::Keys(&keys("aarch64"))).is_err());
}

#[test]
fn what_it_names_is_in_the_indexes() {
    let data = read("alpine");
    let index = alpine();
    let mut names = texts(&data["base"]["packages"]);
    names.extend(texts(&data["init"]["openrc"]));
    let kernels = data["kernels"]["x86_64"].as_table().expect("a table");
    names.extend(kernels.values().filter_map(toml::Value::as_str).map(str::to_owned));
    assert!(names.len() >= 5, "{names:?}");
    for name in &names {
        assert!(choose(&index, &[name]).is_ok(), "{name}");
    }
}
