//! Checking specs, and their schema.

use axum::Json;
use lbuild_spec::Severity;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::body::SpecBody;
use crate::auth::caller::Caller;
use crate::problem::{FieldError, Problem};
use crate::worker::task;

/// What is said about a spec.
#[derive(Debug, Serialize, ToSchema)]
pub struct Validation {
    /// It can be built, as far as its text tells.
    valid: bool,
    /// What is wrong.
    errors: Vec<FieldError>,
    /// Advice.
    warnings: Vec<FieldError>,
}

/// Check a spec without building it.
#[utoipa::path(post, path = "/api/v1/specs/validate", tag = "specs",
    request_body(content((Object = "application/json"), (String = "application/toml"), (String = "application/yaml"))),
    responses((status = 200, body = Validation), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem)))]
pub async fn validate(_caller: Caller, body: SpecBody) -> Json<Validation> {
    let findings = match task::check(&body.source) {
        Ok(blueprint) => blueprint.warnings,
        Err(diagnostics) => diagnostics.0,
    };
    let (errors, warnings): (Vec<_>, Vec<_>) =
        findings.iter().partition(|finding| finding.severity == Severity::Error);
    let fields = |findings: Vec<_>| findings.into_iter().map(FieldError::from).collect();
    Json(Validation { valid: errors.is_empty(), errors: fields(errors), warnings: fields(warnings) })
}

/// The JSON Schema of specs.
#[utoipa::path(get, path = "/api/v1/schema", tag = "specs",
    responses((status = 200, content_type = "application/schema+json", body = Object)))]
pub async fn schema() -> ([(axum::http::HeaderName, &'static str); 1], Json<Value>) {
    ([(axum::http::header::CONTENT_TYPE, "application/schema+json")], Json(lbuild_spec::schema()))
}
