//! What is answered when a request cannot be served: `application/problem+json` (RFC 9457), always.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lbuild_db::DbError;
use lbuild_spec::{Diagnostic, Diagnostics, Severity};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::resolve::Explanation;
use crate::artifact::ArtifactError;
use crate::faults::cause::innermost;
use crate::limit::bucket::{Standing, seconds};
use crate::request;

/// Seconds after which a request that the service could not serve may be tried again.
const RETRY_SECONDS: u64 = 5;

/// Why a request was not served.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:lbuild:problem:` and a stable name of the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem, for people.
    pub title: String,
    /// The HTTP status code.
    pub status: u16,
    /// What is wrong this time, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request's id, which the logs have too.
    pub trace_id: String,
    /// Every field that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Why packages do not fit together, and what was tried and works.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Explanation)]
    pub explanation: Option<Box<Explanation>>,
    /// The current state of a thing that the request is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub current: Option<Box<serde_json::Value>>,
    /// Seconds to wait before the same request may succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// What the service is to blame for, for those who run it.
    #[serde(skip)]
    pub cause: Option<String>,
}

/// Something wrong with one field of the request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer of the field.
    pub pointer: String,
    /// A stable name of the kind of error.
    pub code: String,
    /// What is wrong, and why.
    pub detail: String,
    /// What to do instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Line in the text of the spec, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column in the text of the spec, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

impl Problem {
    /// A problem of one kind: its stable name, and what it is called.
    pub fn new(status: StatusCode, name: &str, title: &str) -> Self {
        Self {
            kind: format!("urn:lbuild:problem:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: None,
            trace_id: request::id(),
            errors: Vec::new(),
            explanation: None,
            current: None,
            retry_after: None,
            cause: None,
        }
    }

    /// The same, which those who run the service are told of.
    fn fault(self, error: &(dyn std::error::Error + 'static)) -> Self {
        Self { cause: Some(innermost(error)), ..self }
    }

    /// The same with what is wrong this time.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// The same, worth another try after some seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// There is nothing here, or nothing that the caller may know of.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found")
    }

    /// Who asks is not known.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "A valid API key is needed")
            .detail("send `Authorization: Bearer lb_live_...`")
    }

    /// The key may not do this.
    pub fn forbidden(scope: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The key may not do this")
            .detail(format!("it needs the scope `{scope}`"))
    }

    /// The caller has used what there is for it; seconds until there is more, when that can be told.
    pub fn too_many(detail: impl Into<String>, retry_after: Option<u64>) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", "Too many requests");
        Self { retry_after, ..problem.detail(detail) }
    }

    /// A limit is used up.
    pub fn exhausted(standing: &Standing) -> Self {
        let wait = standing.wait.map(|wait| seconds(wait).max(1));
        Self::too_many(format!("the limit `{}` is used up", standing.policy), wait)
    }

    /// A browser sends what another page made it send, or may have.
    pub fn csrf(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "csrf", "The request may not come from its user").detail(detail)
    }

    /// The request is not what the operation takes.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed-request", "The request cannot be read").detail(detail)
    }

    /// The request can be read and means nothing that can be done.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-request", "The request is not valid")
            .detail(detail)
    }

    /// The state of the thing does not allow it.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "This cannot be done now").detail(detail)
    }

    /// The spec is not valid.
    pub fn spec(diagnostics: &Diagnostics) -> Self {
        let errors = diagnostics.0.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        let errors: Vec<FieldError> = errors.map(FieldError::from).collect();
        let detail = match errors.as_slice() {
            [only] => only.detail.clone(),
            many => format!("{} errors", many.len()),
        };
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-spec", "The spec is not valid");
        Self { errors, ..problem.detail(detail) }
    }

    /// Something failed that the caller has no part in. The cause goes to the log, not to the caller.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = chain(error), "request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The service failed")
            .detail("the trace id leads to the cause in the service's log")
            .fault(error)
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl From<&Diagnostic> for FieldError {
    fn from(diagnostic: &Diagnostic) -> Self {
        let reason = diagnostic.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
        Self {
            pointer: diagnostic.pointer.clone(),
            code: diagnostic.code.to_owned(),
            detail: format!("{}{reason}", diagnostic.message),
            hint: diagnostic.hint.clone(),
            line: Some(diagnostic.line),
            column: Some(diagnostic.column),
        }
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        tracing::error!(error = chain(&error), "the database failed");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "database", "The database does not answer")
            .detail("nothing was done; try again")
            .retry_after(RETRY_SECONDS)
            .fault(&error)
    }
}

impl From<ArtifactError> for Problem {
    fn from(error: ArtifactError) -> Self {
        if matches!(error, ArtifactError::Disk { .. }) {
            return Self::internal(&error);
        }
        tracing::error!(error = chain(&error), "the store of artifacts failed");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store", "The store of artifacts does not answer")
            .detail("nothing was done; try again")
            .retry_after(RETRY_SECONDS)
            .fault(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(&self)).into_response();
        response.extensions_mut().insert(self);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
