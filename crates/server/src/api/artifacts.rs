//! What builds made.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Json;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::Stream;
use lbuild_db::BuildId;
use lbuild_db::build::KeptArtifact;
use lbuild_db::retention::ISO;
use serde::Deserialize;
use tokio::runtime::Handle;

use super::builds::{ArtifactView, artifacts_of, own};
use super::content::{self, Piece, set};
use super::given::{Path, Query};
use crate::artifact::Content;
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::{Problem, chain};
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
        (status = 304, description = "The caller has it"), (status = 400, body = Problem),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 410, body = Problem), (status = 416, body = Problem)))]
pub async fn download(
    State(service): State<Service>,
    Path((id, name)): Path<(String, String)>,
    Query(query): Query<Signature>,
    request: Request,
) -> Result<Response, Problem> {
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
    answer(&service, id, &artifact, &parts.headers).await
}

/// The bytes of an artifact, or the part of them that is wanted.
pub(super) async fn answer(
    service: &Service,
    build: BuildId,
    artifact: &KeptArtifact,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    if artifact.expired_at.is_some() {
        let problem = Problem::new(StatusCode::GONE, "expired", "The artifact has expired");
        return Err(problem.detail(format!("build it again: `POST /api/v1/builds/{build}/retry`")));
    }
    let piece = Piece {
        sha256: &artifact.sha256,
        within: 0..u64::try_from(artifact.size).unwrap_or_default(),
        etag: format!("\"{}\"", artifact.sha256),
        media_type: &artifact.media_type,
    };
    let counted = |content, first| -> Content {
        if artifact.media_type != ISO {
            return content;
        }
        let (service, name) = (service.clone(), artifact.name.clone());
        Box::pin(Counted { content, service, build, name, first, end: first })
    };
    let mut response = content::answer(service, &piece, headers, counted).await?;
    if response.status() == StatusCode::NOT_MODIFIED {
        return Ok(response);
    }
    let headers = response.headers_mut();
    set(headers, header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    set(headers, header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{}\"", plain(&artifact.name)));
    set(headers, HeaderName::from_static("x-checksum-sha256"), &artifact.sha256);
    if let Ok(digest) = hex::decode(&artifact.sha256) {
        // RFC 9530: of the whole representation, whatever part is sent
        let digest = format!("sha-256=:{}:", BASE64_STANDARD.encode(digest));
        set(headers, HeaderName::from_static("repr-digest"), &digest);
    }
    Ok(response)
}

/// Bytes on their way to a client; how far they came is noted when they end or are given up.
struct Counted {
    content: Content,
    service: Service,
    build: BuildId,
    name: String,
    first: u64,
    end: u64,
}

impl Stream for Counted {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = self.content.as_mut().poll_next(context);
        if let Poll::Ready(Some(Ok(bytes))) = &piece {
            self.end += bytes.len() as u64;
        }
        piece
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let number = |place| i64::try_from(place).unwrap_or(i64::MAX);
        let (first, end) = (number(self.first), number(self.end));
        let (service, build, name) = (self.service.clone(), self.build, std::mem::take(&mut self.name));
        let Some(runtime) = Handle::try_current().ok().filter(|_| end > first) else { return };
        runtime.spawn(async move {
            if let Err(error) = service.db.note_fetched(build, &name, first, end).await {
                tracing::warn!(%build, error = chain(&error), "cannot note a download");
            }
        });
    }
}

/// A file name without anything that a header or a file system could take for something else.
fn plain(name: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    name.chars().map(|c| if harmless(c) { c } else { '_' }).collect()
}
