//! `OpenPGP` signatures: the one policy by which every family's keys and signatures are judged.
//!
//! - [`Keyring`] holds certificates; [`Keyring::vouched_by`] keeps those that a web of trust stands behind.
//! - [`verify_cleartext`] gives the text inside a signed message, [`verify_detached`] checks a signature that lies
//!   beside its content, armored or binary. Both answer with the [`Signer`]s.
//! - [`Policy`] says at what time keys must be alive and which old digests still count on them.
//!
//! The library that parses packets leaves all policy to its caller; it stands in `policy` here: expiry, revocation,
//! subkey bindings, key sizes, digests, critical parts.

mod error;
mod keyring;
mod policy;
mod signed;
mod trust;

pub use error::{KeyringError, SignatureError};
pub use keyring::Keyring;
pub use policy::{CLOCK_SKEW, Expiry, Policy};
pub use signed::{Signer, verify_cleartext, verify_detached};
