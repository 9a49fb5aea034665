//! The log of a build as text: what its programs printed, line by line, whole or in part.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use lbuild_db::BuildId;
use lbuild_db::event::Chunk;

use super::builds::own;
use super::given::Path;
use super::range::{Wanted, outside, wanted};
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;

/// Chunks that are read from the database at a time.
const PAGE: u32 = 16;

/// Read the log. It grows while the build runs: `Range: bytes=N-` gives what came after the first N bytes.
#[utoipa::path(get, path = "/api/v1/builds/{id}/log", tag = "live",
    params(("id" = String, Path), ("Range" = Option<String>, Header)),
    responses((status = 200, content_type = "text/plain", body = String),
        (status = 206, content_type = "text/plain", body = String), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 416, body = Problem)))]
pub async fn read(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require(Scope::BuildRead)?;
    let build = own(&service, &caller, &id).await?;
    let length = u64::try_from(build.log_bytes).unwrap_or_default();
    let (status, first, end) = match wanted(&headers, length, "") {
        Wanted::Outside => return Ok(outside(length)),
        Wanted::All => (StatusCode::OK, 0, length),
        Wanted::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last + 1),
    };
    let text = stream::unfold(first, move |at| {
        let service = service.clone();
        async move {
            if at >= end {
                return None;
            }
            let part = part(&service, build.id, at, end).await;
            let next = part.as_ref().map_or(end, |part| at + part.len() as u64);
            Some((part, next))
        }
    });
    let mut response = (status, Body::from_stream(text)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(end - first));
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = HeaderValue::from_str(&format!("bytes {first}-{}/{length}", end - 1))
    {
        headers.insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

/// The next bytes of the log, from `at` and not beyond `end`.
async fn part(service: &Service, build: BuildId, at: u64, end: u64) -> io::Result<Bytes> {
    let offset = i64::try_from(at).unwrap_or(i64::MAX);
    let chunks = service.db.log_after(build, offset, PAGE).await.map_err(io::Error::other)?;
    let text: String = chunks.iter().map(text_of).collect();
    let log_end = |chunk: &Chunk| u64::try_from(chunk.log_end).unwrap_or_default();
    let begins = chunks.first().map_or(0, |chunk| log_end(chunk) - text_of(chunk).len() as u64);
    let bytes = Bytes::from(text);
    let from = usize::try_from(at - begins).unwrap_or(usize::MAX).min(bytes.len());
    let to = usize::try_from(end - begins).unwrap_or(usize::MAX).min(bytes.len());
    if from >= to {
        return Err(io::Error::other("the log is shorter than it was"));
    }
    Ok(bytes.slice(from..to))
}

fn text_of(chunk: &Chunk) -> String {
    let lines = chunk.events.iter().filter_map(|event| event.event.line());
    lines.flat_map(|line| [line, "\n"]).collect()
}
