//! The web of trust: certificates that others vouch for.

use std::collections::BTreeMap;

use pgp::composed::SignedPublicKey;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{SignedUser, Tag};

use super::keyring::fingerprint;
use super::policy::{created, live_certificate, names, strong_hash_on_key, usable};
use super::{Keyring, Policy};

impl Keyring {
    /// The certificates of this keyring of which one name is certified by at least `needed` of the `masters`, and
    /// those of the masters themselves, which need no one.
    ///
    /// It is how `pacman-key` trusts packagers: masters are trusted marginally, and three of them make a key valid
    /// (`marginals-needed` of gpg(1)). A master counts once for a name, by what it said last about it, and only while
    /// its own key is good at `policy.now`.
    #[must_use]
    pub fn vouched_by(&self, masters: &Self, needed: usize, policy: &Policy) -> Self {
        let live = |certificate: &&SignedPublicKey| live_certificate(certificate, policy, policy.now).is_ok();
        let masters: Vec<&SignedPublicKey> = masters.certificates.iter().filter(live).collect();
        let is_master = |certificate: &SignedPublicKey| {
            masters.iter().any(|master| fingerprint(*master) == fingerprint(certificate))
        };
        let vouched = self.certificates.iter().filter(|certificate| {
            is_master(certificate)
                || certificate
                    .details
                    .users
                    .iter()
                    .any(|user| voices(certificate, user, &masters, needed, policy) >= needed)
        });
        Self { certificates: vouched.cloned().collect() }
    }
}

/// How many masters certify the name, counted up to `enough`.
fn voices(
    certificate: &SignedPublicKey,
    user: &SignedUser,
    masters: &[&SignedPublicKey],
    enough: usize,
    policy: &Policy,
) -> usize {
    let key = &certificate.primary_key;
    let own = |signature: &&Signature| names(signature, key);
    let newest_own = user
        .signatures
        .iter()
        .filter(own)
        .filter(|own| usable(own, policy))
        .filter(|own| own.verify_certification(key, Tag::UserId, &user.id).is_ok());
    let bound = newest_own.max_by_key(|own| created(own)).is_some_and(|own| !is_revocation(own));
    if !bound {
        return 0;
    }
    let mut by_master: BTreeMap<usize, Vec<&Signature>> = BTreeMap::new();
    for signature in &user.signatures {
        if let Some(at) = masters.iter().position(|master| names(signature, &master.primary_key)) {
            by_master.entry(at).or_default().push(signature);
        }
    }
    let certifies = |(at, signatures): &(usize, Vec<&Signature>)| {
        let master = &masters[*at].primary_key;
        let mut newest_first = signatures.clone();
        newest_first.sort_by_key(|signature| std::cmp::Reverse(created(signature)));
        // What a revocation says counts even with an old digest.
        let last = newest_first.into_iter().find(|signature| {
            (is_revocation(signature) || strong_hash_on_key(signature, policy).is_ok())
                && signature.verify_third_party_certification(key, master, Tag::UserId, &user.id).is_ok()
        });
        last.is_some_and(|last| !is_revocation(last) && usable(last, policy))
    };
    by_master.into_iter().filter(certifies).take(enough).count()
}

fn is_revocation(signature: &Signature) -> bool {
    signature.typ() == Some(SignatureType::CertRevocation)
}
