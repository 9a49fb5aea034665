//! Detached signatures and the web of trust, made by `GnuPG`. Messages with the signature around the text are tested
//! with Debian's releases.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use lbuild_repo::openpgp::{Expiry, Keyring, Policy, SignatureError, Signer, verify_detached};
use lbuild_testkit::gnupg::{Home, SIGNED};

const TEXT: &[u8] = b"what is signed\n";
const DAY: u64 = 24 * 3600;

fn policy() -> Policy {
    Policy::at(SIGNED + 3600)
}

/// Signatures of [`TEXT`], binary and armored, and the keyring that they fit.
fn signed(home: &Home, more: &[&str]) -> (Vec<u8>, Vec<u8>, Keyring) {
    let file = home.path().join("text");
    std::fs::write(&file, TEXT).expect("a file");
    let file = file.to_str().expect("a name");
    let sign = |form: &[&str]| home.run(&[more, form, &["--output", "-", "--detach-sign", file]].concat());
    let keyring = Keyring::parse(&home.public_key()).expect("a keyring");
    (sign(&[]), sign(&["--armor"]), keyring)
}

fn check(signature: &[u8], text: &[u8], keyring: &Keyring) -> Result<Vec<Signer>, SignatureError> {
    verify_detached(signature, Cursor::new(text), keyring, &policy())
}

#[test]
fn detached_signatures_of_both_forms() {
    let home = Home::new("good@example.org");
    let (binary, armored, keyring) = signed(&home, &[]);
    assert!(armored.starts_with(b"-----BEGIN PGP SIGNATURE-----"));
    let expected = [Signer { certificate: keyring.fingerprints()[0].clone(), created: SIGNED }];
    for signature in [&binary, &armored] {
        assert_eq!(check(signature, TEXT, &keyring).expect("a good signature"), expected);
        let result = check(signature, b"what was signed\n", &keyring);
        assert!(matches!(result, Err(SignatureError::BadSignature { .. })), "{result:?}");
    }
    // Armored certificates may follow each other, with any text between them.
    let blocks =
        [b"first:\n".to_vec(), home.run(&["--armor", "--export"]), home.run(&["--armor", "--export"])];
    assert_eq!(Keyring::parse(&blocks.concat()).expect("a keyring").fingerprints().len(), 2);
    let stranger = Keyring::parse(&Home::new("stranger@example.org").public_key()).expect("a keyring");
    let result = check(&binary, TEXT, &stranger);
    assert!(matches!(result, Err(SignatureError::UnknownKeys { .. })), "{result:?}");
    // Two signatures, of which one is by a stranger.
    let other = Home::new("other@example.org");
    let both = [signed(&other, &[]).0, binary.clone()].concat();
    assert_eq!(check(&both, TEXT, &keyring).expect("one is good"), expected);
    let many = binary.repeat(17);
    assert!(matches!(check(&many, TEXT, &keyring), Err(SignatureError::TooLarge)));
}

#[test]
fn t21_detached_signatures_that_do_not_count() {
    let home = Home::new("good@example.org");
    let (weak, _, keyring) = signed(&home, &["--digest-algo", "SHA1"]);
    let old = Policy { sha1_on_keys_before: u64::MAX, ..policy() };
    let result = verify_detached(&weak, Cursor::new(TEXT), &keyring, &old);
    assert!(
        matches!(result, Err(SignatureError::WeakHash { .. })),
        "over content it never counts: {result:?}"
    );
    let (brief, ..) = signed(&home, &["--default-sig-expire", "1d"]);
    for expiry in [Expiry::Now, Expiry::WhenSigned] {
        let later = Policy { expiry, ..Policy::at(SIGNED + 2 * DAY) };
        let result = verify_detached(&brief, Cursor::new(TEXT), &keyring, &later);
        assert!(matches!(result, Err(SignatureError::SignatureExpired { .. })), "{result:?}");
    }
    let early = verify_detached(&brief, Cursor::new(TEXT), &keyring, &Policy::at(SIGNED - 2 * DAY));
    assert!(
        matches!(early, Err(SignatureError::SignatureDate { .. } | SignatureError::KeyUnbound { .. })),
        "{early:?}"
    );
    for nothing in
        [b"".as_slice(), b"-----BEGIN PGP SIGNATURE-----\n", b"\x99", b"no signature", &home.public_key()]
    {
        let result = check(nothing, TEXT, &keyring);
        assert!(
            matches!(result, Err(SignatureError::NotSigned(_) | SignatureError::Empty)),
            "{}: {result:?}",
            nothing.escape_ascii()
        );
    }
    assert!(matches!(check(&vec![0x88; 2 << 20], TEXT, &keyring), Err(SignatureError::TooLarge)));
}

#[test]
fn a_key_may_expire_after_it_has_signed() {
    let home = Home::new("brief@example.org");
    let fingerprint = Keyring::parse(&home.public_key()).expect("a keyring").fingerprints()[0].clone();
    home.run(&["--quick-set-expire", &fingerprint, "30d"]);
    let (signature, _, keyring) = signed(&home, &[]);
    let later = Policy::at(SIGNED + 60 * DAY);
    let result = verify_detached(&signature, Cursor::new(TEXT), &keyring, &later);
    assert!(matches!(result, Err(SignatureError::KeyExpired { .. })), "{result:?}");
    let then = Policy { expiry: Expiry::WhenSigned, ..later };
    verify_detached(&signature, Cursor::new(TEXT), &keyring, &then)
        .expect("the key was alive when it signed");
}

#[test]
fn a_detached_signature_cut_or_changed_anywhere() {
    let home = Home::new("good@example.org");
    let (binary, armored, keyring) = signed(&home, &[]);
    for end in 0..binary.len() {
        assert!(check(&binary[..end], TEXT, &keyring).is_err(), "cut at {end}");
    }
    for at in 0..binary.len() {
        let mut bent = binary.clone();
        bent[at] ^= 1;
        // What is not hashed may change without making it another signature.
        if let Ok(signers) = check(&bent, TEXT, &keyring) {
            assert_eq!(signers[0].created, SIGNED, "byte {at}");
        }
    }
    for end in 0..armored.len() - 40 {
        assert!(check(&armored[..end], TEXT, &keyring).is_err(), "cut at {end}");
    }
}

#[test]
fn what_cannot_be_read_is_no_bad_signature() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken disk"))
        }
    }
    impl Seek for Broken {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Ok(0)
        }
    }
    let (signature, _, keyring) = signed(&Home::new("good@example.org"), &[]);
    let result = verify_detached(&signature, Broken, &keyring, &policy());
    assert!(
        matches!(&result, Err(SignatureError::Read(error)) if error.to_string().contains("broken disk")),
        "{result:?}"
    );
}

#[test]
fn three_masters_make_a_key_valid() {
    let home = Home::new("packager@example.org");
    let users = ["one@example.org", "two@example.org", "three@example.org"];
    for user in users {
        home.run(&["--quick-generate-key", user, "ed25519", "cert,sign", "never"]);
    }
    let key = |user: &str| Keyring::parse(&home.run(&["--export", user])).expect("a keyring");
    let packager = key("packager@example.org").fingerprints()[0].clone();
    let masters =
        Keyring::join(&users.map(|user| home.run(&["--export", user])).each_ref().map(Vec::as_slice))
            .expect("a keyring");
    let vouched = |needed: usize| -> Vec<String> {
        let all = Keyring::parse(&home.run(&["--export"])).expect("a keyring");
        all.vouched_by(&masters, needed, &policy()).fingerprints()
    };
    for (count, user) in users.iter().enumerate() {
        assert_eq!(vouched(3).len(), 3, "only the masters while {count} have certified");
        assert_eq!(vouched(count + 1).len(), 3, "{count} voices are not one more");
        home.run(&["--local-user", user, "--quick-sign-key", &packager]);
        assert!(vouched(count + 1).contains(&packager));
    }
    assert_eq!(vouched(3).len(), 4);
    // A voice that is taken back no longer counts.
    home.run(&["--local-user", "two@example.org", "--quick-revoke-sig", &packager, "two@example.org"]);
    assert_eq!((vouched(3).len(), vouched(2).len()), (3, 4));
}
