//! Which keys of a keyring may sign, and whether a signature of theirs counts: the policy that the `OpenPGP` library
//! leaves to its caller.
//!
//! A key counts when its newest good self-signature says so: it may sign, it has not expired, nothing good revokes
//! it, and it is strong enough. A subkey needs all that, a binding by its primary key, and a binding back.

use std::io::{self, Read, Seek};

use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureConfig, SignatureType, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{Duration, KeyDetails, PublicParams, Tag, VerifyingKey};

use super::keyring::fingerprint;
use super::{Keyring, SignatureError, Signer};

/// How far a signature may lie in the future, in seconds: clocks differ.
pub const CLOCK_SKEW: u64 = 24 * 3600;
/// Bytes that modulus and exponent of an RSA key take at least: 2048 bits, 3 bytes, and a length for each.
const MIN_RSA_BYTES: usize = 256 + 1 + 2 + 2;
/// Bytes that the four numbers of a DSA key take at least: 2048 bits, where those of 1536 bits take 620 at most.
const MIN_DSA_BYTES: usize = 700;

/// When a key must not have expired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Expiry {
    /// At the present: for what is signed anew all the time, such as an index.
    #[default]
    Now,
    /// When the signature was made: for what is signed once, such as a package, which outlives its packager's key.
    WhenSigned,
}

/// What signatures must satisfy. The clock is an argument.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy {
    /// The present, in seconds since the Unix epoch; for a pinned snapshot the snapshot's time.
    pub now: u64,
    /// When keys must not have expired.
    pub expiry: Expiry,
    /// SHA-1 still counts where keys sign keys (self-signatures, bindings, certifications) if that was done before
    /// this time, in seconds since the Unix epoch; 0: never. It never counts over content.
    pub sha1_on_keys_before: u64,
}

impl Policy {
    /// The strictest policy: at this time, in seconds since the Unix epoch, everything must be good.
    pub fn at(now: u64) -> Self {
        Self { now, ..Self::default() }
    }
}

/// How one signature counts.
pub(super) enum Verdict {
    /// Good.
    Good(Signer),
    /// No certificate has the key that it names.
    Unknown(String),
    /// By a known key, but it does not count.
    Refused(SignatureError),
}

/// Judges a signature over the whole of `content`.
pub(super) fn judge<C: Read + Seek>(
    keyring: &Keyring,
    signature: &Signature,
    content: &mut C,
    policy: &Policy,
) -> Verdict {
    let at = match policy.expiry {
        Expiry::Now => policy.now,
        Expiry::WhenSigned => created(signature).min(policy.now),
    };
    for certificate in &keyring.certificates {
        let primary = &certificate.primary_key;
        if names(signature, primary) {
            let valid =
                live_certificate(certificate, policy, at).and_then(|own| may_sign_itself(own, primary));
            return conclude(certificate, signature, primary, content, policy, valid);
        }
        if let Some(subkey) = certificate.public_subkeys.iter().find(|subkey| names(signature, &subkey.key)) {
            let valid = live_certificate(certificate, policy, at)
                .and_then(|_| subkey_binding(certificate, subkey, policy, at));
            return conclude(certificate, signature, &subkey.key, content, policy, valid);
        }
    }
    Verdict::Unknown(issuer(signature))
}

fn conclude<C: Read + Seek>(
    certificate: &SignedPublicKey,
    signature: &Signature,
    key: &impl VerifyingKey,
    content: &mut C,
    policy: &Policy,
    valid: Result<(), SignatureError>,
) -> Verdict {
    let checked = valid
        .and_then(|()| strong_key(key))
        .and_then(|()| form(signature, key, policy.now))
        .and_then(|()| fits(signature, key, content));
    match checked {
        Ok(()) => {
            Verdict::Good(Signer { certificate: fingerprint(certificate), created: created(signature) })
        }
        Err(error) => Verdict::Refused(error),
    }
}

/// The cryptographic part.
fn fits<C: Read + Seek>(
    signature: &Signature,
    key: &impl VerifyingKey,
    content: &mut C,
) -> Result<(), SignatureError> {
    content.rewind().map_err(SignatureError::Read)?;
    let mut reader = Remembering { reader: content, failed: None };
    let verified = signature.verify(key, &mut reader);
    if let Some(error) = reader.failed {
        return Err(SignatureError::Read(error));
    }
    verified
        .map_err(|source| SignatureError::BadSignature { key: fingerprint(key), source: Box::new(source) })
}

/// Keeps the error of a reader apart from the verdict on what was read.
struct Remembering<R> {
    reader: R,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Remembering<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer).map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.failed = Some(error);
            }
            kind.into()
        })
    }
}

/// Whether the signature says that `key` made it. The claim is proven by verifying.
pub(super) fn names(signature: &Signature, key: &impl KeyDetails) -> bool {
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
fn form(signature: &Signature, key: &impl KeyDetails, now: u64) -> Result<(), SignatureError> {
    if !matches!(signature.typ(), Some(SignatureType::Text | SignatureType::Binary)) {
        return Err(SignatureError::WrongUse { key: fingerprint(key) });
    }
    strong_hash(signature)?;
    let created = created(signature);
    if created == 0 || created > now + CLOCK_SKEW || created < u64::from(key.created_at().as_secs()) {
        return Err(SignatureError::SignatureDate { created });
    }
    if is_over(created, signature.signature_expiration_time().map(Duration::as_secs), now) {
        return Err(SignatureError::SignatureExpired { key: fingerprint(key) });
    }
    known_critical(signature)
}

/// A critical part that nobody here understands makes the signature void.
fn known_critical(signature: &Signature) -> Result<(), SignatureError> {
    let unknown = |data: &SubpacketData| match data {
        SubpacketData::Other(kind, _) | SubpacketData::Experimental(kind, _) => Some(*kind),
        SubpacketData::Notation(_) => Some(20),
        _ => None,
    };
    let mut parts = signature.config().into_iter().flat_map(SignatureConfig::hashed_subpackets);
    match parts.find_map(|part| unknown(&part.data).filter(|_| part.is_critical)) {
        Some(kind) => Err(SignatureError::UnknownCritical { kind }),
        None => Ok(()),
    }
}

fn strong_hash(signature: &Signature) -> Result<(), SignatureError> {
    match signature.hash_alg() {
        Some(
            HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512,
        ) => Ok(()),
        other => Err(SignatureError::WeakHash {
            algorithm: other.map_or("unknown".to_owned(), |hash| hash.to_string()),
        }),
    }
}

fn strong_key(key: &impl KeyDetails) -> Result<(), SignatureError> {
    let strong = match key.public_params() {
        PublicParams::RSA(parts) => parts.write_len() >= MIN_RSA_BYTES,
        PublicParams::DSA(parts) => parts.write_len() >= MIN_DSA_BYTES,
        PublicParams::ECDSA(_)
        | PublicParams::EdDSALegacy(_)
        | PublicParams::Ed25519(_)
        | PublicParams::Ed448(_) => true,
        _ => false,
    };
    let weak = || SignatureError::WeakKey { key: fingerprint(key) };
    if strong { Ok(()) } else { Err(weak()) }
}

pub(super) fn created(signature: &Signature) -> u64 {
    signature.created().map_or(0, |time| u64::from(time.as_secs()))
}

/// Whether a time that starts at `from` and lasts `seconds` (none or 0: for ever) is over.
fn is_over(from: u64, seconds: Option<u32>, now: u64) -> bool {
    seconds.is_some_and(|seconds| seconds != 0 && from + u64::from(seconds) <= now)
}

/// Whether a signature on a key is old enough, still runs, and has a digest that counts.
pub(super) fn usable(signature: &Signature, policy: &Policy) -> bool {
    let lasts = signature.signature_expiration_time().map(Duration::as_secs);
    let over = is_over(created(signature), lasts, policy.now);
    strong_hash_on_key(signature, policy).is_ok() && !over && created(signature) <= policy.now + CLOCK_SKEW
}

/// The digest of a signature on a key.
pub(super) fn strong_hash_on_key(signature: &Signature, policy: &Policy) -> Result<(), SignatureError> {
    let old = signature.hash_alg() == Some(HashAlgorithm::Sha1);
    if old && created(signature) < policy.sha1_on_keys_before { Ok(()) } else { strong_hash(signature) }
}

/// The newest good self-signature of the primary key, after checking that nothing revokes the key and that it has not
/// expired at the time `at`.
pub(super) fn live_certificate<'a>(
    certificate: &'a SignedPublicKey,
    policy: &Policy,
    at: u64,
) -> Result<&'a Signature, SignatureError> {
    let key = &certificate.primary_key;
    strong_key(key)?;
    if certificate.details.revocation_signatures.iter().any(|revocation| revocation.verify_key(key).is_ok()) {
        return Err(SignatureError::KeyRevoked { key: fingerprint(key) });
    }
    let direct = certificate.details.direct_signatures.iter().filter(|own| usable(own, policy));
    let direct = direct.filter(|own| own.verify_key(key).is_ok());
    let by_user = certificate.details.users.iter().filter_map(|user| {
        // A newer revocation of the name undoes what was said with it.
        let valid = user.signatures.iter().filter(|own| usable(own, policy));
        let valid = valid.filter(|own| own.verify_certification(key, Tag::UserId, &user.id).is_ok());
        let newest = valid.max_by_key(|own| created(own))?;
        (newest.typ() != Some(SignatureType::CertRevocation)).then_some(newest)
    });
    let newest = direct.chain(by_user).max_by_key(|own| created(own));
    let own = newest.ok_or_else(|| SignatureError::KeyUnbound { key: fingerprint(key) })?;
    let lasts = own.key_expiration_time().map(Duration::as_secs);
    if is_over(u64::from(key.created_at().as_secs()), lasts, at) {
        return Err(SignatureError::KeyExpired { key: fingerprint(key) });
    }
    Ok(own)
}

/// Whether the primary key may sign. A self-signature without flags, from before they existed, allows it.
fn may_sign_itself(own: &Signature, key: &impl KeyDetails) -> Result<(), SignatureError> {
    let mut parts = own.config().into_iter().flat_map(SignatureConfig::hashed_subpackets);
    let has_flags = parts.any(|part| matches!(part.data, SubpacketData::KeyFlags(_)));
    let wrong = || SignatureError::WrongUse { key: fingerprint(key) };
    if !has_flags || own.key_flags().sign() { Ok(()) } else { Err(wrong()) }
}

/// Whether the primary key binds the subkey for signing, the subkey binds back, and neither is over.
fn subkey_binding(
    certificate: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    policy: &Policy,
    at: u64,
) -> Result<(), SignatureError> {
    let primary = &certificate.primary_key;
    let valid = |own: &&Signature| own.verify_subkey_binding(primary, &subkey.key).is_ok();
    let of_type =
        |wanted: SignatureType| subkey.signatures.iter().filter(move |own| own.typ() == Some(wanted));
    if of_type(SignatureType::SubkeyRevocation).any(|own| valid(&own)) {
        return Err(SignatureError::KeyRevoked { key: fingerprint(&subkey.key) });
    }
    let bindings = of_type(SignatureType::SubkeyBinding).filter(|own| usable(own, policy)).filter(valid);
    let newest = bindings.max_by_key(|own| created(own));
    let own = newest.ok_or_else(|| SignatureError::KeyUnbound { key: fingerprint(&subkey.key) })?;
    if !own.key_flags().sign() {
        return Err(SignatureError::WrongUse { key: fingerprint(&subkey.key) });
    }
    let back = own.embedded_signature();
    let bound_back = |back: &Signature| {
        strong_hash_on_key(back, policy).is_ok()
            && back.verify_primary_key_binding(&subkey.key, primary).is_ok()
    };
    if !back.is_some_and(bound_back) {
        return Err(SignatureError::KeyUnbound { key: fingerprint(&subkey.key) });
    }
    let lasts = own.key_expiration_time().map(Duration::as_secs);
    if is_over(u64::from(subkey.key.created_at().as_secs()), lasts, at) {
        return Err(SignatureError::KeyExpired { key: fingerprint(&subkey.key) });
    }
    Ok(())
}
