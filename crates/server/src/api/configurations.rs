//! Configurations: specs that a tenant keeps, in every version that was written.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use lbuild_db::ConfigurationId;
use lbuild_db::configuration::{Configuration, Written};
use lbuild_db::document::Document;
use lbuild_db::submit::Idempotency;
use lbuild_spec::Source;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::body::{DocumentBody, description, name};
use super::given::{Path, Query};
use super::page::{self, PageQuery, Wanted};
use super::revision::{self, expected, is_known, tagged, unwritten};
use super::{idempotency, time};
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::diff::{Change, diff};
use crate::problem::Problem;
use crate::state::Service;
use crate::worker::task;

/// Whoever may read configurations has one of these.
const READERS: [Scope; 3] = [Scope::BuildCreate, Scope::BuildRead, Scope::ConfigWrite];

/// One version of a configuration.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationView {
    /// Its id, a UUID of version 7.
    id: String,
    /// The version, from 1; also the `ETag`.
    version: i64,
    /// What its owner calls it.
    name: String,
    /// Base of the image.
    base: String,
    /// When the first version was written, RFC 3339.
    created_at: String,
    /// When this version was written, RFC 3339.
    updated_at: String,
}

/// One version of a configuration with its spec.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfigurationDetails {
    #[serde(flatten)]
    configuration: ConfigurationView,
    #[serde(flatten)]
    spec: SpecView,
}

/// A spec as it was written.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpecView {
    /// `toml`, `yaml` or `json`.
    format: String,
    /// The text as it was sent.
    text: String,
    /// The same as JSON.
    #[schema(value_type = Object)]
    spec: Value,
}

/// A page of configurations or versions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationPage {
    /// The youngest first.
    configurations: Vec<ConfigurationView>,
    /// Where the next page begins, when there is one.
    next_cursor: Option<String>,
}

/// A spec that is to be kept: `spec`, or `text` and `format`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `DocumentBody` reads without copies")]
pub struct DocumentRequest {
    /// The spec as JSON.
    #[schema(value_type = Option<Object>)]
    spec: Option<Value>,
    /// The spec as text.
    text: Option<String>,
    /// `toml`, `yaml` or `json`, with `text`.
    format: Option<String>,
    /// What its owner calls it; what the spec calls the system, when absent.
    name: Option<String>,
    /// What a template is for.
    description: Option<String>,
}

/// Which versions to compare.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct DiffQuery {
    /// The earlier version; the one before `to`, when absent.
    from: Option<i64>,
    /// The later version; the newest, when absent.
    to: Option<i64>,
}

/// What differs between two versions.
#[derive(Debug, Serialize, ToSchema)]
pub struct Differences {
    /// The earlier version.
    from: i64,
    /// The later version.
    to: i64,
    /// In the specs as they were written.
    changes: Vec<Change>,
}

impl From<Configuration> for ConfigurationView {
    fn from(configuration: Configuration) -> Self {
        Self {
            id: configuration.id.to_string(),
            version: configuration.version,
            name: configuration.name,
            base: configuration.base,
            created_at: time(configuration.created_at),
            updated_at: time(configuration.updated_at),
        }
    }
}

impl SpecView {
    /// A spec as the database keeps it. One that this program no longer reads is shown as text alone.
    pub fn of(stored: &str) -> Result<Self, Problem> {
        let source = restore(stored)?;
        let spec = lbuild_spec::parse(&source).map(|spec| spec.to_json()).unwrap_or_default();
        Ok(Self { format: source.format.to_string().to_lowercase(), text: source.text, spec })
    }
}

/// The spec that the database keeps.
pub fn restore(stored: &str) -> Result<Source, Problem> {
    task::restore(stored)
        .ok_or_else(|| Problem::internal(&std::io::Error::other("a stored spec cannot be read")))
}

/// A spec that was sent to be kept; an invalid one is refused.
pub fn document(body: &DocumentBody) -> Result<Document, Problem> {
    let blueprint = task::check(&body.source).map_err(|diagnostics| Problem::spec(&diagnostics))?;
    Ok(Document {
        name: name(body.name.as_deref().unwrap_or(&blueprint.name))?.to_owned(),
        description: description(body.description.as_deref().unwrap_or_default())?.to_owned(),
        base: blueprint.base.key().to_owned(),
        spec: task::store(&body.source),
    })
}

/// A configuration that the caller may see, in a version or the newest; a foreign one is not there.
pub async fn own(
    service: &Service,
    caller: &Caller,
    id: &str,
    version: Option<i64>,
) -> Result<Written, Problem> {
    let id: ConfigurationId = id.parse().map_err(|_| Problem::not_found())?;
    service.db.configurations(caller.tenant).get(id, version).await?.ok_or_else(Problem::not_found)
}

/// Keeps a new configuration, or finds the one that the same request made before.
pub async fn keep(
    service: &Service,
    caller: &Caller,
    document: &Document,
    idempotency: Option<&Idempotency>,
) -> Result<Response, Problem> {
    let entry = caller.entry("configuration.create", "");
    let all = service.db.configurations(caller.tenant);
    let kept = all.create(document, idempotency, &entry).await.map_err(unwritten)?;
    let (version, view) = (kept.document.version, ConfigurationView::from(kept.document));
    Ok(revision::kept(format!("/api/v1/configurations/{}", view.id), version, view, kept.repeated))
}

/// Keep a spec.
#[utoipa::path(post, path = "/api/v1/configurations", tag = "configurations",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition of this request harmless")),
    request_body(content((DocumentRequest = "application/json"), (String = "application/toml"), (String = "application/yaml"))),
    responses((status = 201, body = ConfigurationView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
        (status = 415, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(service): State<Service>,
    caller: Caller,
    headers: HeaderMap,
    body: DocumentBody,
) -> Result<Response, Problem> {
    caller.require(Scope::ConfigWrite)?;
    if body.description.is_some() {
        return Err(Problem::malformed("`description` is something that templates have"));
    }
    let idempotency = idempotency::given(&headers, &body.bytes)?;
    keep(&service, &caller, &document(&body)?, idempotency.as_ref()).await
}

/// List the configurations, the youngest first, each in its newest version.
#[utoipa::path(get, path = "/api/v1/configurations", tag = "configurations", params(PageQuery),
    responses((status = 200, body = ConfigurationPage), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem)))]
pub async fn list(
    State(service): State<Service>,
    caller: Caller,
    Query(wanted): Query<PageQuery>,
) -> Result<Response, Problem> {
    caller.require_one(&READERS)?;
    let Wanted { before, limit } = Wanted::of(&wanted)?;
    let mut found = service.db.configurations(caller.tenant).list(before, limit + 1).await?;
    let next_cursor = page::cut(&mut found, limit, |last| last.id.to_string());
    Ok(page_of(found, "/api/v1/configurations", limit, next_cursor))
}

fn page_of(found: Vec<Configuration>, address: &str, limit: u32, next_cursor: Option<String>) -> Response {
    let configurations = found.into_iter().map(ConfigurationView::from).collect();
    let next = next_cursor.clone();
    page::linked(Json(ConfigurationPage { configurations, next_cursor }), address, limit, next.as_deref())
}

/// See a configuration in its newest version.
#[utoipa::path(get, path = "/api/v1/configurations/{id}", tag = "configurations", params(("id" = String, Path)),
    responses((status = 200, body = ConfigurationDetails), (status = 304, description = "You have it"),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn get(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require_one(&READERS)?;
    show(own(&service, &caller, &id, None).await?, &headers)
}

fn show(written: Written, headers: &HeaderMap) -> Result<Response, Problem> {
    let version = written.configuration.version;
    if is_known(headers, version) {
        return Ok(tagged(version, StatusCode::NOT_MODIFIED));
    }
    let details = ConfigurationDetails {
        configuration: written.configuration.into(),
        spec: SpecView::of(&written.spec)?,
    };
    Ok(tagged(version, Json(details)))
}

/// Write a new version, if nobody else has since the one that `If-Match` names.
#[utoipa::path(put, path = "/api/v1/configurations/{id}", tag = "configurations",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The `ETag` of what you have read")),
    request_body(content((DocumentRequest = "application/json"), (String = "application/toml"), (String = "application/yaml"))),
    responses((status = 200, body = ConfigurationView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem),
        (status = 422, body = Problem), (status = 428, body = Problem)))]
pub async fn replace(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: DocumentBody,
) -> Result<Response, Problem> {
    caller.require(Scope::ConfigWrite)?;
    let written = own(&service, &caller, &id, None).await?.configuration;
    let version = expected(&headers)?;
    if body.description.is_some() {
        return Err(Problem::malformed("`description` is something that templates have"));
    }
    let name = body.name.clone().or(Some(written.name));
    let document = document(&DocumentBody { name, ..body })?;
    let entry = caller.entry("configuration.write", "");
    let all = service.db.configurations(caller.tenant);
    let written = all.replace(written.id, version, &document, &entry).await.map_err(unwritten)?;
    Ok(tagged(written.version, Json(ConfigurationView::from(written))))
}

/// Forget a configuration with all its versions, if nobody has written since the one that `If-Match` names.
#[utoipa::path(delete, path = "/api/v1/configurations/{id}", tag = "configurations",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The `ETag` of what you have read")),
    responses((status = 204, description = "It is gone"), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 428, body = Problem)))]
pub async fn delete(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::ConfigWrite)?;
    let written = own(&service, &caller, &id, None).await?.configuration;
    let version = expected(&headers)?;
    let entry = caller.entry("configuration.delete", "");
    service.db.configurations(caller.tenant).delete(written.id, version, &entry).await.map_err(unwritten)?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the versions of a configuration, newest first.
#[utoipa::path(get, path = "/api/v1/configurations/{id}/versions", tag = "configurations",
    params(("id" = String, Path), PageQuery),
    responses((status = 200, body = ConfigurationPage), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn versions(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
    Query(wanted): Query<PageQuery>,
) -> Result<Response, Problem> {
    caller.require_one(&READERS)?;
    let configuration = own(&service, &caller, &id, None).await?.configuration;
    let Wanted { before, limit } = Wanted::of(&wanted)?;
    let all = service.db.configurations(caller.tenant);
    let mut found = all.versions(configuration.id, before, limit + 1).await?;
    let next_cursor = page::cut(&mut found, limit, |last| last.version.to_string());
    let address = format!("/api/v1/configurations/{}/versions", configuration.id);
    Ok(page_of(found, &address, limit, next_cursor))
}

/// See one version of a configuration.
#[utoipa::path(get, path = "/api/v1/configurations/{id}/versions/{version}", tag = "configurations",
    params(("id" = String, Path), ("version" = i64, Path)),
    responses((status = 200, body = ConfigurationDetails), (status = 304, description = "You have it"),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn version(
    State(service): State<Service>,
    caller: Caller,
    Path((id, version)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require_one(&READERS)?;
    let version = version.parse().map_err(|_| Problem::not_found())?;
    show(own(&service, &caller, &id, Some(version)).await?, &headers)
}

/// Compare two versions of a configuration.
#[utoipa::path(get, path = "/api/v1/configurations/{id}/diff", tag = "configurations",
    params(("id" = String, Path), DiffQuery),
    responses((status = 200, body = Differences), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn compare(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<DiffQuery>,
) -> Result<Json<Differences>, Problem> {
    caller.require_one(&READERS)?;
    let later = own(&service, &caller, &id, None).await?;
    let to = query.to.unwrap_or(later.configuration.version);
    let from = query.from.unwrap_or((to - 1).max(1));
    let spec = async |version| {
        let written = own(&service, &caller, &id, Some(version)).await?;
        let source = restore(&written.spec)?;
        let spec = lbuild_spec::parse(&source).map_err(|diagnostics| Problem::spec(&diagnostics))?;
        Ok::<_, Problem>(spec.to_json())
    };
    let changes = diff(&spec(from).await?, &spec(to).await?);
    Ok(Json(Differences { from, to, changes }))
}
