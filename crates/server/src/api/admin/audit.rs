//! The audit log, and whether anybody changed it.

use axum::Json;
use axum::extract::State;
use lbuild_db::audit::Checked;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::api::given::Query;
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;

/// Rows of the audit log in one answer.
const PAGE: u32 = 500;

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

/// Read the audit log, and check that nobody changed it.
#[utoipa::path(get, path = "/api/v1/admin/audit", tag = "admin", params(AuditQuery),
    responses((status = 200, body = AuditPage), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem)))]
pub async fn read(
    State(service): State<Service>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditPage>, Problem> {
    caller.require(Scope::Admin)?;
    let (rows, in_page) = service.db.audit_after(query.after, PAGE).await?;
    let rows =
        rows.into_iter().map(|row| AuditView { seq: row.seq, at: row.at, entry: row.entry, hash: row.hash });
    let mut checked = service.audited.lock().await;
    if query.whole {
        *checked = Checked::default();
    }
    let beyond = service.db.audit_fault_after(&mut checked).await?;
    let page = AuditPage { rows: rows.collect(), first_fault: in_page.into_iter().chain(beyond).min() };
    Ok(Json(page))
}
