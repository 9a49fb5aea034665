//! Secrets and signatures of webhooks, as Standard Webhooks 1.0 wants them.
//!
//! A secret is derived from the service's own, the webhook's id and a generation: the database has none of them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lbuild_db::{DeliveryId, WebhookId};
use sha2::Sha256;

use crate::sign::Signer;

/// The secret of one webhook in one generation.
pub struct Secret([u8; 32]);

impl Secret {
    /// The secret, always the same one.
    pub fn of(signer: &Signer, webhook: WebhookId, generation: i64) -> Self {
        Self(signer.derive(&format!("webhook\n{webhook}\n{generation}")))
    }

    /// As its owner gets it: `whsec_` and base64.
    pub fn reveal(&self) -> String {
        format!("whsec_{}", BASE64_STANDARD.encode(self.0))
    }

    /// The signature of a message: `v1,` and base64.
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The id of a message on the wire, the same for every attempt.
pub fn message_id(id: DeliveryId) -> String {
    format!("msg_{}", id.0.simple())
}

#[cfg(test)]
mod tests {
    use super::Secret;

    /// The example of the specification's reference implementations.
    #[test]
    fn t28_a_signature_is_the_one_of_the_specification() {
        use base64::Engine as _;
        let key =
            base64::prelude::BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let mut secret = [0; 32];
        secret[..key.len()].copy_from_slice(&key);
        // HMAC pads keys with zeros, so a shorter key is the same key with zeros behind it
        let signature =
            Secret(secret).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
