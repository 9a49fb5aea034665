//! Alpine's formats and rules: its published tables, its real indexes and packages, and `apk` itself.

mod archive;
mod distro;
mod index;
mod installed;
mod oracle;
pub mod resolve;
mod simulate;
mod solver;
mod versions;

use lbuild_repo::apk::Keyring;
use lbuild_testkit::apkfile::KEY_NAME;
use lbuild_testkit::realdata;
use lbuild_testkit::signing::SigningKey;

/// The keys that Alpine's releases for `x86_64` are signed with.
fn alpine_keys() -> Keyring {
    let mut keyring = Keyring::new();
    for entry in std::fs::read_dir(realdata::path("alpine/keys-etc")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap();
        keyring.add(name, &std::fs::read(&path).unwrap()).unwrap();
    }
    assert_eq!(keyring.names().count(), 5);
    keyring
}

/// The key that our own fixtures are signed with.
fn test_keys() -> Keyring {
    let mut keyring = Keyring::new();
    keyring.add(KEY_NAME, SigningKey::first().public_pem().as_bytes()).unwrap();
    keyring
}
