//! Public keys in PEM, and signatures checked with them.

use lbuild_repo::rsa::{Hash, MAX_BITS, MIN_BITS, PublicKey};

/// Reads the bytes as a key and as a signature: neither makes the other good.
pub fn run(data: &[u8]) {
    let key = include_bytes!("../corpus/rsa/2048.pem");
    let key = PublicKey::from_pem(key).expect("the key of the corpus");
    let mut signature = data.to_vec();
    signature.resize(256, 0);
    assert!(key.verify(Hash::Sha1, data, &signature).is_err());
    let Ok(key) = PublicKey::from_pem(data) else { return };
    assert!((MIN_BITS..=MAX_BITS).contains(&key.bits()));
    signature.resize(key.modulus().len(), 0xa5);
    assert!(key.verify(Hash::Sha256, data, &signature).is_err());
}
