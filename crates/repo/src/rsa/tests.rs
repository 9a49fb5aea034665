//! `openssl` is the judge: what it signs is accepted, what was changed afterwards is not.

use std::path::Path;
use std::process::Command;

use lbuild_testkit::signing::SigningKey;

use super::*;

fn openssl(arguments: &[&str], directory: &Path) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).current_dir(directory).output().expect("openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn first() -> PublicKey {
    PublicKey::from_pem(SigningKey::first().public_pem().as_bytes()).unwrap()
}

#[test]
fn what_openssl_signs_is_accepted_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    std::fs::write(path.join("message"), b"a message").unwrap();
    for (bits, forms) in [("2048", &["-pubout", "-RSAPublicKey_out"][..]), ("4096", &["-pubout"])] {
        openssl(&["genrsa", "-out", "key.pem", bits], path);
        for form in forms {
            let pem = openssl(&["rsa", "-in", "key.pem", form], path);
            let key = PublicKey::from_pem(&pem).unwrap();
            assert_eq!(key.bits().to_string(), bits);
            assert_eq!(key.exponent(), [1, 0, 1]);
            assert_eq!(key.modulus().len() * 8, key.bits());
            for (name, hash) in [("-sha1", Hash::Sha1), ("-sha256", Hash::Sha256), ("-sha512", Hash::Sha512)]
            {
                let signature = openssl(&["dgst", name, "-sign", "key.pem", "message"], path);
                assert_eq!(key.verify(hash, b"a message", &signature), Ok(()), "{bits} {name}");
                assert_eq!(key.verify(hash, b"b message", &signature), Err(SignatureError::Mismatch));
                for other in [Hash::Sha1, Hash::Sha256, Hash::Sha512] {
                    let result = key.verify(other, b"a message", &signature);
                    assert_eq!(result.is_ok(), other == hash, "{name} read as {other:?}");
                }
                let mut changed = signature.clone();
                changed[7] ^= 1;
                assert_eq!(key.verify(hash, b"a message", &changed), Err(SignatureError::Mismatch));
            }
        }
    }
}

#[test]
fn another_key_or_length_is_refused() {
    let message = b"text";
    let signature = SigningKey::second().sign_sha1(message);
    assert_eq!(first().verify(Hash::Sha1, message, &signature), Err(SignatureError::Mismatch));
    for length in [0, 1, 255, 257, 512] {
        let mut other = SigningKey::first().sign_sha256(message);
        other.resize(length, 0);
        let error = SignatureError::Length { expected: 256, found: length };
        assert_eq!(first().verify(Hash::Sha256, message, &other), Err(error));
    }
    let error = SignatureError::Digest { expected: 32, found: 20 };
    assert_eq!(first().verify_digest(Hash::Sha256, &[0; 20], &signature), Err(error));
    // Numbers at the edges of the modulus: 0, 1 and one larger than it.
    let mut one = [0; 256];
    one[255] = 1;
    for value in [[0; 256], one, [0xff; 256]] {
        assert_eq!(first().verify(Hash::Sha1, message, &value), Err(SignatureError::Mismatch));
    }
}

#[test]
fn what_is_no_usable_key_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let short = openssl(&["genrsa", "1024"], path);
    std::fs::write(path.join("short.pem"), short).unwrap();
    let short = openssl(&["rsa", "-in", "short.pem", "-pubout"], path);
    assert!(matches!(PublicKey::from_pem(&short), Err(KeyError::Bits { bits: 1024 })));
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", "ed.pem"], path);
    let other = openssl(&["pkey", "-in", "ed.pem", "-pubout"], path);
    assert!(matches!(PublicKey::from_pem(&other), Err(KeyError::Algorithm)));
    let private = SigningKey::first().private_pem();
    assert!(
        matches!(PublicKey::from_pem(private.as_bytes()), Err(KeyError::Label(label)) if label == "PRIVATE KEY")
    );
    for text in [&b""[..], b"key", b"-----BEGIN PUBLIC KEY-----\n", b"\xff\xfe"] {
        assert!(matches!(PublicKey::from_pem(text), Err(KeyError::Pem(_))), "{text:?}");
    }
    assert!(matches!(PublicKey::from_pem(&vec![b'a'; 1 << 20]), Err(KeyError::TooLong)));
    let empty = b"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n";
    assert!(matches!(PublicKey::from_pem(empty), Err(KeyError::Form(_))));
}

#[test]
fn a_sha1_collision_is_noticed() {
    // The published collision of 2017 (Stevens and others, "The first collision for full SHA-1"), up to where the two
    // files are alike again.
    let hex: String = include_str!("shattered.hex").split_whitespace().collect();
    let message = hex::decode(hex).unwrap();
    assert_eq!(Hash::Sha1.digest(&message), Err(SignatureError::Collision));
    let signature = SigningKey::first().sign_sha1(&message);
    assert_eq!(first().verify(Hash::Sha1, &message, &signature), Err(SignatureError::Collision));
    assert!(Hash::Sha1.digest(&message[..64]).is_ok());
}
