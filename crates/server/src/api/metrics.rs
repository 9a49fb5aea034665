//! Numbers about the service.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;

/// The format that Prometheus asks for.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Numbers for Prometheus. Another address can serve them without a key: see `--metrics`.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "OpenMetrics text", content_type = "application/openmetrics-text",
        body = String), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn metrics(State(service): State<Service>, caller: Caller) -> Result<Response, Problem> {
    caller.require(Scope::Admin)?;
    open(State(service)).await
}

/// The same for whoever reaches it.
pub async fn open(State(service): State<Service>) -> Result<Response, Problem> {
    let text = service.metrics.report(&service).await?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
