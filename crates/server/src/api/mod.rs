//! The operations of the API, one module for each kind of thing.
//!
//! | module | purpose |
//! |---|---|
//! | [`builds`] | submit, list, see, stop, try again, delete |
//! | [`pushes`] | where container images are to go |
//! | [`events`] | the live stream (SSE) |
//! | [`socket`] | the same over WebSocket |
//! | [`log`] | the log as text |
//! | [`artifacts`], [`pins`] | what builds made, and what of it stays |
//! | [`specs`], [`resolve`] | checking specs, and what they resolve to |
//! | [`secrets`] | logins of registries |
//! | [`tenant`] | the caller's own tenant |
//! | [`session`] | sessions of browsers |
//! | [`layers`] | who set what in a spec |
//! | [`bases`], [`packages`] | what can be built from |
//! | [`configurations`], [`templates`] | specs that are kept |
//! | [`webhooks`] | who is told of builds elsewhere |
//! | [`keys`], [`admin`] | keys, and what else whoever runs the service looks after |
//! | [`health`], [`metrics`] | whether the service is well, and numbers about it |
//! | [`mod@short`], [`document`] | the short routes; the OpenAPI document and its page |
//! | [`given`] | what the address of a request gives |
//! | [`body`], [`revision`], [`idempotency`] | what was sent, which version of a thing it is for, and whether it came before |
//! | [`page`], [`range`], [`content`] | lists, and parts of what is answered |

pub mod admin;
pub mod artifacts;
pub mod bases;
pub mod body;
pub mod builds;
pub mod configurations;
pub mod content;
pub mod document;
pub mod events;
pub mod given;
pub mod health;
pub mod idempotency;
pub mod keys;
pub mod layers;
pub mod log;
pub mod metrics;
pub mod packages;
pub mod page;
pub mod pins;
pub mod pushes;
pub mod range;
pub mod resolve;
pub mod revision;
pub mod secrets;
pub mod session;
pub mod short;
pub mod socket;
pub mod specs;
pub mod templates;
pub mod tenant;
pub mod webhooks;

/// A time of the database, in milliseconds since 1970, as RFC 3339 writes it.
fn time(milliseconds: i64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}
