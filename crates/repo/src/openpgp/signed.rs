//! Signed messages: text with its signature around it, and signatures that lie beside their content.

use std::io::{Cursor, Read, Seek};

use pgp::armor::DearmorOptions;
use pgp::composed::{CleartextSignedMessage, Deserializable, DetachedSignature};
use pgp::packet::Signature;

use super::policy::{self, Verdict};
use super::{Keyring, Policy, SignatureError};

/// Bytes of a signed text; the largest that a distribution has is below one million.
const MAX_TEXT: usize = 32 << 20;
/// Bytes of a detached signature.
const MAX_DETACHED: usize = 1 << 20;
/// Signatures that are looked at.
const MAX_SIGNATURES: usize = 16;

/// Somebody in the keyring who has signed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signer {
    /// Fingerprint of the certificate's primary key, in capital hexadecimal digits.
    pub certificate: String,
    /// When the signature was made, in seconds since the Unix epoch.
    pub created: u64,
}

/// Checks a message with the signature around its text and gives the text, and who signed it.
///
/// One good signature is enough; signatures by unknown keys are passed over, but one by a known key that does not fit
/// the text is a reason to refuse. Nothing may stand outside of what is signed.
pub fn verify_cleartext(
    message: &[u8],
    keyring: &Keyring,
    policy: &Policy,
) -> Result<(String, Vec<Signer>), SignatureError> {
    if message.len() > MAX_TEXT {
        return Err(SignatureError::TooLarge);
    }
    let (message, _) = CleartextSignedMessage::from_armor_buf(message, DearmorOptions::default())
        .map_err(|source| SignatureError::NotSigned(Box::new(source)))?;
    let text = message.signed_text();
    let signatures: Vec<&Signature> = message.signatures().iter().collect();
    let signers = signers(&signatures, &mut Cursor::new(text.as_bytes()), keyring, policy)?;
    Ok((text, signers))
}

/// Checks `signature`, armored or binary, over the whole of `content`, and says who signed it. It may hold several
/// signatures, which count as those of [`verify_cleartext`] do.
///
/// `content` is read from its start once for each signature by a known key.
pub fn verify_detached(
    signature: &[u8],
    mut content: impl Read + Seek,
    keyring: &Keyring,
    policy: &Policy,
) -> Result<Vec<Signer>, SignatureError> {
    if signature.len() > MAX_DETACHED {
        return Err(SignatureError::TooLarge);
    }
    let not_signed = |source| SignatureError::NotSigned(Box::new(source));
    let (parsed, _) = DetachedSignature::from_reader_many_buf(signature).map_err(not_signed)?;
    let parsed: Vec<DetachedSignature> =
        parsed.take(MAX_SIGNATURES + 1).collect::<Result<_, _>>().map_err(not_signed)?;
    if parsed.is_empty() {
        return Err(SignatureError::Empty);
    }
    let signatures: Vec<&Signature> = parsed.iter().map(|detached| &detached.signature).collect();
    signers(&signatures, &mut content, keyring, policy)
}

/// The certificates that have signed the content.
fn signers<C: Read + Seek>(
    signatures: &[&Signature],
    content: &mut C,
    keyring: &Keyring,
    policy: &Policy,
) -> Result<Vec<Signer>, SignatureError> {
    let mut good = Vec::new();
    let mut unknown = Vec::new();
    let mut refused = None;
    if signatures.len() > MAX_SIGNATURES {
        return Err(SignatureError::TooLarge);
    }
    for signature in signatures {
        match policy::judge(keyring, signature, content, policy) {
            Verdict::Good(signer) => good.push(signer),
            Verdict::Unknown(issuer) => unknown.push(issuer),
            Verdict::Refused(error @ (SignatureError::BadSignature { .. } | SignatureError::Read(_))) => {
                return Err(error);
            }
            Verdict::Refused(error) => refused = refused.or(Some(error)),
        }
    }
    good.sort();
    good.dedup();
    match refused {
        _ if !good.is_empty() => Ok(good),
        Some(error) => Err(error),
        None => Err(SignatureError::UnknownKeys { issuers: unknown }),
    }
}
