//! `data/distros/gentoo.toml`: what it says fits together, and into our readers.

use std::collections::BTreeMap;

use lbuild_repo::portage::relation::Atom;
use serde::Deserialize;

type ByArch<T> = BTreeMap<String, T>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Distro {
    name: String,
    family: String,
    stable: String,
    architectures: BTreeMap<String, String>,
    mirrors: BTreeMap<String, Vec<String>>,
    stages: ByArch<BTreeMap<String, String>>,
    binhosts: ByArch<String>,
    kernels: ByArch<BTreeMap<String, String>>,
    init: BTreeMap<String, Vec<String>>,
    keys: BTreeMap<String, Vec<String>>,
    #[serde(rename = "release")]
    releases: Vec<Release>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    codename: String,
    profiles: ByArch<BTreeMap<String, String>>,
}

#[test]
fn what_we_know_of_gentoo_fits_together() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/distros/gentoo.toml");
    let distro: Distro = toml::from_str(&std::fs::read_to_string(file).expect("a file")).expect("its form");
    assert_eq!((distro.name.as_str(), distro.family.as_str()), ("gentoo", "portage"));
    let release =
        distro.releases.iter().find(|release| release.codename == distro.stable).expect("it is there");
    assert!(!distro.mirrors["default"].is_empty());
    for arch in distro.architectures.values() {
        assert!(distro.binhosts[arch].contains(&distro.stable), "{arch}");
        assert!(distro.kernels[arch].contains_key("default"), "{arch}");
        for init in distro.init.keys() {
            assert!(distro.stages[arch][init].contains(init), "{arch} {init}");
            assert!(
                release.profiles[arch][init].contains(&format!("/{arch}/{}", distro.stable)),
                "{arch} {init}"
            );
        }
    }
    let packages = distro.kernels.values().flat_map(BTreeMap::values).chain(distro.init.values().flatten());
    assert!(packages.into_iter().all(|name| Atom::parse(name).is_ok()));
    let fingerprints: Vec<&String> = distro.keys.values().flatten().collect();
    assert!(["stages", "packages", "repository"].iter().all(|use_of| distro.keys.contains_key(*use_of)));
    assert!(
        fingerprints.iter().all(|one| one.len() == 40 && one.bytes().all(|digit| digit.is_ascii_hexdigit()))
    );
}
