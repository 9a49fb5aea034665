//! The short routes below `/api/build`: each answers as the operation of `/api/v1` that it stands for.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use lbuild_db::build::KeptArtifact;

use super::given::Path;
use super::{artifacts, builds};
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;

/// The routes.
pub fn routes() -> Router<Service> {
    Router::new()
        .route("/api/build/start", post(builds::submit))
        .route("/api/build/generate", post(generate))
        .route("/api/build/status/{id}", get(builds::get))
        .route("/api/build/artifact/{id}", get(artifacts::list))
        .route("/api/build/download/{id}/{type}", get(download))
        .route("/api/build/cancel/{id}", post(builds::cancel))
}

/// Specs are not made from prompts yet.
async fn generate(caller: Caller) -> Result<(), Problem> {
    caller.require(Scope::BuildCreate)?;
    let problem = Problem::new(StatusCode::NOT_IMPLEMENTED, "not-implemented", "This is not built yet");
    Err(problem.detail("specs are not made from prompts yet; write one, and submit it to `/api/build/start`"))
}

/// The artifact of one type: an output of the spec, or the name of a file.
async fn download(
    State(service): State<Service>,
    caller: Caller,
    Path((id, kind)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    caller.require(Scope::BuildRead)?;
    let build = builds::own(&service, &caller, &id).await?;
    let artifacts = service.db.artifacts(build.id).await?;
    let artifact = artifacts.into_iter().find(|artifact| is_of(artifact, &kind));
    let artifact = artifact.ok_or_else(Problem::not_found)?;
    artifacts::answer(&service, build.id, &artifact, request.headers()).await
}

fn is_of(artifact: &KeptArtifact, kind: &str) -> bool {
    match kind {
        "iso" => artifact.name.rsplit('.').next() == Some("iso"),
        "oci" => artifact.name.ends_with(".oci.tar"),
        "rootfs" => artifact.name.ends_with(".tar.zst"),
        name => artifact.name == name,
    }
}
