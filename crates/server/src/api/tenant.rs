//! The caller's own tenant: what it may use, what it keeps, and for how long.

use axum::Json as JsonAnswer;
use axum::extract::State;
use lbuild_db::retention::Retention;
use lbuild_db::tenant::Tenant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Json;
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;

/// Longest term, in hours: ten years.
const LONGEST: i64 = 10 * 366 * 24;

/// How long images are kept, counted from the end of the build.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetentionBody {
    /// Hours of an ISO; for ever, when null.
    #[schema(required)]
    iso_hours: Option<i64>,
    /// Hours of any other image; for ever, when null.
    #[schema(required)]
    other_hours: Option<i64>,
    /// An ISO that was fetched whole goes ten minutes later.
    iso_after_download: bool,
}

/// A tenant, as its keys see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnTenant {
    id: String,
    name: String,
    tier: String,
    /// Builds at the same time.
    concurrency: i64,
    /// Builds in a calendar month, where they are limited.
    monthly_builds: Option<i64>,
    /// Bytes of artifacts that it keeps, equal ones counted once.
    stored_bytes: i64,
    /// Bytes of artifacts that it may keep, where they are limited.
    storage_bytes: Option<i64>,
    /// How long images are kept.
    retention: RetentionBody,
}

impl From<Tenant> for OwnTenant {
    fn from(tenant: Tenant) -> Self {
        let Retention { iso_hours, other_hours, iso_after_download } = tenant.retention;
        Self {
            id: tenant.id.to_string(),
            name: tenant.name,
            tier: tenant.tier.name().to_owned(),
            concurrency: tenant.concurrency,
            monthly_builds: tenant.monthly_builds,
            stored_bytes: tenant.stored_bytes,
            storage_bytes: tenant.storage_bytes,
            retention: RetentionBody { iso_hours, other_hours, iso_after_download },
        }
    }
}

/// See the caller's own tenant.
#[utoipa::path(get, path = "/api/v1/tenant", tag = "tenant",
    responses((status = 200, body = OwnTenant), (status = 401, body = Problem)))]
pub async fn show(State(service): State<Service>, caller: Caller) -> Result<JsonAnswer<OwnTenant>, Problem> {
    let tenant = service.db.tenant(caller.tenant).await?.ok_or_else(Problem::not_found)?;
    Ok(JsonAnswer(tenant.into()))
}

/// Say how long images are kept.
#[utoipa::path(put, path = "/api/v1/tenant/retention", tag = "tenant", request_body = RetentionBody,
    responses((status = 200, body = RetentionBody), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
pub async fn set_retention(
    State(service): State<Service>,
    caller: Caller,
    Json(body): Json<RetentionBody>,
) -> Result<JsonAnswer<RetentionBody>, Problem> {
    caller.require(Scope::ConfigWrite)?;
    for (name, hours) in [("isoHours", body.iso_hours), ("otherHours", body.other_hours)] {
        if hours.is_some_and(|hours| !(0..=LONGEST).contains(&hours)) {
            return Err(Problem::invalid(format!("`{name}` is 0 to {LONGEST} hours, or null for ever")));
        }
    }
    let RetentionBody { iso_hours, other_hours, iso_after_download } = body;
    let retention = Retention { iso_hours, other_hours, iso_after_download };
    service.db.set_retention(caller.tenant, retention).await?;
    service.db.audit(&caller.entry("tenant.retention", caller.tenant.to_string())).await?;
    Ok(JsonAnswer(body))
}
