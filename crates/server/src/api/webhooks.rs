//! Webhooks: where a tenant wants to be told of its builds, and what was sent there.

use std::time::Duration;

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use lbuild_db::delivery::Delivery;
use lbuild_db::webhook::{Webhook, WebhookSettings};
use lbuild_db::{DeliveryId, WebhookId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::body::Json;
use super::given::{Path, Query};
use super::time;
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::hooks::message::{Format, TEST};
use crate::hooks::secret::{Secret, message_id};
use crate::problem::Problem;
use crate::state::Service;

/// Most webhooks of a tenant.
const MOST: i64 = 20;

/// Longest URL, in bytes.
const LONGEST_URL: usize = 2000;

/// How long the secret before the newest one is used too.
const OVERLAP: Duration = Duration::from_hours(24);

/// Messages in an answer.
const PAGE: u32 = 50;

/// What can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum Kind {
    /// A worker has taken the build.
    #[serde(rename = "build.running")]
    Running,
    /// Its artifacts are there.
    #[serde(rename = "build.succeeded")]
    Succeeded,
    /// It cannot be built as it is.
    #[serde(rename = "build.failed")]
    Failed,
    /// Its owner stopped it.
    #[serde(rename = "build.cancelled")]
    Cancelled,
    /// The service has given it up.
    #[serde(rename = "build.dead")]
    Dead,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Running => "build.running",
            Self::Succeeded => "build.succeeded",
            Self::Failed => "build.failed",
            Self::Cancelled => "build.cancelled",
            Self::Dead => "build.dead",
        }
    }

    /// What is told unless the owner says otherwise: how builds end.
    fn usual() -> Vec<Self> {
        vec![Self::Succeeded, Self::Failed, Self::Cancelled, Self::Dead]
    }
}

/// A webhook that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookRequest {
    /// Where messages go: `https`, and a public address.
    url: String,
    /// How they are written.
    #[serde(default = "standard")]
    format: Format,
    /// What is told.
    #[serde(default = "Kind::usual")]
    events: Vec<Kind>,
    /// Nothing is sent while it is not enabled.
    #[serde(default = "yes")]
    enabled: bool,
}

fn standard() -> Format {
    Format::Standard
}

fn yes() -> bool {
    true
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookView {
    id: String,
    url: String,
    format: String,
    events: Vec<String>,
    enabled: bool,
    /// Why nothing is sent.
    disabled_reason: Option<String>,
    created_at: String,
    /// Signs messages: `whsec_...`. Shown when it is new, and not again.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// A message that was or will be sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    id: String,
    /// Its `webhook-id`, the same for every attempt.
    message_id: String,
    /// What it tells of.
    kind: String,
    /// `waiting`, `delivered` or `failed`.
    status: String,
    attempts: i64,
    /// When it is tried next.
    next_at: Option<String>,
    /// HTTP status of the last answer.
    answer: Option<i64>,
    /// Why the last attempt failed.
    failure: Option<String>,
    created_at: String,
    ended_at: Option<String>,
}

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryPage {
    /// Newest first.
    deliveries: Vec<DeliveryView>,
    /// Gives the next page, when there is one.
    next_cursor: Option<String>,
}

/// Which page of messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// From `nextCursor` of the page before.
    cursor: Option<String>,
}

impl WebhookView {
    fn of(webhook: Webhook, secret: Option<Secret>) -> Self {
        Self {
            id: webhook.id.to_string(),
            url: webhook.url,
            format: webhook.format,
            events: webhook.events,
            enabled: webhook.disabled_at.is_none(),
            disabled_reason: webhook.disabled_reason,
            created_at: time(webhook.created_at),
            secret: secret.map(|secret| secret.reveal()),
        }
    }
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let next_at = (delivery.status == "waiting").then(|| time(delivery.next_at));
        Self {
            id: delivery.id.to_string(),
            message_id: message_id(delivery.id),
            kind: delivery.kind,
            status: delivery.status,
            attempts: delivery.attempts,
            next_at,
            answer: delivery.answer,
            failure: delivery.failure,
            created_at: time(delivery.created_at),
            ended_at: delivery.ended_at.map(time),
        }
    }
}

/// Make a webhook.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", request_body = WebhookRequest,
    responses((status = 201, body = WebhookView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(service): State<Service>,
    caller: Caller,
    Json(request): Json<WebhookRequest>,
) -> Result<(StatusCode, JsonAnswer<WebhookView>), Problem> {
    caller.require(Scope::ConfigWrite)?;
    let settings = settings(&service, &request)?;
    let made = service.db.create_webhook(caller.tenant, &settings, MOST).await?;
    let mut webhook =
        made.ok_or_else(|| Problem::conflict(format!("there are {MOST} webhooks; delete one first")))?;
    if !request.enabled {
        let changed = service.db.change_webhook(caller.tenant, webhook.id, &settings, false).await?;
        webhook = changed.ok_or_else(Problem::not_found)?;
    }
    service.db.audit(&caller.entry("webhook.create", webhook.id.to_string())).await?;
    let secret = Secret::of(&service.signer, webhook.id, webhook.generation);
    Ok((StatusCode::CREATED, JsonAnswer(WebhookView::of(webhook, Some(secret)))))
}

fn settings(service: &Service, request: &WebhookRequest) -> Result<WebhookSettings, Problem> {
    if request.url.len() > LONGEST_URL {
        return Err(Problem::invalid(format!("`url` has at most {LONGEST_URL} bytes")));
    }
    if request.url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Problem::invalid("`url` has no blanks and no control characters"));
    }
    service.poster.check(&request.url).map_err(|error| Problem::invalid(format!("`url`: {error}")))?;
    let mut events = request.events.clone();
    events.sort_unstable();
    events.dedup();
    if events.is_empty() {
        return Err(Problem::invalid("`events` names what is told"));
    }
    Ok(WebhookSettings {
        url: request.url.clone(),
        format: request.format.name().to_owned(),
        events: events.into_iter().map(|kind| kind.name().to_owned()).collect(),
    })
}

/// List the webhooks.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks",
    responses((status = 200, body = Vec<WebhookView>), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn list(
    State(service): State<Service>,
    caller: Caller,
) -> Result<JsonAnswer<Vec<WebhookView>>, Problem> {
    caller.require(Scope::ConfigWrite)?;
    let webhooks = service.db.webhooks(caller.tenant).await?;
    Ok(JsonAnswer(webhooks.into_iter().map(|webhook| WebhookView::of(webhook, None)).collect()))
}

/// See a webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = WebhookView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub async fn get(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<JsonAnswer<WebhookView>, Problem> {
    let webhook = find(&service, &caller, &id).await?;
    Ok(JsonAnswer(WebhookView::of(webhook, None)))
}

async fn find(service: &Service, caller: &Caller, id: &str) -> Result<Webhook, Problem> {
    caller.require(Scope::ConfigWrite)?;
    let id: WebhookId = id.parse().map_err(|_| Problem::not_found())?;
    service.db.webhook(caller.tenant, id).await?.ok_or_else(Problem::not_found)
}

/// Change a webhook. Enabling one that was disabled sends what has waited.
#[utoipa::path(put, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)),
    request_body = WebhookRequest,
    responses((status = 200, body = WebhookView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn change(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
    Json(request): Json<WebhookRequest>,
) -> Result<JsonAnswer<WebhookView>, Problem> {
    let webhook = find(&service, &caller, &id).await?;
    let settings = settings(&service, &request)?;
    let changed = service.db.change_webhook(caller.tenant, webhook.id, &settings, request.enabled).await?;
    service.db.audit(&caller.entry("webhook.change", id)).await?;
    Ok(JsonAnswer(WebhookView::of(changed.ok_or_else(Problem::not_found)?, None)))
}

/// Delete a webhook, and what was to be sent.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 204, description = "It is gone"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn delete(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let webhook = find(&service, &caller, &id).await?;
    service.db.delete_webhook(caller.tenant, webhook.id).await?;
    service.db.audit(&caller.entry("webhook.delete", id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Go on to a new secret. For a day messages are signed with the old one too.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/rotate", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = WebhookView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub async fn rotate(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<JsonAnswer<WebhookView>, Problem> {
    let webhook = find(&service, &caller, &id).await?;
    let rotated = service.db.rotate_webhook(caller.tenant, webhook.id, OVERLAP).await?;
    let webhook = rotated.ok_or_else(Problem::not_found)?;
    service.db.audit(&caller.entry("webhook.rotate", id)).await?;
    let secret = Secret::of(&service.signer, webhook.id, webhook.generation);
    Ok(JsonAnswer(WebhookView::of(webhook, Some(secret))))
}

/// Send a message that only tests the webhook.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 202, description = "It is on its way"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn test(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let webhook = find(&service, &caller, &id).await?;
    if webhook.disabled_at.is_some() {
        return Err(Problem::conflict("the webhook is disabled"));
    }
    let at = jiff::Timestamp::now().as_millisecond();
    let payload = json!({ "type": TEST, "at": at, "data": {} });
    service.db.send_to_webhook(webhook.id, TEST, &payload).await?;
    Ok(StatusCode::ACCEPTED)
}

/// List the messages of a webhook. They are kept for thirty days.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = String, Path), DeliveryQuery),
    responses((status = 200, body = DeliveryPage), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn deliveries(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<DeliveryQuery>,
) -> Result<JsonAnswer<DeliveryPage>, Problem> {
    let webhook = find(&service, &caller, &id).await?;
    let cursor = query.cursor.as_deref().map(str::parse::<DeliveryId>).transpose();
    let cursor = cursor.map_err(|_| Problem::malformed("`cursor` is not one that a page gave"))?;
    let mut found = service.db.deliveries(webhook.id, cursor, PAGE + 1).await?;
    let more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let next_cursor = found.last().filter(|_| more).map(|last| last.id.to_string());
    let deliveries = found.into_iter().map(DeliveryView::from).collect();
    Ok(JsonAnswer(DeliveryPage { deliveries, next_cursor }))
}

/// Send a message once more, under its old id.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/deliveries/{delivery}/replay", tag = "webhooks",
    params(("id" = String, Path), ("delivery" = String, Path)),
    responses((status = 202, description = "It is on its way"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn replay(
    State(service): State<Service>,
    caller: Caller,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let webhook = find(&service, &caller, &id).await?;
    let delivery: DeliveryId = delivery.parse().map_err(|_| Problem::not_found())?;
    match service.db.replay_delivery(webhook.id, delivery).await? {
        Some(true) => Ok(StatusCode::ACCEPTED),
        Some(false) => Err(Problem::conflict("the message is still on its way")),
        None => Err(Problem::not_found()),
    }
}
