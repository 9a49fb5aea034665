//! Versions of things that several write: what was read is what is changed, or nothing is (RFC 9110, section 13).

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lbuild_db::document::WriteError;
use serde::Serialize;
use serde_json::json;

use super::idempotency;
use crate::problem::Problem;

/// The entity tag of a version.
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The version that a change is to be made to.
pub fn expected(headers: &HeaderMap) -> Result<i64, Problem> {
    let value = headers.get(header::IF_MATCH).ok_or_else(|| {
        Problem::new(StatusCode::PRECONDITION_REQUIRED, "precondition-required", "Say what you have read")
            .detail(
                "send the `ETag` of what you have read as `If-Match`, so that nobody else's change is lost",
            )
    })?;
    let version = value.to_str().ok().and_then(|value| value.trim().strip_prefix('"')?.strip_suffix('"'));
    let version = version.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let version = version.and_then(|version| version.parse().ok());
    version.ok_or_else(|| Problem::malformed("`If-Match` is not an `ETag` of this service, such as \"3\""))
}

/// Whether the client has the version already.
pub fn is_known(headers: &HeaderMap, version: i64) -> bool {
    headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag(version).as_bytes())
}

/// An answer with the entity tag of what it shows.
pub fn tagged(version: i64, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    if let Ok(value) = HeaderValue::from_str(&etag(version)) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// The answer to a request that keeps a thing: where it is, and its version.
pub fn kept(location: String, version: i64, view: impl Serialize, repeated: bool) -> Response {
    let mut response = tagged(version, (StatusCode::CREATED, [(header::LOCATION, location)], Json(view)));
    if repeated {
        idempotency::mark(&mut response);
    }
    response
}

/// Why nothing was written.
pub fn unwritten(error: WriteError) -> Problem {
    match error {
        WriteError::Missing => Problem::not_found(),
        WriteError::Stale { current } => Problem {
            current: Some(Box::new(json!({ "version": current, "etag": etag(current) }))),
            ..Problem::new(StatusCode::PRECONDITION_FAILED, "stale", "It was changed since you read it")
                .detail(format!(
                    "it is at version {current} by now; read it again and make your change there"
                ))
        },
        WriteError::Quota { .. } => Problem::new(StatusCode::CONFLICT, "quota", "The quota is used up")
            .detail(format!("{error}; delete some first")),
        WriteError::KeyReused => idempotency::reused(),
        WriteError::Db(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_entity_tags_of_ours_are_read() {
        let expected = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, HeaderValue::from_str(value).expect("a header"));
            expected(&headers).map_err(|problem| problem.status)
        };
        assert_eq!(expected(&etag(17)), Ok(17));
        for wrong in
            ["*", "17", "\"\"", "\"+1\"", "\"-1\"", "W/\"1\"", "\"1\", \"2\"", "\"99999999999999999999\""]
        {
            assert_eq!(expected(wrong), Err(400), "{wrong}");
        }
        assert_eq!(super::expected(&HeaderMap::new()).map_err(|problem| problem.status), Err(428));
    }
}
