//! `data/distros/ubuntu.toml`, checked against what Ubuntu itself has signed.

use std::collections::BTreeMap;

use lbuild_repo::deb::version::{Version, compare};
use lbuild_repo::openpgp::Keyring;
use serde::Deserialize;

use super::{read, repository, shared};

/// The parts that are compared here; the engine reads the file whole.
#[derive(Deserialize)]
pub struct Distro {
    pub name: String,
    pub components: Vec<String>,
    pub architectures: BTreeMap<String, String>,
    pub kernels: BTreeMap<String, BTreeMap<String, String>>,
    pub init: BTreeMap<String, Vec<String>>,
    #[serde(rename = "release")]
    pub releases: Vec<Release>,
}

#[derive(Deserialize)]
pub struct Release {
    pub codename: String,
    pub version: String,
    pub keys: Vec<String>,
}

pub fn distro() -> Distro {
    let text = read(&repository().join("data/distros/ubuntu.toml"));
    toml::from_str(std::str::from_utf8(&text).expect("text"))
        .expect("`ubuntu.toml` has the form of this test")
}

pub fn keyring(names: &[String]) -> Keyring {
    let keys: Vec<Vec<u8>> =
        names.iter().map(|name| read(&repository().join("data/distros/keys").join(name))).collect();
    Keyring::join(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>()).expect("keys of Ubuntu")
}

#[test]
fn the_key_of_every_release_is_that_of_the_archive() {
    let distro = distro();
    assert_eq!(distro.name, "ubuntu");
    for release in &distro.releases {
        let archive = keyring(&release.keys);
        assert_eq!(
            archive.fingerprints(),
            ["F6ECB3762474EDA9D21B7022871920D1991BC93C"],
            "{}",
            release.codename
        );
    }
}

/// Name to version of every package in an official minimal image.
pub fn manifest(path: &str) -> BTreeMap<String, String> {
    let text = String::from_utf8(shared(path)).expect("text");
    let line = |line: &str| {
        let (name, version) = line.split_once(char::is_whitespace).expect("name and version");
        (name.split(':').next().unwrap_or_default().to_owned(), version.trim().to_owned())
    };
    text.lines().map(line).collect()
}

#[test]
fn the_official_minimal_images() {
    let jammy = manifest("ubuntu-core-manifests/jammy/ubuntu-jammy-oci-amd64-root.manifest");
    let focal = manifest("ubuntu-core-manifests/focal/ubuntu-focal-oci-amd64-root.manifest");
    assert_eq!((jammy.len(), focal.len()), (101, 92));
    for (name, version) in jammy.iter().chain(&focal) {
        assert!(Version::parse(version).is_ok(), "{name} {version}");
    }
    // They hold no kernel and nothing to start it with: an image that boots asks for both.
    let distro = distro();
    let missing = distro.kernels.values().flat_map(BTreeMap::values).chain(distro.init.values().flatten());
    for name in missing {
        assert!(!jammy.contains_key(name) && !focal.contains_key(name), "{name}");
    }
    for name in ["apt", "base-files", "bash", "coreutils", "dpkg", "libc6", "ubuntu-keyring", "util-linux"] {
        assert!(compare(&jammy[name], &focal[name]).is_gt(), "{name}: {} {}", jammy[name], focal[name]);
    }
}
