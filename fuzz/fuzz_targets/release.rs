//! `InRelease` files and keyrings: nothing but the signed text is accepted.

use lbuild_repo::deb::release::{Keyring, Policy, verify};

const KEY: &[u8] = include_bytes!("../../crates/repo/tests/it/release/data/good.gpg");
const GOOD: &[u8] = include_bytes!("../../crates/repo/tests/it/release/data/good.asc");
/// An hour after the release was signed.
const NOW: u64 = 1_780_275_600;

/// Reads the bytes as a release, then as a keyring.
pub fn run(data: &[u8]) {
    let policy = Policy { now: NOW, ..Policy::default() };
    let keyring = Keyring::parse(KEY).expect("the key of the test data");
    if let Ok(release) = verify(data, &keyring, &policy) {
        assert_eq!(release.codename, "tester", "a text that was never signed is accepted");
    }
    if let Ok(keyring) = Keyring::parse(data) {
        let known = keyring.fingerprints();
        if let Ok(release) = verify(GOOD, &keyring, &policy) {
            assert!(release.signed_by.iter().all(|signer| known.contains(signer)));
        }
    }
}
