//! What builds made.

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lbuild_db::BuildId;
use lbuild_db::build::Artifact;
use serde::Deserialize;

use super::builds::{ArtifactView, artifacts_of, own};
use super::range::{Wanted, outside, wanted};
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;

/// What makes an address good without a key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    expires: Option<u64>,
    signature: Option<String>,
}

/// List the artifacts of a build.
#[utoipa::path(get, path = "/api/v1/builds/{id}/artifacts", tag = "artifacts", params(("id" = String, Path)),
    responses((status = 200, body = Vec<ArtifactView>), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub async fn list(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Vec<ArtifactView>>, Problem> {
    caller.require(Scope::BuildRead)?;
    let build = own(&service, &caller, &id).await?;
    Ok(Json(artifacts_of(&service, build.id).await?))
}

/// Download an artifact, whole or in part.
#[utoipa::path(get, path = "/api/v1/builds/{id}/artifacts/{name}", tag = "artifacts",
    params(("id" = String, Path), ("name" = String, Path), ("Range" = Option<String>, Header),
        ("expires" = Option<u64>, Query), ("signature" = Option<String>, Query)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 206, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 304, description = "The caller has it"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 416, body = Problem)))]
pub async fn download(
    State(service): State<Service>,
    Path((id, name)): Path<(String, String)>,
    query: Result<Query<Signature>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::malformed(error.body_text()))?;
    let id: BuildId = id.parse().map_err(|_| Problem::not_found())?;
    let (mut parts, _) = request.into_parts();
    if let (Some(expires), Some(signature)) = (query.expires, &query.signature) {
        if !service.signer.verify(id, &name, expires, signature) {
            return Err(Problem::forbidden("a signature that is ours and has not expired"));
        }
    } else {
        let caller = Caller::from_request_parts(&mut parts, &service).await?;
        caller.require(Scope::BuildRead)?;
        service.db.builds(caller.tenant).get(id).await?.ok_or_else(Problem::not_found)?;
    }
    let artifacts = service.db.artifacts(id).await?;
    let artifact = artifacts.into_iter().find(|artifact| artifact.name == name);
    let artifact = artifact.ok_or_else(Problem::not_found)?;
    answer(&service, &artifact, &parts.headers).await
}

/// The bytes of an artifact, or the part of them that is wanted.
pub(super) async fn answer(
    service: &Service,
    artifact: &Artifact,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let etag = format!("\"{}\"", artifact.sha256);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let length = u64::try_from(artifact.size).unwrap_or_default();
    let (status, first, end) = match wanted(headers, length, &etag) {
        Wanted::Outside => return Ok(outside(length)),
        Wanted::All => (StatusCode::OK, 0, length),
        Wanted::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last + 1),
    };
    let bytes = service.artifacts.read(&artifact.sha256, first..end).await?;
    let mut response = (status, Body::from_stream(bytes)).into_response();
    let set = |headers: &mut HeaderMap, name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    let headers = response.headers_mut();
    set(headers, header::CONTENT_TYPE, &artifact.media_type);
    set(headers, header::CONTENT_LENGTH, &(end - first).to_string());
    set(headers, header::ETAG, &etag);
    set(headers, header::ACCEPT_RANGES, "bytes");
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    set(headers, header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{}\"", plain(&artifact.name)));
    set(headers, HeaderName::from_static("x-checksum-sha256"), &artifact.sha256);
    if let Ok(digest) = hex::decode(&artifact.sha256) {
        // RFC 9530: of the whole representation, whatever part is sent
        let digest = format!("sha-256=:{}:", BASE64_STANDARD.encode(digest));
        set(headers, HeaderName::from_static("repr-digest"), &digest);
    }
    if status == StatusCode::PARTIAL_CONTENT {
        set(headers, header::CONTENT_RANGE, &format!("bytes {first}-{}/{length}", end - 1));
    }
    Ok(response)
}

/// A file name without anything that a header or a file system could take for something else.
fn plain(name: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    name.chars().map(|c| if harmless(c) { c } else { '_' }).collect()
}
