//! What `data/distros` says about keys, checked with the keys themselves.

use lbuild_repo::alpm::keys::VOICES;
use lbuild_repo::openpgp::Keyring;
use lbuild_repo::xbps::keys::RepositoryKey;

/// The directory with one file per distribution.
pub const DISTROS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/distros");

/// Reads one of the files.
pub fn read(name: &str) -> toml::Table {
    let text = std::fs::read_to_string(format!("{DISTROS}/{name}.toml")).expect("a file");
    text.parse().expect("TOML")
}

/// The texts of an array.
pub fn texts(value: &toml::Value) -> Vec<String> {
    let texts = value.as_array().into_iter().flatten().filter_map(toml::Value::as_str);
    texts.map(str::to_owned).collect()
}

#[test]
fn the_masters_of_arch_are_in_its_keyring() {
    let masters = texts(&read("arch")["keyring"]["masters"]);
    assert!(masters.len() > VOICES);
    let keyring = std::fs::read("/usr/share/keyrings/archlinux.gpg").expect("the package archlinux-keyring");
    let known = Keyring::parse(&keyring).expect("a keyring").fingerprints();
    assert!(masters.iter().all(|master| known.contains(master)), "{masters:?}");
}

#[test]
fn the_key_of_void_has_its_fingerprint() {
    let void = read("void");
    let release = &void["release"][0];
    let keys = texts(&release["keys"]);
    let fingerprints = texts(&release["fingerprints"]);
    assert_eq!((keys.len(), fingerprints.len()), (1, 1));
    let file = std::fs::read(format!("{DISTROS}/keys/{}", keys[0])).expect("a key");
    assert_eq!(RepositoryKey::parse(&file).expect("a key").fingerprint(), fingerprints[0]);
}
