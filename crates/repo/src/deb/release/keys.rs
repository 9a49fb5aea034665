//! Which keys of a keyring may sign, and whether a signature of theirs counts: the policy that the `OpenPGP` library
//! leaves to its caller.
//!
//! A key counts when its newest good self-signature says so: it may sign, it has not expired, nothing good revokes
//! it, and it is strong enough. A subkey needs all that, a binding by its primary key, and a binding back.

use pgp::composed::{PublicOrSecret, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureConfig, SignatureType, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{Duration, KeyDetails, PublicParams, Tag, VerifyingKey};

use super::{Keyring, KeyringError, ReleaseError};

/// How far a signature may lie in the future, in seconds: clocks differ.
pub(super) const CLOCK_SKEW: u64 = 24 * 3600;
/// More certificates than this are no keyring.
const MAX_CERTIFICATES: usize = 256;
/// Bytes of a keyring.
const MAX_KEYRING: usize = 8 << 20;
/// Bytes that modulus and exponent of an RSA key take at least: 2048 bits, 3 bytes, and a length for each.
const MIN_RSA_BYTES: usize = 256 + 1 + 2 + 2;

impl Keyring {
    /// Reads certificates, binary or armored.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyringError> {
        if bytes.len() > MAX_KEYRING {
            return Err(KeyringError::TooLarge);
        }
        let unreadable = |source| KeyringError::Unreadable(Box::new(source));
        let (keys, _) = PublicOrSecret::from_reader_many_buf(bytes).map_err(unreadable)?;
        let mut certificates = Vec::new();
        for key in keys {
            match key.map_err(unreadable)? {
                PublicOrSecret::Public(key) => certificates.push(key),
                PublicOrSecret::Secret(_) => return Err(KeyringError::Secret),
            }
            if certificates.len() > MAX_CERTIFICATES {
                return Err(KeyringError::TooLarge);
            }
        }
        if certificates.is_empty() {
            return Err(KeyringError::Empty);
        }
        Ok(Self { certificates })
    }

    /// Reads several keyrings into one.
    pub fn join(parts: &[&[u8]]) -> Result<Self, KeyringError> {
        let mut certificates = Vec::new();
        for part in parts {
            certificates.append(&mut Self::parse(part)?.certificates);
        }
        if certificates.is_empty() { Err(KeyringError::Empty) } else { Ok(Self { certificates }) }
    }

    /// Fingerprints of the primary keys, in capital hexadecimal digits.
    pub fn fingerprints(&self) -> Vec<String> {
        self.certificates.iter().map(|key| format!("{:X}", key.fingerprint())).collect()
    }
}

/// How one signature of the text counts.
pub(super) enum Verdict {
    /// Good, by the certificate with this fingerprint.
    Good(String),
    /// No certificate has the key that it names.
    Unknown(String),
    /// By a known key, but it does not count.
    Refused(ReleaseError),
}

/// Judges a signature over `text`.
pub(super) fn judge(keyring: &Keyring, signature: &Signature, text: &[u8], now: u64) -> Verdict {
    for certificate in &keyring.certificates {
        let primary = &certificate.primary_key;
        if names(signature, primary) {
            let valid =
                primary_self_signature(certificate, now).and_then(|own| may_sign_itself(own, primary));
            return conclude(certificate, signature, primary, text, now, valid);
        }
        if let Some(subkey) = certificate.public_subkeys.iter().find(|subkey| names(signature, &subkey.key)) {
            let valid = primary_self_signature(certificate, now)
                .and_then(|_| subkey_binding(certificate, subkey, now));
            return conclude(certificate, signature, &subkey.key, text, now, valid);
        }
    }
    Verdict::Unknown(issuer(signature))
}

fn conclude(
    certificate: &SignedPublicKey,
    signature: &Signature,
    key: &impl VerifyingKey,
    text: &[u8],
    now: u64,
    valid: Result<(), ReleaseError>,
) -> Verdict {
    let fingerprint = format!("{:X}", certificate.fingerprint());
    let checked =
        valid.and_then(|()| strong_key(key)).and_then(|()| form(signature, key, now)).and_then(|()| {
            let bad = |source| ReleaseError::BadSignature { key: format!("{:X}", key.fingerprint()), source };
            signature.verify(key, text).map_err(|source| bad(Box::new(source)))
        });
    match checked {
        Ok(()) => Verdict::Good(fingerprint),
        Err(error) => Verdict::Refused(error),
    }
}

/// Whether the signature says that `key` made it. The claim is proven by verifying.
fn names(signature: &Signature, key: &impl KeyDetails) -> bool {
    let fingerprints = signature.issuer_fingerprint();
    if fingerprints.is_empty() {
        return signature.issuer_key_id().contains(&&key.legacy_key_id());
    }
    fingerprints.contains(&&key.fingerprint())
}

fn issuer(signature: &Signature) -> String {
    let fingerprint = signature.issuer_fingerprint().first().map(|fingerprint| format!("{fingerprint:X}"));
    let key_id = || signature.issuer_key_id().first().map(|id| id.to_string().to_uppercase());
    fingerprint.or_else(key_id).unwrap_or_else(|| "unnamed".to_owned())
}

/// Type, digest and dates of a signature over the text.
fn form(signature: &Signature, key: &impl KeyDetails, now: u64) -> Result<(), ReleaseError> {
    if !matches!(signature.typ(), Some(SignatureType::Text | SignatureType::Binary)) {
        return Err(ReleaseError::WrongUse { key: format!("{:X}", key.fingerprint()) });
    }
    strong_hash(signature)?;
    let created = created(signature);
    if created == 0 || created > now + CLOCK_SKEW || created < u64::from(key.created_at().as_secs()) {
        return Err(ReleaseError::SignatureDate { created });
    }
    if is_over(created, signature.signature_expiration_time().map(Duration::as_secs), now) {
        return Err(ReleaseError::SignatureExpired { key: format!("{:X}", key.fingerprint()) });
    }
    known_critical(signature)
}

/// A critical part that nobody here understands makes the signature void.
fn known_critical(signature: &Signature) -> Result<(), ReleaseError> {
    let unknown = |data: &SubpacketData| match data {
        SubpacketData::Other(kind, _) | SubpacketData::Experimental(kind, _) => Some(*kind),
        SubpacketData::Notation(_) => Some(20),
        _ => None,
    };
    let mut parts = signature.config().into_iter().flat_map(SignatureConfig::hashed_subpackets);
    match parts.find_map(|part| unknown(&part.data).filter(|_| part.is_critical)) {
        Some(kind) => Err(ReleaseError::UnknownCritical { kind }),
        None => Ok(()),
    }
}

fn strong_hash(signature: &Signature) -> Result<(), ReleaseError> {
    match signature.hash_alg() {
        Some(
            HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512,
        ) => Ok(()),
        other => Err(ReleaseError::WeakHash {
            algorithm: other.map_or("unknown".to_owned(), |hash| hash.to_string()),
        }),
    }
}

fn strong_key(key: &impl KeyDetails) -> Result<(), ReleaseError> {
    let strong = match key.public_params() {
        PublicParams::RSA(parts) => parts.write_len() >= MIN_RSA_BYTES,
        PublicParams::ECDSA(_)
        | PublicParams::EdDSALegacy(_)
        | PublicParams::Ed25519(_)
        | PublicParams::Ed448(_) => true,
        _ => false,
    };
    let weak = || ReleaseError::WeakKey { key: format!("{:X}", key.fingerprint()) };
    if strong { Ok(()) } else { Err(weak()) }
}

fn created(signature: &Signature) -> u64 {
    signature.created().map_or(0, |time| u64::from(time.as_secs()))
}

/// Whether a time that starts at `from` and lasts `seconds` (none or 0: for ever) is over.
fn is_over(from: u64, seconds: Option<u32>, now: u64) -> bool {
    seconds.is_some_and(|seconds| seconds != 0 && from + u64::from(seconds) <= now)
}

/// The newest good self-signature of the primary key, after checking that nothing revokes the key and that it has not
/// expired.
fn primary_self_signature(certificate: &SignedPublicKey, now: u64) -> Result<&Signature, ReleaseError> {
    let key = &certificate.primary_key;
    let fingerprint = || format!("{:X}", key.fingerprint());
    strong_key(key)?;
    if certificate.details.revocation_signatures.iter().any(|revocation| revocation.verify_key(key).is_ok()) {
        return Err(ReleaseError::KeyRevoked { key: fingerprint() });
    }
    let usable = |own: &&Signature| {
        let over = is_over(created(own), own.signature_expiration_time().map(Duration::as_secs), now);
        strong_hash(own).is_ok() && !over && created(own) <= now + CLOCK_SKEW
    };
    let direct = certificate.details.direct_signatures.iter().filter(usable);
    let direct = direct.filter(|own| own.verify_key(key).is_ok());
    let by_user = certificate.details.users.iter().filter_map(|user| {
        // A newer revocation of the name undoes what was said with it.
        let valid = user.signatures.iter().filter(usable);
        let valid = valid.filter(|own| own.verify_certification(key, Tag::UserId, &user.id).is_ok());
        let newest = valid.max_by_key(|own| created(own))?;
        (newest.typ() != Some(SignatureType::CertRevocation)).then_some(newest)
    });
    let newest = direct.chain(by_user).max_by_key(|own| created(own));
    let own = newest.ok_or_else(|| ReleaseError::KeyUnbound { key: fingerprint() })?;
    let lasts = own.key_expiration_time().map(Duration::as_secs);
    if is_over(u64::from(key.created_at().as_secs()), lasts, now) {
        return Err(ReleaseError::KeyExpired { key: fingerprint() });
    }
    Ok(own)
}

/// Whether the primary key may sign. A self-signature without flags, from before they existed, allows it.
fn may_sign_itself(own: &Signature, key: &impl KeyDetails) -> Result<(), ReleaseError> {
    let mut parts = own.config().into_iter().flat_map(SignatureConfig::hashed_subpackets);
    let has_flags = parts.any(|part| matches!(part.data, SubpacketData::KeyFlags(_)));
    let wrong = || ReleaseError::WrongUse { key: format!("{:X}", key.fingerprint()) };
    if !has_flags || own.key_flags().sign() { Ok(()) } else { Err(wrong()) }
}

/// Whether the primary key binds the subkey for signing, the subkey binds back, and neither is over.
fn subkey_binding(
    certificate: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    now: u64,
) -> Result<(), ReleaseError> {
    let primary = &certificate.primary_key;
    let fingerprint = || format!("{:X}", subkey.key.fingerprint());
    let valid = |own: &&Signature| own.verify_subkey_binding(primary, &subkey.key).is_ok();
    let of_type =
        |wanted: SignatureType| subkey.signatures.iter().filter(move |own| own.typ() == Some(wanted));
    if of_type(SignatureType::SubkeyRevocation).any(|own| valid(&own)) {
        return Err(ReleaseError::KeyRevoked { key: fingerprint() });
    }
    let usable = |own: &&Signature| {
        let over = is_over(created(own), own.signature_expiration_time().map(Duration::as_secs), now);
        strong_hash(own).is_ok() && !over && created(own) <= now + CLOCK_SKEW
    };
    let bindings = of_type(SignatureType::SubkeyBinding).filter(usable).filter(valid);
    let newest = bindings.max_by_key(|own| created(own));
    let own = newest.ok_or_else(|| ReleaseError::KeyUnbound { key: fingerprint() })?;
    if !own.key_flags().sign() {
        return Err(ReleaseError::WrongUse { key: fingerprint() });
    }
    let back = own.embedded_signature();
    let bound_back = |back: &Signature| {
        strong_hash(back).is_ok() && back.verify_primary_key_binding(&subkey.key, primary).is_ok()
    };
    if !back.is_some_and(bound_back) {
        return Err(ReleaseError::KeyUnbound { key: fingerprint() });
    }
    let lasts = own.key_expiration_time().map(Duration::as_secs);
    if is_over(u64::from(subkey.key.created_at().as_secs()), lasts, now) {
        return Err(ReleaseError::KeyExpired { key: fingerprint() });
    }
    Ok(())
}
