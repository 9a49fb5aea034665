//! `data/distros/gentoo.toml`: what it says fits together, and into our readers.

use std::collections::BTreeMap;

use lbuild_repo::portage::relation::Atom;
use serde::Deserialize;

type ByArch<T> = BTreeMap<String, T>;

#[derive(Deserialize)]
struct Distro {
    stable: String,
    architectures: BTreeMap<String, String>,
    stages: ByArch<BTreeMap<String, String>>,
    kernels: ByArch<BTreeMap<String, String>>,
    init: BTreeMap<String, Vec<String>>,
    certificates: BTreeMap<String, Vec<String>>,
    #[serde(rename = "release")]
    releases: Vec<Release>,
}

#[derive(Deserialize)]
struct Release {
    name: String,
    profiles: ByArch<BTreeMap<String, String>>,
}

#[test]
fn what_we_know_of_gentoo_fits_together() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/distros/gentoo.toml");
    let distro: Distro = toml::from_str(&std::fs::read_to_string(file).expect("a file")).expect("its form");
    let release = distro.releases.iter().find(|release| release.name == distro.stable).expect("it is there");
    for (arch, own) in &distro.architectures {
        assert!(distro.kernels[arch].contains_key("default"), "{arch}");
        for init in distro.init.keys() {
            assert!(distro.stages[arch][init].contains(init), "{arch} {init}");
            let profile = &release.profiles[arch][init];
            assert!(profile.contains(&format!("/{own}/{}", distro.stable)), "{arch} {init}");
        }
    }
    let packages = distro.kernels.values().flat_map(BTreeMap::values).chain(distro.init.values().flatten());
    assert!(packages.into_iter().all(|name| Atom::parse(name).is_ok()));
    assert!(["stages", "packages", "repository"].iter().all(|of| distro.certificates.contains_key(*of)));
    let fingerprints: Vec<&String> = distro.certificates.values().flatten().collect();
    let is_hex = |one: &&String| one.bytes().all(|digit| digit.is_ascii_hexdigit());
    assert!(fingerprints.iter().all(|one| one.len() == 40 && is_hex(one)));
}
