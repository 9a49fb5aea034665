//! Builds: submit, list, see, stop, try again, delete.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lbuild_db::BuildId;
use lbuild_db::build::{Build, Filter, Status};
use lbuild_db::queue::Cancelled;
use lbuild_db::submit::{NewBuild, Submission, SubmitError, Taken};
use lbuild_spec::{Blueprint, Source};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::body::{BuildBody, Of};
use super::given::{Path, Query};
use super::page::{self, linked};
use super::{configurations, idempotency, pushes, time};
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::failpoint;
use crate::problem::Problem;
use crate::state::Service;
use crate::worker::{failure::Failure, task};

/// How long package indexes count as current: as long as the engine itself asks no mirror again.
const CURRENT: Duration = Duration::from_mins(1);

/// Where the list is.
const LIST: &str = "/api/v1/builds";

/// A build that was taken in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// Id of the build.
    id: String,
    /// Where it stands.
    status: String,
    /// Builds ahead of it.
    queue_position: i64,
    /// Seconds until it will have ended, as far as that can be told.
    eta_seconds: Option<i64>,
    /// The build that makes the same and whose artifacts it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_with: Option<String>,
    /// Where to go on.
    links: Links,
}

/// Where to go on with a build.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// The build.
    #[serde(rename = "self")]
    this: String,
    /// Its events, live.
    events: String,
    /// Its log.
    log: String,
    /// Its artifacts.
    artifacts: String,
}

impl Links {
    fn of(id: BuildId) -> Self {
        let this = format!("/api/v1/builds/{id}");
        Self {
            events: format!("{this}/events"),
            log: format!("{this}/log"),
            artifacts: format!("{this}/artifacts"),
            this,
        }
    }
}

/// A build.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildView {
    /// Its id, a UUID of version 7.
    id: String,
    /// `queued`, `running`, `booting`, `succeeded`, `failed`, `cancelled`, `expired` or `dead`.
    status: String,
    /// The step that runs.
    step: Option<String>,
    /// How much is done, from 0 to 1.
    progress: f64,
    /// Base of the image.
    base: String,
    /// Name of the image.
    name: String,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    started_at: Option<String>,
    /// RFC 3339.
    finished_at: Option<String>,
    /// What came from the store or from another build.
    #[schema(value_type = Option<Object>)]
    cache: Option<Value>,
    /// Why it failed.
    #[schema(value_type = Option<Failure>)]
    failure: Option<Value>,
    /// What it made.
    artifacts: Vec<ArtifactView>,
    /// What the boot check saw.
    #[schema(value_type = Option<Object>)]
    boot: Option<Value>,
    /// What its owner should know though it went on.
    #[schema(value_type = Vec<String>)]
    warnings: Value,
    /// Where its container image goes, and whether it is there: `waiting`, `pushed` or `failed`.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    push: Option<Value>,
    /// Its artifacts are never deleted by the retention policy.
    pinned: bool,
    /// Builds ahead of it, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_position: Option<i64>,
    /// Seconds until it will have ended, as far as that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    eta_seconds: Option<i64>,
}

/// An artifact.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactView {
    /// File name.
    name: String,
    /// Media type.
    media_type: String,
    /// Bytes.
    size: i64,
    /// SHA-256 in hexadecimal.
    sha256: String,
    /// An address that is good for a quarter of an hour, without a key; none, when it has expired.
    url: Option<String>,
    /// It never expires.
    pinned: bool,
    /// When it expired, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    expired_at: Option<String>,
}

/// A page of builds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildPage {
    /// Newest first.
    builds: Vec<BuildView>,
    /// Where the next page begins, when there is one.
    next_cursor: Option<String>,
}

/// Which builds to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListQuery {
    /// Of this status.
    pub status: Option<String>,
    /// Of this base.
    pub base: Option<String>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// How many at most: 1 to 100.
    pub page_size: Option<u32>,
}

impl ListQuery {
    /// Which builds these are, and how many at most.
    pub fn filter(&self) -> Result<(Filter, u32), Problem> {
        let unknown = |name: &str| Problem::malformed(format!("`{name}` is not a status"));
        let status = self.status.as_deref().map(|name| Status::of(name).ok_or_else(|| unknown(name)));
        let before = page::cursor(self.cursor.as_deref())?;
        let filter = Filter { status: status.transpose()?, base: self.base.clone(), before };
        Ok((filter, page::size(self.page_size)?))
    }
}

fn seconds(milliseconds: i64) -> i64 {
    milliseconds.div_euclid(1000) + 1
}

/// A build that the caller may see; a foreign one is not there.
pub async fn own(service: &Service, caller: &Caller, id: &str) -> Result<Build, Problem> {
    let id: BuildId = id.parse().map_err(|_| Problem::not_found())?;
    service.db.builds(caller.tenant).get(id).await?.ok_or_else(Problem::not_found)
}

/// The artifacts of a build, as they are shown.
pub async fn artifacts_of(service: &Service, id: BuildId) -> Result<Vec<ArtifactView>, Problem> {
    let artifacts = service.db.artifacts(id).await?;
    let url = |name: &str| format!("/api/v1/builds/{id}/artifacts/{name}?{}", service.signer.query(id, name));
    let view = |artifact: lbuild_db::build::KeptArtifact| ArtifactView {
        url: artifact.expired_at.is_none().then(|| url(&artifact.name)),
        pinned: artifact.pinned,
        expired_at: artifact.expired_at.map(time),
        name: artifact.name,
        media_type: artifact.media_type,
        size: artifact.size,
        sha256: artifact.sha256,
    };
    Ok(artifacts.into_iter().map(view).collect())
}

/// A build as a list shows it.
pub async fn shown(service: &Service, build: Build) -> Result<BuildView, Problem> {
    let artifacts = artifacts_of(service, build.id).await?;
    Ok(view(build, artifacts))
}

fn view(build: Build, artifacts: Vec<ArtifactView>) -> BuildView {
    let push = pushes::shown(&build);
    BuildView {
        id: build.id.to_string(),
        status: build.status.name().to_owned(),
        step: build.step,
        progress: build.progress,
        base: build.base,
        name: build.name,
        created_at: time(build.created_at),
        started_at: build.started_at.map(time),
        finished_at: build.finished_at.map(time),
        cache: build.cache,
        failure: build.failure,
        artifacts,
        boot: build.boot,
        warnings: build.warnings,
        push,
        pinned: build.pinned,
        queue_position: None,
        eta_seconds: None,
    }
}

/// Submit a build.
#[utoipa::path(post, path = "/api/v1/builds", tag = "builds",
    request_body(content((Object = "application/json"), (String = "application/toml"), (String = "application/yaml"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition of this request harmless")),
    responses((status = 202, body = Accepted), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
        (status = 415, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
pub async fn submit(
    State(service): State<Service>,
    caller: Caller,
    headers: HeaderMap,
    body: BuildBody,
) -> Result<Response, Problem> {
    caller.require(Scope::BuildCreate)?;
    let idempotency = idempotency::given(&headers, &body.bytes)?;
    let source = match body.of {
        Of::Spec(source) => source,
        Of::Configuration(id, version) => {
            configurations::restore(&configurations::own(&service, &caller, &id, version).await?.spec)?
        }
    };
    let blueprint = task::check(&source).map_err(|diagnostics| Problem::spec(&diagnostics))?;
    let push = match &body.push {
        Some(wanted) => Some(pushes::checked(&service, &caller, wanted, &blueprint).await?),
        None => None,
    };
    let new = new_build(&caller, &source, &blueprint, "build.create");
    accept(&service, &NewBuild { idempotency, push, boot_check: body.boot_check, ..new }).await
}

/// A build of a spec, from package indexes that count as current.
fn new_build(caller: &Caller, source: &Source, blueprint: &Blueprint, action: &str) -> NewBuild {
    NewBuild {
        tenant: caller.tenant,
        push: None,
        name: blueprint.name.clone(),
        base: blueprint.base.key().to_owned(),
        spec: task::store(source),
        spec_digest: blueprint.digest_hex(),
        boot_check: false,
        current: CURRENT,
        idempotency: None,
        audit: caller.entry(action, ""),
    }
}

async fn accept(service: &Service, new: &NewBuild) -> Result<Response, Problem> {
    failpoint::reach("submit");
    let submission = service.db.submit(new).await.map_err(refused)?;
    failpoint::reach("submitted");
    let Submission { build, taken } = submission;
    service.work(build.id);
    let ahead = service.db.queue_position(build.id).await?;
    let accepted = Accepted {
        id: build.id.to_string(),
        status: build.status.name().to_owned(),
        queue_position: if build.status == Status::Queued { ahead } else { 0 },
        eta_seconds: (!build.status.is_final()).then(|| service.pool.eta(ahead).map(seconds)).flatten(),
        shared_with: build.leader.map(|leader| leader.to_string()),
        links: Links::of(build.id),
    };
    let location = accepted.links.this.clone();
    let mut response = (StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(accepted)).into_response();
    if taken == Taken::Replayed {
        idempotency::mark(&mut response);
    }
    Ok(response)
}

fn refused(error: SubmitError) -> Problem {
    match error {
        SubmitError::Quota { limit } => {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "quota", "The quota is used up").detail(format!(
                "all {limit} builds of this month are used; the count begins anew with the month"
            ))
        }
        SubmitError::Storage { limit } => {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "storage-quota", "The storage is used up").detail(
                format!(
                    "all {limit} bytes are used: delete builds, or unpin some and wait for them to expire"
                ),
            )
        }
        SubmitError::QueueFull => {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "queue-full", "Too many builds wait")
                .detail("wait until some have ended, or cancel some")
                .retry_after(60)
        }
        SubmitError::KeyReused => idempotency::reused(),
        SubmitError::Db(error) => error.into(),
    }
}

/// List builds, newest first.
#[utoipa::path(get, path = "/api/v1/builds", tag = "builds", params(ListQuery),
    responses((status = 200, body = BuildPage), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem)))]
pub async fn list(
    State(service): State<Service>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    caller.require(Scope::BuildRead)?;
    let (filter, limit) = query.filter()?;
    let mut found = service.db.builds(caller.tenant).list(&filter, limit + 1).await?;
    let next_cursor = page::cut(&mut found, limit, |last| last.id.to_string());
    let mut builds = Vec::new();
    for build in found {
        builds.push(shown(&service, build).await?);
    }
    let address = page::filtered(LIST, &[("status", query.status), ("base", query.base)]);
    let next = next_cursor.clone();
    Ok(linked(Json(BuildPage { builds, next_cursor }), &address, limit, next.as_deref()))
}

/// See a build.
#[utoipa::path(get, path = "/api/v1/builds/{id}", tag = "builds", params(("id" = String, Path)),
    responses((status = 200, body = BuildView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub async fn get(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<BuildView>, Problem> {
    caller.require(Scope::BuildRead)?;
    let build = own(&service, &caller, &id).await?;
    let artifacts = artifacts_of(&service, build.id).await?;
    let waits = build.status == Status::Queued;
    let position = if waits { Some(service.db.queue_position(build.id).await?) } else { None };
    let eta =
        if build.status.is_final() { None } else { service.pool.eta(position.unwrap_or(0)).map(seconds) };
    Ok(Json(BuildView { queue_position: position, eta_seconds: eta, ..view(build, artifacts) }))
}

/// Stop a build.
#[utoipa::path(post, path = "/api/v1/builds/{id}/cancel", tag = "builds", params(("id" = String, Path)),
    responses((status = 202, description = "It stops, or has stopped"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn cancel(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::BuildCancel)?;
    let build = own(&service, &caller, &id).await?;
    if build.status == Status::Cancelled {
        return Ok(StatusCode::ACCEPTED);
    }
    match service.db.cancel(caller.tenant, build.id).await? {
        Cancelled::AtOnce(told) => told.into_iter().for_each(|told| service.tell(told)),
        Cancelled::Requested => service.stop(build.id),
        Cancelled::TooLate => return Err(Problem::conflict("the build has ended already")),
        Cancelled::Missing => return Err(Problem::not_found()),
    }
    service.db.audit(&caller.entry("build.cancel", id)).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Build the same spec again, from the package indexes of now.
#[utoipa::path(post, path = "/api/v1/builds/{id}/retry", tag = "builds", params(("id" = String, Path)),
    responses((status = 202, body = Accepted), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem)))]
pub async fn retry(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.require(Scope::BuildCreate)?;
    let build = own(&service, &caller, &id).await?;
    if !build.status.is_final() {
        return Err(Problem::conflict("the build has not ended; cancel it first"));
    }
    let source = task::restore(&build.spec).ok_or_else(Problem::not_found)?;
    let blueprint = task::check(&source).map_err(|diagnostics| Problem::spec(&diagnostics))?;
    let new = new_build(&caller, &source, &blueprint, "build.retry");
    let (push, boot_check) = (build.push, build.boot_check);
    accept(&service, &NewBuild { current: Duration::ZERO, push, boot_check, ..new }).await
}

/// Forget a build that has ended, with its log and artifacts.
#[utoipa::path(delete, path = "/api/v1/builds/{id}", tag = "builds", params(("id" = String, Path)),
    responses((status = 204, description = "It is gone"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn delete(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::BuildCancel)?;
    let build = own(&service, &caller, &id).await?;
    if !service.db.builds(caller.tenant).delete(build.id).await? {
        let why = if build.status.is_final() {
            "it is pinned, or one of its artifacts is; unpin it first"
        } else {
            "the build has not ended; cancel it first"
        };
        return Err(Problem::conflict(why));
    }
    service.db.audit(&caller.entry("build.delete", id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
