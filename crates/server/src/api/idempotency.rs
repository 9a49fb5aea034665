//! A request that is sent twice and done once: the client gives it a key, and the second answer is that of the first.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use lbuild_db::submit::Idempotency;
use sha2::{Digest as _, Sha256};

use crate::problem::Problem;

/// Longest idempotency key.
const LONGEST: usize = 255;

/// The answer's header that tells a repetition from the first time.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The key that a client gave a request with this body.
pub fn given(headers: &HeaderMap, body: &[u8]) -> Result<Option<Idempotency>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=LONGEST).contains(&key.len()));
    let key = key.ok_or_else(|| {
        Problem::malformed(format!("`Idempotency-Key` is 1 to {LONGEST} visible ASCII characters"))
    })?;
    Ok(Some(Idempotency { key: key.to_owned(), request_sha256: hex::encode(Sha256::digest(body)) }))
}

/// Says of an answer that the request was done before.
pub fn mark(response: &mut Response) {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
}

/// The key came with another request.
pub fn reused() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The key was used before")
        .detail("the `Idempotency-Key` came with another request; choose a new one for this")
}
