//! Reading what was sent: whole or not at all, within limits, and every refusal a problem.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use lbuild_spec::{Format, Source};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::problem::Problem;
use crate::state::Service;
use crate::worker::push::Wanted;
use crate::worker::task;

/// Longest name of a key or a tenant, in bytes.
const LONGEST_NAME: usize = 100;

/// Largest body, in bytes. A person writes a few kilobytes of spec.
const LARGEST: usize = 2 << 20;

/// A JSON body; fields that the type does not have are refused by the type itself.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Service> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, service: &Service) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if media_type(&parts.headers) != "application/json" {
            return Err(unsupported("application/json"));
        }
        let bytes = read(body, service).await?;
        serde_json::from_slice(&bytes).map(Json).map_err(|error| unreadable(&error))
    }
}

/// A spec to be built or checked, and what is wanted besides.
pub struct SpecBody {
    /// The spec.
    pub source: Source,
    /// Boot the image.
    pub boot_check: bool,
    /// Where its container image is to go.
    pub push: Option<Wanted>,
    /// The body as it was sent.
    pub bytes: Bytes,
}

/// The JSON form of [`SpecBody`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    spec: &'a RawValue,
    #[serde(default)]
    boot_check: bool,
    #[serde(default)]
    push: Option<Wanted>,
}

impl FromRequest<Service> for SpecBody {
    type Rejection = Problem;

    async fn from_request(request: Request, service: &Service) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let format = match media_type(&parts.headers).as_str() {
            "application/json" => Format::Json,
            "application/toml" => Format::Toml,
            "application/yaml" | "application/x-yaml" | "text/yaml" => Format::Yaml,
            _ => return Err(unsupported("application/json, application/toml or application/yaml")),
        };
        let bytes = read(body, service).await?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            Problem::malformed(format!("the body is not UTF-8 text, at byte {}", error.valid_up_to()))
        })?;
        if format != Format::Json {
            let source = task::source(format, text.to_owned());
            return Ok(Self { source, boot_check: false, push: None, bytes });
        }
        let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
        let source = task::source(Format::Json, envelope.spec.get().to_owned());
        Ok(Self { source, boot_check: envelope.boot_check, push: envelope.push, bytes })
    }
}

/// The name that somebody gave a thing, without blanks around it.
pub fn name(given: &str) -> Result<&str, Problem> {
    let name = given.trim();
    if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        let rule = format!("`name` has 1 to {LONGEST_NAME} bytes and no control characters");
        return Err(Problem::invalid(rule));
    }
    Ok(name)
}

async fn read(body: Body, service: &Service) -> Result<Bytes, Problem> {
    let patience = service.meter.limits().body;
    let read = timeout(patience, to_bytes(body, LARGEST)).await.map_err(|_| {
        Problem::new(StatusCode::REQUEST_TIMEOUT, "slow-body", "The request took too long")
            .detail(format!("a body is sent within {} seconds", patience.as_secs()))
    })?;
    read.map_err(|error| {
        let too_large =
            std::error::Error::source(&error).is_some_and(|cause| cause.to_string().contains("limit"));
        if too_large {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The request is too large")
                .detail(format!("a body may have {} MiB", LARGEST >> 20))
        } else {
            Problem::malformed("the body ended early")
        }
    })
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn unsupported(known: &str) -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "media-type",
        "The body is of a kind that is not read here",
    )
    .detail(format!("send {known}, and say so in `Content-Type`"))
}

fn unreadable(error: &serde_json::Error) -> Problem {
    Problem::malformed(format!("the JSON body: {error}"))
}
