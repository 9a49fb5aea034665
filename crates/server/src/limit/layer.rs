//! Every request: whose it is, and whether it is one too many.
//!
//! The answers say how much is left (`RateLimit` and `RateLimit-Policy`, draft-ietf-httpapi-ratelimit-headers-10).

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::address::Address;
use super::bucket::Standing;
use crate::auth::caller::{Identity, given};
use crate::problem::Problem;
use crate::request;
use crate::state::Service;

/// What is left.
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// What there is.
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Finds out who makes the request, and lets it through unless it is one too many.
pub async fn admit(State(service): State<Service>, mut request: Request, next: Next) -> Response {
    let address = Address::of(request::peer(request.extensions()));
    let identity = match given(request.headers()) {
        Some(key) => service.identify(key, address).await,
        None => Identity::Nobody,
    };
    let standing = match &identity {
        Identity::Known(caller) => service.meter.of_key(caller),
        Identity::Barred(standing) => *standing,
        Identity::Nobody | Identity::Unknown | Identity::Unsure(_) => service.meter.of_address(address),
    };
    let mut response = if let Some(wait) = standing.wait {
        let what = format!("the limit `{}` is used up", standing.policy);
        Problem::too_many(what, Some(seconds(wait).max(1))).into_response()
    } else {
        request.extensions_mut().insert(identity);
        next.run(request).await
    };
    say(response.headers_mut(), &standing);
    response
}

fn say(headers: &mut HeaderMap, standing: &Standing) {
    let Standing { policy, quota, remaining, reset, .. } = standing;
    let policy_text = format!("\"{policy}\";q={};w={}", quota.requests, seconds(quota.window));
    let left = format!("\"{policy}\";r={remaining};t={}", seconds(*reset));
    for (name, text) in [(POLICY, policy_text), (LEFT, left)] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}
