//! Errors as the distribution specification writes them.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::ROOT;
use crate::problem::Problem;

/// The version of the protocol, which old clients ask for.
pub const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("docker-distribution-api-version"), HeaderValue::from_static("registry/2.0"));

/// Why a request to the registry was not served.
#[derive(Debug, Clone)]
pub struct Refusal {
    status: StatusCode,
    retry_after: Option<u64>,
    error: RegistryError,
}

/// Errors.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RegistryErrors {
    /// One or more.
    errors: Vec<RegistryError>,
}

/// An error.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RegistryError {
    /// A code of the specification.
    code: String,
    /// What is wrong, and what to do.
    message: String,
}

impl Refusal {
    /// A refusal with a code of the specification.
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let error = RegistryError { code: code.to_owned(), message: message.into() };
        Self { status, retry_after: None, error }
    }

    /// There is no such build, or none that the caller may know of, or it has no container image.
    pub fn name_unknown() -> Self {
        let message = "there is no image of this name; a build that made one is `builds/<id>`";
        Self::new(StatusCode::NOT_FOUND, "NAME_UNKNOWN", message)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = match status {
            StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
            StatusCode::FORBIDDEN => "DENIED",
            StatusCode::NOT_FOUND => "NAME_UNKNOWN",
            StatusCode::TOO_MANY_REQUESTS => "TOOMANYREQUESTS",
            StatusCode::METHOD_NOT_ALLOWED => "UNSUPPORTED",
            _ => "UNKNOWN",
        };
        let message = match status {
            StatusCode::UNAUTHORIZED => "log in with an API key as the password and any name".to_owned(),
            _ => problem.detail.unwrap_or(problem.title),
        };
        Self { retry_after: problem.retry_after, ..Self::new(status, code, message) }
    }
}

/// Answers of the registry are errors as its clients know them, whoever refused.
pub async fn translate(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let ours = path.starts_with(ROOT) || path == ROOT.trim_end_matches('/');
    let mut response = next.run(request).await;
    let problem = response.extensions_mut().remove::<Problem>().filter(|_| ours);
    let Some(problem) = problem else { return response };
    let mut refusal = Refusal::from(problem).into_response();
    for (name, value) in response.headers() {
        if !refusal.headers().contains_key(name) && name != header::CONTENT_LENGTH {
            refusal.headers_mut().insert(name, value.clone());
        }
    }
    refusal
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(RegistryErrors { errors: vec![self.error] });
        let mut response = (self.status, [VERSION], body).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"lbuild\", charset=\"UTF-8\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
