//! Ubuntu's releases as they were signed, and tampered copies of them.

use lbuild_repo::deb::release::{Policy, ReleaseError, VerifiedRelease, verify, verify_detached};
use lbuild_repo::openpgp::{Keyring, SignatureError};

use super::data::{distro, keyring};
use super::shared;

/// 2024-04-26T00:00:00Z, the day after noble was released.
const NOBLE: u64 = 1_714_089_600;
/// 2023-02-18T00:00:00Z, the day after the lists of jammy's medium were signed.
const JAMMY: u64 = 1_676_678_400;

fn noble(file: &str, now: u64) -> Result<VerifiedRelease, ReleaseError> {
    let distro = distro();
    let release = distro.releases.iter().find(|release| release.codename == "noble").expect("it is known");
    let policy = Policy { now, suite: Some("noble".to_owned()), ..Policy::default() };
    verify(&shared(&format!("libapt-ubuntu/{file}")), &keyring(&release.keys), &policy)
}

#[test]
fn noble_is_signed_by_the_key_that_we_know() {
    let distro = distro();
    let release = noble("InRelease", NOBLE).expect("a good release");
    let known = distro.releases.iter().find(|known| known.codename == release.codename).expect("it is known");
    assert_eq!((release.origin.as_str(), &release.version), ("Ubuntu", &known.version));
    assert_eq!(release.date, 1_714_057_833);
    assert_eq!(release.valid_until, None);
    assert_eq!(release.components, distro.components);
    assert!(distro.architectures.values().all(|arch| release.architectures.contains(arch)));
    assert!(release.by_hash && !release.not_automatic);
    assert_eq!(release.signed_by, ["F6ECB3762474EDA9D21B7022871920D1991BC93C"]);
    for component in &distro.components {
        for arch in distro.architectures.values() {
            let file = &release.files[&format!("{component}/binary-{arch}/Packages.xz")];
            assert!(file.size > 10_000, "{file:?}");
        }
    }
    let file = &release.files["main/binary-amd64/Packages"];
    let digest = "8f6f71ae839c8cba390a7643fcbbdacddb0bc7d12c1583a2dd80a1f8443a30e5";
    assert_eq!((file.size, hex::encode(file.sha256).as_str()), (7_165_069, digest));
}

#[test]
fn t21_tampered_copies_of_noble() {
    for file in ["InReleaseOld", "InReleaseLocal", "InRelease2", "InRelease3"] {
        match noble(file, NOBLE) {
            Err(ReleaseError::Signature(SignatureError::BadSignature { .. })) => {}
            other => panic!("{file}: {other:?}"),
        }
    }
    match noble("InReleaseInvalid", NOBLE) {
        Err(ReleaseError::Signature(_)) => {}
        other => panic!("{other:?}"),
    }
    match noble("InRelease", NOBLE - 7 * 24 * 3600) {
        Err(ReleaseError::Signature(SignatureError::SignatureDate { .. }) | ReleaseError::Future { .. }) => {}
        other => panic!("{other:?}"),
    }
}

/// The signed list of the installation medium of 22.04.
pub fn jammy_medium() -> VerifiedRelease {
    let distro = distro();
    let release = distro.releases.iter().find(|release| release.codename == "jammy").expect("it is known");
    let policy = Policy { now: JAMMY, suite: Some("jammy".to_owned()), ..Policy::default() };
    let media =
        Keyring::parse(&shared("libapt-ubuntu/ubuntu-keyring-2012-cdimage.gpg")).expect("the key of media");
    let (text, signature) =
        ("ubuntu-jammy-iso/dists/jammy/Release", "ubuntu-jammy-iso/dists/jammy/Release.gpg");
    let verified = verify_detached(&shared(text), &shared(signature), &media, &policy);
    let archive_only = verify_detached(&shared(text), &shared(signature), &keyring(&release.keys), &policy);
    assert!(matches!(archive_only, Err(ReleaseError::Signature(SignatureError::UnknownKeys { .. }))));
    verified.expect("a good release")
}

#[test]
fn the_lists_of_a_medium_have_a_key_of_their_own() {
    let release = jammy_medium();
    assert_eq!((release.codename.as_str(), release.files.len()), ("jammy", 12));
    assert_eq!(release.components, ["main", "restricted"]);
}
