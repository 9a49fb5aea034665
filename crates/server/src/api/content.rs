//! Bytes of artifacts, whole or in part, with what tells a client whether it has them already.

use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::range::{Wanted, outside, wanted};
use crate::artifact::Content;
use crate::problem::Problem;
use crate::state::Service;

/// Bytes that can be fetched: an artifact or a part of one.
pub struct Piece<'a> {
    /// The artifact, by the SHA-256 of its bytes in hexadecimal.
    pub sha256: &'a str,
    /// The part of it.
    pub within: Range<u64>,
    /// What it is called while it does not change, with quotation marks.
    pub etag: String,
    /// Its media type.
    pub media_type: &'a str,
}

/// What a request gets of it. `watched` sees the bytes that are sent, and how many there are before them.
pub async fn answer(
    service: &Service,
    content: &Piece<'_>,
    headers: &HeaderMap,
    watched: impl FnOnce(Content, u64) -> Content,
) -> Result<Response, Problem> {
    if headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == content.etag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, content.etag.clone())]).into_response());
    }
    let length = content.within.end - content.within.start;
    let (status, first, end) = match wanted(headers, length, &content.etag) {
        Wanted::Outside => return Ok(outside(length)),
        Wanted::All => (StatusCode::OK, 0, length),
        Wanted::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last + 1),
    };
    let at = content.within.start;
    let bytes = service.artifacts.read(content.sha256, at + first..at + end).await?;
    let mut response = (status, Body::from_stream(watched(bytes, first))).into_response();
    let headers = response.headers_mut();
    set(headers, header::CONTENT_TYPE, content.media_type);
    set(headers, header::CONTENT_LENGTH, &(end - first).to_string());
    set(headers, header::ETAG, &content.etag);
    set(headers, header::ACCEPT_RANGES, "bytes");
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if status == StatusCode::PARTIAL_CONTENT {
        set(headers, header::CONTENT_RANGE, &format!("bytes {first}-{}/{length}", end - 1));
    }
    Ok(response)
}

/// Sets a header, when its value can be one.
pub fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
