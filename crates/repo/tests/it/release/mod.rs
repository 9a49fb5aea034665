//! Release files that `GnuPG` signed, and what becomes of them when something is wrong (T21, T22).
//!
//! `data/make.sh` made the keys and files, at a faked time: keys in January 2026, signatures on 1 June 2026.

use std::time::Duration;

use lbuild_repo::deb::release::{Keyring, KeyringError, Policy, ReleaseError, VerifiedRelease, verify};
use lbuild_repo::openpgp::SignatureError;

/// 2026-06-01T00:00:00Z, when the releases were signed and dated.
const SIGNED: u64 = 1_780_272_000;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!("data/", $name)).as_slice()
    };
}

fn policy(now: u64) -> Policy {
    Policy { now, suite: Some("tester".to_owned()), ..Policy::default() }
}

fn check(text: &[u8], key: &[u8], policy: &Policy) -> Result<VerifiedRelease, ReleaseError> {
    verify(text, &Keyring::parse(key).expect("a keyring of the test data"), policy)
}

/// One hour after the signature.
fn soon(text: &[u8], key: &[u8]) -> Result<VerifiedRelease, ReleaseError> {
    check(text, key, &policy(SIGNED + HOUR))
}

macro_rules! refused {
    ($result:expr, $pattern:pat) => {
        match $result {
            Err($pattern) => {}
            other => panic!("expected {}, got {other:?}", stringify!($pattern)),
        }
    };
}

/// The signature is why.
macro_rules! distrusted {
    ($result:expr, $pattern:pat) => {
        refused!($result, ReleaseError::Signature($pattern))
    };
}

#[test]
fn a_good_release_is_read() {
    let release = soon(data!("good.asc"), data!("good.gpg")).expect("a good release");
    assert_eq!((release.suite.as_str(), release.codename.as_str()), ("stable", "tester"));
    assert_eq!(release.date, SIGNED);
    assert_eq!(release.valid_until, Some(SIGNED + 7 * DAY));
    assert_eq!(release.components, ["main"]);
    assert_eq!(release.architectures, ["all", "amd64"]);
    assert!(release.by_hash && !release.not_automatic);
    assert_eq!(release.signed_by, Keyring::parse(data!("good.gpg")).expect("a keyring").fingerprints());
    let file = &release.files["main/binary-amd64/Packages"];
    assert_eq!((file.size, hex::encode(file.sha256).get(..8)), (0, Some("e3b0c442")));
}

#[test]
fn a_subkey_signs_for_its_certificate_until_it_expires() {
    soon(data!("subkey.asc"), data!("subkey.gpg")).expect("a bound subkey");
    let next_year = Policy { pinned_snapshot: true, ..policy(SIGNED + 365 * DAY) };
    distrusted!(
        check(data!("subkey.asc"), data!("subkey.gpg"), &next_year),
        SignatureError::KeyExpired { .. }
    );
    distrusted!(soon(data!("subkey.asc"), data!("subkey-revoked.gpg")), SignatureError::KeyRevoked { .. });
}

#[test]
fn one_known_signer_of_two_is_enough() {
    soon(data!("both.asc"), data!("good.gpg")).expect("signed by a known key and a stranger");
}

#[test]
fn t21_unsigned_wrong_key_and_tampered() {
    let text = b"Codename: tester\nDate: Mon, 01 Jun 2026 00:00:00 UTC\n";
    distrusted!(soon(text, data!("good.gpg")), SignatureError::NotSigned(_));
    distrusted!(soon(data!("stranger.asc"), data!("good.gpg")), SignatureError::UnknownKeys { .. });
    let replace = |from: &str, to: &str| {
        String::from_utf8(data!("good.asc").to_vec()).expect("text").replacen(from, to, 1).into_bytes()
    };
    let key = data!("good.gpg");
    distrusted!(soon(&replace("e3b0", "e3b1"), key), SignatureError::BadSignature { .. });
    distrusted!(soon(&replace("Origin: Test", "Origin: Best"), key), SignatureError::BadSignature { .. });
    // Text outside of what is signed could be taken for signed by a careless reader.
    distrusted!(soon(&replace("-----BEGIN", "Codename: x\n-----BEGIN"), key), SignatureError::NotSigned(_));
    let appended = [data!("good.asc"), b"Codename: x\n"].concat();
    distrusted!(soon(&appended, key), SignatureError::NotSigned(_));
    let twice = [data!("good.asc"), data!("good.asc")].concat();
    distrusted!(soon(&twice, key), SignatureError::NotSigned(_));
}

#[test]
fn t21_expired_revoked_and_weak_keys() {
    let later = Policy { pinned_snapshot: true, ..policy(SIGNED + 60 * DAY) };
    soon(data!("expired.asc"), data!("expired.gpg")).expect("before the key expires");
    distrusted!(check(data!("expired.asc"), data!("expired.gpg"), &later), SignatureError::KeyExpired { .. });
    distrusted!(soon(data!("revoked.asc"), data!("revoked.gpg")), SignatureError::KeyRevoked { .. });
    distrusted!(soon(data!("short.asc"), data!("short.gpg")), SignatureError::WeakKey { .. });
    distrusted!(soon(data!("sha1.asc"), data!("good.gpg")), SignatureError::WeakHash { .. });
    let two_days = policy(SIGNED + 2 * DAY);
    soon(data!("brief.asc"), data!("good.gpg")).expect("before the signature expires");
    distrusted!(
        check(data!("brief.asc"), data!("good.gpg"), &two_days),
        SignatureError::SignatureExpired { .. }
    );
    distrusted!(
        check(data!("good.asc"), data!("good.gpg"), &policy(SIGNED - 2 * DAY)),
        SignatureError::SignatureDate { .. }
    );
}

#[test]
fn t22_rollback_freeze_and_mixed_suites() {
    let with = |policy: Policy| check(data!("good.asc"), data!("good.gpg"), &policy);
    let now = policy(SIGNED + HOUR);
    with(Policy { watermark: Some(SIGNED), ..now.clone() }).expect("as new as before");
    let newer = Policy { watermark: Some(SIGNED + 5 * HOUR), ..now.clone() };
    refused!(with(newer.clone()), ReleaseError::Rollback { seconds: 18_000 });
    with(Policy { pinned_snapshot: true, ..newer }).expect("a pinned snapshot may be old");
    refused!(with(policy(SIGNED + 8 * DAY)), ReleaseError::Expired { .. });
    let two_days = Some(Duration::from_secs(2 * DAY));
    refused!(with(Policy { max_age: two_days, ..policy(SIGNED + 3 * DAY) }), ReleaseError::TooOld { .. });
    let other = Policy { suite: Some("tester-security".to_owned()), ..now.clone() };
    refused!(with(other), ReleaseError::OtherSuite { .. });
    with(Policy { suite: Some("stable".to_owned()), ..now }).expect("the suite's other name");
}

#[test]
fn t21_truncated_and_changed_anywhere() {
    let text = data!("good.asc");
    for end in 0..text.len() - 1 {
        // The last line may lose its line break.
        assert!(soon(&text[..end], data!("good.gpg")).is_err(), "cut at {end}");
    }
    let key = data!("good.gpg");
    let original = Keyring::parse(key).expect("a keyring").fingerprints();
    for at in 0..key.len() {
        let mut bent = key.to_vec();
        bent[at] ^= 1;
        if let Ok(keyring) = Keyring::parse(&bent) {
            // The declared length of a number may be off without making it another key.
            let other_key = keyring.fingerprints() != original;
            let accepted = verify(text, &keyring, &policy(SIGNED + HOUR)).is_ok();
            assert!(!(accepted && other_key), "a key with another bit at byte {at} was accepted");
        }
    }
}

#[test]
fn bombs_are_refused_at_once() {
    let lines = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n".to_owned() + &"A: b\n".repeat(8 << 20);
    distrusted!(soon(lines.as_bytes(), data!("good.gpg")), SignatureError::TooLarge);
    assert!(matches!(Keyring::parse(b""), Err(KeyringError::Empty | KeyringError::Unreadable(_))));
    assert!(matches!(Keyring::parse(&vec![0x99; 9 << 20]), Err(KeyringError::TooLarge)));
}
