//! Whether the service is well.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::chain;
use crate::state::Service;

/// Bytes of free disk below which no build is worth beginning.
pub(crate) const LEAST_FREE: u64 = 2 << 30;

/// What is well and what is not.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok` or `failing`.
    status: &'static str,
    /// Each part that was looked at.
    checks: Vec<Check>,
}

/// One part of the service.
#[derive(Debug, Serialize, ToSchema)]
pub struct Check {
    /// What was looked at.
    name: &'static str,
    /// It is well.
    ok: bool,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The process answers.
#[utoipa::path(get, path = "/health/live", tag = "operation", responses((status = 200, body = Health)))]
pub async fn live() -> Json<Health> {
    Json(Health { status: "ok", checks: Vec::new() })
}

/// The service can take and do work.
#[utoipa::path(get, path = "/health/ready", tag = "operation",
    responses((status = 200, body = Health), (status = 503, body = Health)))]
pub async fn ready(State(service): State<Service>) -> (StatusCode, Json<Health>) {
    let mut checks = vec![
        check("database", service.db.ping().await.map_err(|_| "it does not answer".to_owned())),
        check("store", store(&service).await),
        check("disk", free_disk(&service)),
        check("sandbox", sandbox(&service)),
    ];
    checks.extend(service.bus.check().map(|found| check("nats", found)));
    let ok = checks.iter().all(|check| check.ok);
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Health { status: if ok { "ok" } else { "failing" }, checks }))
}

fn check(name: &'static str, found: Result<(), String>) -> Check {
    Check { name, ok: found.is_ok(), reason: found.err() }
}

async fn store(service: &Service) -> Result<(), String> {
    service.artifacts.check().await.map_err(|error| {
        tracing::warn!(error = chain(&error), "the store of artifacts failed");
        "it does not answer".to_owned()
    })
}

fn free_disk(service: &Service) -> Result<(), String> {
    let free = crate::artifact::free(&service.data).map_err(|_| "the disk cannot be read".to_owned())?;
    if free >= LEAST_FREE { Ok(()) } else { Err(format!("{} MiB are free", free >> 20)) }
}

fn sandbox(service: &Service) -> Result<(), String> {
    if service.pool.workers() == 0 { Ok(()) } else { service.pool.sandbox_ready() }
}
