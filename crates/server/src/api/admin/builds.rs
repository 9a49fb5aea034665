//! The builds of everybody, and another chance for those that were given up.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use lbuild_db::overview::Owned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::builds::{BuildView, ListQuery, shown};
use crate::api::given::{Path, Query};
use crate::api::page::{self, linked};
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;

/// Where the list is.
const LIST: &str = "/api/v1/admin/builds";

/// Whose something is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Owner {
    /// Id of the tenant.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A build of anybody.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnedBuildView {
    /// Whose it is.
    tenant: Owner,
    #[serde(flatten)]
    build: BuildView,
}

/// A page of the builds of everybody.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnedBuildPage {
    /// Newest first.
    builds: Vec<OwnedBuildView>,
    /// Where the next page begins, when there is one.
    next_cursor: Option<String>,
}

/// Whose builds to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnedListQuery {
    /// Id of the only tenant whose builds are wanted.
    tenant: Option<String>,
    /// Of this status.
    status: Option<String>,
    /// Of this base.
    base: Option<String>,
    /// Where the page before ended.
    cursor: Option<String>,
    /// How many at most: 1 to 100.
    page_size: Option<u32>,
}

/// List the builds of everybody, newest first.
#[utoipa::path(get, path = "/api/v1/admin/builds", tag = "admin", params(OwnedListQuery),
    responses((status = 200, body = OwnedBuildPage), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem)))]
pub async fn list(
    State(service): State<Service>,
    caller: Caller,
    Query(query): Query<OwnedListQuery>,
) -> Result<Response, Problem> {
    caller.require(Scope::Admin)?;
    let OwnedListQuery { tenant, status, base, cursor, page_size } = query;
    let unknown = |_| Problem::malformed("`tenant` is not the id of a tenant");
    let whose = tenant.as_deref().map(str::parse).transpose().map_err(unknown)?;
    let wanted = ListQuery { status, base, cursor, page_size };
    let (filter, limit) = wanted.filter()?;
    let mut found = service.db.all_builds(whose, &filter, limit + 1).await?;
    let next_cursor = page::cut(&mut found, limit, |last| last.build.id.to_string());
    let mut builds = Vec::new();
    for Owned { tenant_name, build } in found {
        let tenant = Owner { id: build.tenant.to_string(), name: tenant_name };
        builds.push(OwnedBuildView { tenant, build: shown(&service, build).await? });
    }
    let ListQuery { status, base, .. } = wanted;
    let address = page::filtered(LIST, &[("tenant", tenant), ("status", status), ("base", base)]);
    let next = next_cursor.clone();
    Ok(linked(Json(OwnedBuildPage { builds, next_cursor }), &address, limit, next.as_deref()))
}

/// Give a build that was given up another chance.
#[utoipa::path(post, path = "/api/v1/admin/builds/{id}/requeue", tag = "admin", params(("id" = String, Path)),
    responses((status = 202, description = "It waits again"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn requeue(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::Admin)?;
    let build = id.parse().map_err(|_| Problem::not_found())?;
    let told = service.db.requeue(build).await?.ok_or_else(Problem::not_found)?;
    service.tell(told);
    service.work(build);
    service.db.audit(&caller.entry("build.requeue", id)).await?;
    Ok(StatusCode::ACCEPTED)
}
