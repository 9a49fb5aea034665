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

/// Longest description, in bytes.
const LONGEST_DESCRIPTION: usize = 2000;

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

/// A spec to be checked or resolved.
pub struct SpecBody {
    /// The spec.
    pub source: Source,
}

/// The JSON form of [`SpecBody`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    spec: &'a RawValue,
    /// Read and not looked at, so that what is built can be checked first as it is.
    #[serde(default, rename = "bootCheck")]
    _boot_check: bool,
    #[serde(default, rename = "push")]
    _push: Option<Wanted>,
}

impl FromRequest<Service> for SpecBody {
    type Rejection = Problem;

    async fn from_request(request: Request, service: &Service) -> Result<Self, Problem> {
        let source = match sent(request, service).await? {
            Sent::Bare { source, .. } => source,
            Sent::Json(bytes) => json_source(envelope::<Envelope<'_>>(&bytes)?.spec),
        };
        Ok(Self { source })
    }
}

/// What is to be built.
pub struct BuildBody {
    /// The spec, or where it is kept.
    pub of: Of,
    /// Boot the image.
    pub boot_check: bool,
    /// Where its container image is to go.
    pub push: Option<Wanted>,
    /// The body as it was sent.
    pub bytes: Bytes,
}

/// Where the spec of a build comes from.
pub enum Of {
    /// It was sent.
    Spec(Source),
    /// It is that of a configuration, in a version or the newest.
    Configuration(String, Option<i64>),
}

/// The JSON form of [`BuildBody`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BuildEnvelope<'a> {
    #[serde(borrow)]
    spec: Option<&'a RawValue>,
    configuration_id: Option<String>,
    version: Option<i64>,
    #[serde(default)]
    boot_check: bool,
    push: Option<Wanted>,
}

impl FromRequest<Service> for BuildBody {
    type Rejection = Problem;

    async fn from_request(request: Request, service: &Service) -> Result<Self, Problem> {
        let bytes = match sent(request, service).await? {
            Sent::Bare { source, bytes } => {
                return Ok(Self { of: Of::Spec(source), boot_check: false, push: None, bytes });
            }
            Sent::Json(bytes) => bytes,
        };
        let BuildEnvelope { spec, configuration_id, version, boot_check, push } = envelope(&bytes)?;
        let of = match (spec, configuration_id, version) {
            (Some(spec), None, None) => Of::Spec(json_source(spec)),
            (None, Some(id), version) => Of::Configuration(id, version),
            _ => {
                let wanted = "the body has either `spec`, or `configurationId` and, if you like, `version`";
                return Err(Problem::malformed(wanted));
            }
        };
        Ok(Self { of, boot_check, push, bytes })
    }
}

/// A spec that is to be kept.
pub struct DocumentBody {
    /// The spec.
    pub source: Source,
    /// What its owner calls it; what the spec calls the system, when absent.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The body as it was sent.
    pub bytes: Bytes,
}

/// The JSON form of [`DocumentBody`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentEnvelope<'a> {
    #[serde(borrow)]
    spec: Option<&'a RawValue>,
    text: Option<String>,
    format: Option<String>,
    name: Option<String>,
    description: Option<String>,
}

impl FromRequest<Service> for DocumentBody {
    type Rejection = Problem;

    async fn from_request(request: Request, service: &Service) -> Result<Self, Problem> {
        let bytes = match sent(request, service).await? {
            Sent::Bare { source, bytes } => return Ok(Self { source, name: None, description: None, bytes }),
            Sent::Json(bytes) => bytes,
        };
        let DocumentEnvelope { spec, text, format, name, description } = envelope(&bytes)?;
        let source = match (spec, text, format) {
            (Some(spec), None, None) => json_source(spec),
            (None, Some(text), Some(format)) => {
                let unknown = || Problem::malformed("`format` is `toml`, `yaml` or `json`");
                task::source(task::format_of(&format).ok_or_else(unknown)?, text)
            }
            _ => return Err(Problem::malformed("the body has either `spec`, or `text` and `format`")),
        };
        Ok(Self { source, name, description, bytes })
    }
}

/// A body that has a spec in it.
enum Sent {
    /// It is the spec.
    Bare { source: Source, bytes: Bytes },
    /// The spec is a field of it.
    Json(Bytes),
}

async fn sent(request: Request, service: &Service) -> Result<Sent, Problem> {
    let (parts, body) = request.into_parts();
    let format = match media_type(&parts.headers).as_str() {
        "application/json" => Format::Json,
        "application/toml" => Format::Toml,
        "application/yaml" | "application/x-yaml" | "text/yaml" => Format::Yaml,
        _ => return Err(unsupported("application/json, application/toml or application/yaml")),
    };
    let bytes = read(body, service).await?;
    if format == Format::Json {
        return Ok(Sent::Json(bytes));
    }
    let source = task::source(format, text(&bytes)?.to_owned());
    Ok(Sent::Bare { source, bytes })
}

fn text(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        Problem::malformed(format!("the body is not UTF-8 text, at byte {}", error.valid_up_to()))
    })
}

fn envelope<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_str(text(bytes)?).map_err(|error| unreadable(&error))
}

fn json_source(spec: &RawValue) -> Source {
    task::source(Format::Json, spec.get().to_owned())
}

/// What somebody says about a thing, without blanks around it.
pub fn description(given: &str) -> Result<&str, Problem> {
    let description = given.trim();
    let is_plain = |c: char| !c.is_control() || c == '\n';
    if description.len() > LONGEST_DESCRIPTION || !description.chars().all(is_plain) {
        let rule = format!("`description` has at most {LONGEST_DESCRIPTION} bytes and no control characters");
        return Err(Problem::invalid(rule));
    }
    Ok(description)
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
