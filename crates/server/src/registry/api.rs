//! The operations of the registry. Whoever logs in has an API key as the password, and any name.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use lbuild_db::build::KeptArtifact;
use lbuild_image::manifest::media_type::OCI_ARCHIVE;
use serde::Serialize;
use utoipa::ToSchema;

use super::layout::{Image, part};
use super::refusal::{Refusal, RegistryErrors, VERSION};
use crate::api::builds::own;
use crate::api::content::{Piece, answer};
use crate::api::given::Path;
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;

/// The tag of every image.
const TAG: &str = "latest";

/// Media type of a manifest that says none.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The digest of what is answered.
const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// Tags of a repository.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tags {
    /// The repository.
    name: String,
    /// Its tags.
    tags: Vec<String>,
}

/// Tell that this is a registry, and that the caller may use it.
#[utoipa::path(get, path = "/v2/", tag = "registry",
    responses((status = 200, description = "It is", content_type = "application/json", body = Object),
        (status = 401, body = RegistryErrors), (status = 403, body = RegistryErrors)))]
pub async fn base(caller: Caller) -> Result<Response, Problem> {
    caller.require(Scope::BuildRead)?;
    Ok(([VERSION], Json(serde_json::json!({}))).into_response())
}

/// List the tags of an image.
#[utoipa::path(get, path = "/v2/builds/{id}/tags/list", tag = "registry", params(("id" = String, Path)),
    responses((status = 200, body = Tags), (status = 401, body = RegistryErrors), (status = 403, body = RegistryErrors),
        (status = 404, body = RegistryErrors)))]
pub async fn tags(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    find(&service, &caller, &id).await?;
    Ok(Json(Tags { name: format!("builds/{id}"), tags: vec![TAG.to_owned()] }).into_response())
}

/// Fetch the manifest of an image, by its tag or its digest.
#[utoipa::path(get, path = "/v2/builds/{id}/manifests/{reference}", tag = "registry",
    params(("id" = String, Path), ("reference" = String, Path)),
    responses((status = 200, content_type = "application/vnd.oci.image.manifest.v1+json", body = Object),
        (status = 304, description = "The caller has it"), (status = 401, body = RegistryErrors),
        (status = 403, body = RegistryErrors), (status = 404, body = RegistryErrors)))]
pub async fn manifest(
    State(service): State<Service>,
    caller: Caller,
    Path((id, reference)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (artifact, image) = find(&service, &caller, &id).await?;
    let digest = format!("sha256:{}", image.manifest);
    let place = image.blob(&image.manifest).filter(|_| reference == TAG || reference == digest);
    let place = place.ok_or_else(|| {
        let message = format!("the image has the tag `{TAG}` and the manifest `{digest}`");
        Refusal::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", message)
    })?;
    let bytes = part(&service.artifacts, &artifact.sha256, place.clone()).await;
    let bytes = bytes.map_err(|error| Problem::internal(&error))?;
    let said = serde_json::from_slice::<serde_json::Value>(&bytes).ok();
    let said = said.as_ref().and_then(|manifest| manifest["mediaType"].as_str()).unwrap_or(MANIFEST);
    let piece =
        Piece { sha256: &artifact.sha256, within: place, etag: format!("\"{digest}\""), media_type: said };
    Ok(digested(answer(&service, &piece, &headers, |bytes, _| bytes).await?, &digest))
}

/// Fetch a blob of an image, whole or in part.
#[utoipa::path(get, path = "/v2/builds/{id}/blobs/{digest}", tag = "registry",
    params(("id" = String, Path), ("digest" = String, Path), ("Range" = Option<String>, Header)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 206, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 304, description = "The caller has it"), (status = 401, body = RegistryErrors),
        (status = 403, body = RegistryErrors), (status = 404, body = RegistryErrors),
        (status = 416, body = RegistryErrors)))]
pub async fn blob(
    State(service): State<Service>,
    caller: Caller,
    Path((id, digest)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (artifact, image) = find(&service, &caller, &id).await?;
    let place = digest.strip_prefix("sha256:").and_then(|sha256| image.blob(sha256));
    let within = place.ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "the image has no blob of this digest")
    })?;
    let (etag, media_type) = (format!("\"{digest}\""), "application/octet-stream");
    let piece = Piece { sha256: &artifact.sha256, within, etag, media_type };
    Ok(digested(answer(&service, &piece, &headers, |bytes, _| bytes).await?, &digest))
}

/// The image that a build of the caller made, and the artifact that it lies in.
async fn find(service: &Service, caller: &Caller, id: &str) -> Result<(KeptArtifact, Arc<Image>), Refusal> {
    caller.require(Scope::BuildRead)?;
    let build = match own(service, caller, id).await {
        Err(problem) if problem.status == 404 => return Err(Refusal::name_unknown()),
        other => other?,
    };
    let artifacts = service.db.artifacts(build.id).await.map_err(Problem::from)?;
    let there = |artifact: &KeptArtifact| artifact.media_type == OCI_ARCHIVE && artifact.expired_at.is_none();
    let artifact = artifacts.into_iter().find(there);
    let artifact = artifact.ok_or_else(Refusal::name_unknown)?;
    let image = service.images.get(&service.artifacts, &artifact.sha256).await;
    let image = image.map_err(|error| Problem::internal(&error))?;
    Ok((artifact, image))
}

fn digested(mut response: Response, digest: &str) -> Response {
    let (name, version) = VERSION;
    response.headers_mut().insert(name, version);
    if let Ok(value) = HeaderValue::from_str(digest) {
        response.headers_mut().insert(DIGEST, value);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    response
}
