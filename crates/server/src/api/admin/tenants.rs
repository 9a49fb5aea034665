//! Tenants: who builds here, and within which limits.

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use lbuild_db::TenantId;
use lbuild_db::tenant::{NewTenantError, Tenant, Tier};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::body::{Json, name};
use crate::api::given::Path;
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;

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
pub async fn create(
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
pub async fn list(
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
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn change(
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
    if change.suspended == Some(true) && tenant == caller.tenant {
        return Err(Problem::conflict("this is your own tenant: suspended, it could not be taken back"));
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
