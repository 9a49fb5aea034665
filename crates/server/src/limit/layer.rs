//! Every request: whose it is, and whether it is one too many.
//!
//! The answers say how much is left (`RateLimit` and `RateLimit-Policy`, draft-ietf-httpapi-ratelimit-headers-10).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::address::Address;
use super::bucket::{Standing, seconds};
use crate::api::session::SESSION;
use crate::auth::caller::{Identity, Shown};
use crate::auth::session;
use crate::problem::Problem;
use crate::registry;
use crate::request;
use crate::state::Service;

/// What is left.
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// What there is.
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Finds out who makes the request, and lets it through unless it is one too many.
pub async fn admit(State(service): State<Service>, mut request: Request, next: Next) -> Response {
    let address = Address::of(request::peer(request.extensions()));
    let identity = match shown(&request) {
        // whoever logs in is who they say then, whatever the browser still has
        Some(Shown::Cookie(_)) if is_login(&request) => Identity::Nobody,
        Some(shown) => service.identify(&shown, address).await,
        None => Identity::Nobody,
    };
    let standing = match &identity {
        Identity::Known(caller) => service.meter.of_key(caller),
        Identity::Barred(standing) => *standing,
        Identity::Nobody | Identity::Unknown | Identity::Unsure(_) => service.meter.of_address(address),
    };
    let mut response = if standing.wait.is_some() {
        Problem::exhausted(&standing).into_response()
    } else if let Some(objection) = objection(&service, &identity, &request) {
        Problem::csrf(objection).into_response()
    } else {
        request.extensions_mut().insert(identity);
        request.extensions_mut().insert(address);
        next.run(request).await
    };
    say(response.headers_mut(), &standing);
    response
}

/// What a request shows of who makes it. Clients of a registry have a key as a password.
fn shown(request: &Request) -> Option<Shown> {
    let of_registry = request.uri().path().starts_with(registry::ROOT);
    Shown::of(request.headers()).or_else(|| Shown::password(request.headers()).filter(|_| of_registry))
}

fn is_login(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == SESSION
}

/// Why a request is not served that a session vouches for.
fn objection(service: &Service, identity: &Identity, request: &Request) -> Option<&'static str> {
    let Identity::Known(caller) = identity else { return None };
    session::objection(&service.signer, caller.session()?, request.method(), request.headers())
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
