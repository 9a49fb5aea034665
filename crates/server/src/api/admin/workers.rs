//! Who works on builds, for whoever runs the service.

use axum::Json;
use axum::extract::State;
use lbuild_db::fleet::Worker;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::time;
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;

/// A process that works on builds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerView {
    /// What it is called in the queue.
    name: String,
    /// Builds that it takes at the same time.
    slots: i64,
    /// Builds that it is at.
    running: i64,
    /// Its version.
    version: String,
    /// It takes no more builds.
    draining: bool,
    /// RFC 3339.
    started_at: String,
    /// When it was last heard of, RFC 3339. One that is silent for a minute is struck off.
    seen_at: String,
}

impl From<Worker> for WorkerView {
    fn from(worker: Worker) -> Self {
        Self {
            name: worker.name,
            slots: worker.slots,
            running: worker.running,
            version: worker.version,
            draining: worker.draining,
            started_at: time(worker.started_at),
            seen_at: time(worker.seen_at),
        }
    }
}

/// List the processes that work on builds.
#[utoipa::path(get, path = "/api/v1/admin/workers", tag = "admin",
    responses((status = 200, body = Vec<WorkerView>), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn list(State(service): State<Service>, caller: Caller) -> Result<Json<Vec<WorkerView>>, Problem> {
    caller.require(Scope::Admin)?;
    let workers = service.db.workers().await?;
    Ok(Json(workers.into_iter().map(WorkerView::from).collect()))
}
