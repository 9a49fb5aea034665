//! For whoever runs the service: tenants, builds that were given up, the audit log.

use axum::Json as JsonAnswer;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use lbuild_db::TenantId;
use lbuild_db::audit::Checked;
use lbuild_db::tenant::{NewTenantError, Tenant, Tier};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::body::{Json, name};
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;

/// Rows of the audit log in one answer.
const PAGE: u32 = 500;

/// A tenant that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantRequest {
    /// Its name, unique.
    name: String,
    /// `free`, `basic`, `pro` or `enterprise`.
    #[schema(value_type = String)]
    tier: Tier,
}

/// What is to change about a tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantChange {
    /// Another tier and its limits.
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    tier: Option<Tier>,
    /// Another number of bytes of artifacts than the tier's.
    #[serde(default)]
    storage_bytes: Option<i64>,
    /// Refuse its keys, or take them again.
    #[serde(default)]
    suspended: Option<bool>,
}

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantView {
    id: String,
    name: String,
    tier: String,
    concurrency: i64,
    monthly_builds: Option<i64>,
    storage_bytes: Option<i64>,
    stored_bytes: i64,
    suspended: bool,
}

/// A row of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
    seq: i64,
    /// Milliseconds since 1970.
    at: i64,
    #[schema(value_type = Object)]
    entry: Value,
    hash: String,
}

/// The audit log, in part.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditPage {
    rows: Vec<AuditView>,
    /// The first row that is found not to be what was written.
    first_fault: Option<i64>,
}

/// Which part of the audit log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Rows after this one.
    #[serde(default)]
    after: i64,
    /// Check every row again, and not only these and those that this process has not checked yet.
    #[serde(default)]
    whole: bool,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            name: tenant.name,
            tier: tenant.tier.name().to_owned(),
            concurrency: tenant.concurrency,
            monthly_builds: tenant.monthly_builds,
            storage_bytes: tenant.storage_bytes,
            stored_bytes: tenant.stored_bytes,
            suspended: tenant.suspended,
        }
    }
}

/// Make a tenant.
#[utoipa::path(post, path = "/api/v1/admin/tenants", tag = "admin", request_body = TenantRequest,
    responses((status = 201, body = TenantView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create_tenant(
    State(service): State<Service>,
    caller: Caller,
    Json(request): Json<TenantRequest>,
) -> Result<(StatusCode, JsonAnswer<TenantView>), Problem> {
    caller.require(Scope::Admin)?;
    let name = name(&request.name)?;
    let tenant = match service.db.create_tenant(name, request.tier).await {
        Ok(tenant) => tenant,
        Err(error @ NewTenantError::Taken(_)) => return Err(Problem::conflict(error.to_string())),
        Err(NewTenantError::Db(error)) => return Err(error.into()),
    };
    service.db.audit(&caller.entry("tenant.create", tenant.id.to_string())).await?;
    Ok((StatusCode::CREATED, JsonAnswer(tenant.into())))
}

/// List the tenants.
#[utoipa::path(get, path = "/api/v1/admin/tenants", tag = "admin",
    responses((status = 200, body = Vec<TenantView>), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn tenants(
    State(service): State<Service>,
    caller: Caller,
) -> Result<JsonAnswer<Vec<TenantView>>, Problem> {
    caller.require(Scope::Admin)?;
    Ok(JsonAnswer(service.db.tenants().await?.into_iter().map(TenantView::from).collect()))
}

/// Change a tenant.
#[utoipa::path(patch, path = "/api/v1/admin/tenants/{id}", tag = "admin", params(("id" = String, Path)),
    request_body = TenantChange,
    responses((status = 204, description = "It is changed"), (status = 400, body = Problem),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn change_tenant(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
    Json(change): Json<TenantChange>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::Admin)?;
    let tenant: TenantId = id.parse().map_err(|_| Problem::not_found())?;
    if change.storage_bytes.is_some_and(|bytes| bytes < 0) {
        return Err(Problem::invalid("`storageBytes` is a number of bytes"));
    }
    let wanted = lbuild_db::tenant::TenantChange {
        tier: change.tier,
        storage_bytes: change.storage_bytes,
        suspended: change.suspended,
    };
    if !service.db.change_tenant(tenant, wanted).await? {
        return Err(Problem::not_found());
    }
    service.db.audit(&caller.entry("tenant.change", id)).await?;
    Ok(StatusCode::NO_CONTENT)
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
    service.hub.tell(told);
    service.pool.wake();
    service.db.audit(&caller.entry("build.requeue", id)).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Read the audit log, and check that nobody changed it.
#[utoipa::path(get, path = "/api/v1/admin/audit", tag = "admin", params(AuditQuery),
    responses((status = 200, body = AuditPage), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem)))]
pub async fn audit(
    State(service): State<Service>,
    caller: Caller,
    query: Result<Query<AuditQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<JsonAnswer<AuditPage>, Problem> {
    caller.require(Scope::Admin)?;
    let Query(query) = query.map_err(|error| Problem::malformed(error.body_text()))?;
    let (rows, in_page) = service.db.audit_after(query.after, PAGE).await?;
    let rows =
        rows.into_iter().map(|row| AuditView { seq: row.seq, at: row.at, entry: row.entry, hash: row.hash });
    let mut checked = service.audited.lock().await;
    if query.whole {
        *checked = Checked::default();
    }
    let beyond = service.db.audit_fault_after(&mut checked).await?;
    let page = AuditPage { rows: rows.collect(), first_fault: in_page.into_iter().chain(beyond).min() };
    Ok(JsonAnswer(page))
}
