//! What the retention policy must leave alone: whole builds, or single artifacts.

use axum::extract::State;
use axum::http::StatusCode;
use lbuild_db::retention::Pinned;

use super::builds::own;
use super::given::Path;
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;

/// Keep the artifacts of a build until it is unpinned or deleted.
#[utoipa::path(put, path = "/api/v1/builds/{id}/pin", tag = "artifacts", params(("id" = String, Path)),
    responses((status = 204, description = "They stay"), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn pin(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    whole(&service, &caller, &id, true).await
}

/// Leave the artifacts of a build to the retention policy again.
#[utoipa::path(delete, path = "/api/v1/builds/{id}/pin", tag = "artifacts", params(("id" = String, Path)),
    responses((status = 204, description = "They stay no longer than others"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn unpin(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    whole(&service, &caller, &id, false).await
}

/// Keep an artifact until it is unpinned or its build is deleted.
#[utoipa::path(put, path = "/api/v1/builds/{id}/artifacts/{name}/pin", tag = "artifacts",
    params(("id" = String, Path), ("name" = String, Path)),
    responses((status = 204, description = "It stays"), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn pin_artifact(
    State(service): State<Service>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    single(&service, &caller, &id, &name, true).await
}

/// Leave an artifact to the retention policy again.
#[utoipa::path(delete, path = "/api/v1/builds/{id}/artifacts/{name}/pin", tag = "artifacts",
    params(("id" = String, Path), ("name" = String, Path)),
    responses((status = 204, description = "It stays no longer than others"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn unpin_artifact(
    State(service): State<Service>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    single(&service, &caller, &id, &name, false).await
}

async fn whole(service: &Service, caller: &Caller, id: &str, pinned: bool) -> Result<StatusCode, Problem> {
    caller.require(Scope::BuildCreate)?;
    let build = own(service, caller, id).await?;
    let answer = service.db.pin(caller.tenant, build.id, pinned).await?;
    settled(service, caller, answer, pinned, id.to_owned()).await
}

async fn single(
    service: &Service,
    caller: &Caller,
    id: &str,
    name: &str,
    pinned: bool,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::BuildCreate)?;
    let build = own(service, caller, id).await?;
    let answer = service.db.pin_artifact(caller.tenant, build.id, name, pinned).await?;
    settled(service, caller, answer, pinned, format!("{id}/{name}")).await
}

async fn settled(
    service: &Service,
    caller: &Caller,
    answer: Pinned,
    pinned: bool,
    object: String,
) -> Result<StatusCode, Problem> {
    match answer {
        Pinned::Done => {
            let action = if pinned { "build.pin" } else { "build.unpin" };
            service.db.audit(&caller.entry(action, object)).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        Pinned::TooLate => Err(Problem::conflict("it has expired already; build it again")),
        Pinned::Missing => Err(Problem::not_found()),
    }
}
