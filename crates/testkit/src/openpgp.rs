//! `OpenPGP` keys that are made for one test, and their signatures.

use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, DetachedSignature, KeyType, SecretKeyParamsBuilder,
    SignedPublicKey, SignedSecretKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::types::{KeyDetails, Password};
use rand::thread_rng;

/// A key that signs.
#[derive(Debug, Clone)]
pub struct ArchiveKey {
    key: SignedSecretKey,
}

impl ArchiveKey {
    /// Makes an Ed25519 key for this user id.
    ///
    /// # Panics
    /// When the library cannot make such a key.
    pub fn generate(user: &str) -> Self {
        let params = SecretKeyParamsBuilder::default()
            .key_type(KeyType::Ed25519Legacy)
            .can_certify(true)
            .can_sign(true)
            .primary_user_id(user.to_owned())
            .build()
            .expect("parameters of a key");
        Self { key: params.generate(thread_rng()).expect("a key") }
    }

    /// The public key, ASCII-armored.
    ///
    /// # Panics
    /// Never: memory can be written to.
    pub fn public(&self) -> String {
        let public = SignedPublicKey::from(self.key.clone());
        public.to_armored_string(ArmorOptions::default()).expect("armor")
    }

    /// The fingerprint in capital hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        format!("{:X}", self.key.fingerprint())
    }

    /// `text` with the signature around it, as in `InRelease`.
    ///
    /// # Panics
    /// When the library cannot sign.
    pub fn sign_inline(&self, text: &str) -> Vec<u8> {
        let message =
            CleartextSignedMessage::sign(thread_rng(), text, &self.key.primary_key, &Password::empty());
        let armored = message.and_then(|message| message.to_armored_string(ArmorOptions::default()));
        armored.expect("a signature").into_bytes()
    }

    /// The signature of `text` alone, as in `Release.gpg`.
    ///
    /// # Panics
    /// When the library cannot sign.
    pub fn sign_detached(&self, text: &str) -> Vec<u8> {
        let signature = DetachedSignature::sign_binary_data(
            thread_rng(),
            &self.key.primary_key,
            &Password::empty(),
            HashAlgorithm::Sha256,
            text.as_bytes(),
        );
        let armored = signature.and_then(|signature| signature.to_armored_string(ArmorOptions::default()));
        armored.expect("a signature").into_bytes()
    }
}
