//! Messages of webhooks on their way: written with what they tell of in one transaction, and taken with a lease by
//! whoever sends them, so that none is lost and each may come more than once, always under the same id.

use std::time::Duration;

use sea_orm::{DatabaseTransaction, DbErr, FromQueryResult};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::connect::{Database, DbError, all, change, milliseconds, one};
use crate::event::{NewEvent, STATE};
use crate::id::{BuildId, DeliveryId, WebhookId};

/// Messages of one tenant that are sent at the same time.
const TOGETHER: i64 = 4;

/// How long messages can be looked at, in milliseconds.
const KEPT: i64 = 30 * 24 * 3_600_000;

/// A message that somebody is to send now.
#[derive(Debug, Clone)]
pub struct Due {
    /// Its id, the same for every attempt.
    pub id: DeliveryId,
    /// Attempts so far, this one included.
    pub attempts: i64,
    /// What it says, JSON.
    pub payload: String,
    /// When this attempt began, in milliseconds since 1970.
    pub now: i64,
    /// Which webhook it is of.
    pub webhook: WebhookId,
    /// Where it goes.
    pub url: String,
    /// How it is written.
    pub format: String,
    /// Which secret is in use.
    pub generation: i64,
    /// The secret before is used too.
    pub overlap: bool,
}

/// A message as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// What it tells of.
    pub kind: String,
    /// `waiting`, `delivered` or `failed`.
    pub status: String,
    /// Attempts so far.
    pub attempts: i64,
    /// When the next attempt is made, in milliseconds since 1970.
    pub next_at: i64,
    /// HTTP status of the last answer.
    pub answer: Option<i64>,
    /// Why the last attempt failed.
    pub failure: Option<String>,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub ended_at: Option<i64>,
}

/// What became of an attempt.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was taken.
    Delivered,
    /// It is tried again.
    Again {
        /// After so long.
        delay: Duration,
    },
    /// It is given up.
    Failed,
    /// It is given up, and its webhook gets nothing more.
    Disabled {
        /// Why.
        reason: String,
    },
}

#[derive(FromQueryResult)]
struct DueRow {
    id: Uuid,
    attempts: i64,
    payload: String,
    now: i64,
    webhook_id: Uuid,
}

#[derive(FromQueryResult)]
struct Target {
    url: String,
    format: String,
    generation: i64,
    overlap: bool,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    kind: String,
    status: String,
    attempts: i64,
    next_at: i64,
    answer: Option<i64>,
    failure: Option<String>,
    created_at: i64,
    ended_at: Option<i64>,
}

const COLUMNS: &str = "id, kind, status, attempts, next_at, answer, failure, created_at, ended_at";

impl From<Row> for Delivery {
    fn from(row: Row) -> Self {
        Self {
            id: DeliveryId(row.id),
            kind: row.kind,
            status: row.status,
            attempts: row.attempts,
            next_at: row.next_at,
            answer: row.answer,
            failure: row.failure,
            created_at: row.created_at,
            ended_at: row.ended_at,
        }
    }
}

#[derive(FromQueryResult)]
struct Told {
    tenant_id: Uuid,
    name: String,
    base: String,
    failure: Option<String>,
}

#[derive(FromQueryResult)]
struct Id {
    id: Uuid,
}

/// Writes the messages that events of a build are told in.
pub(crate) async fn enqueue(
    db: &Database,
    transaction: &DatabaseTransaction,
    build: BuildId,
    events: &[NewEvent],
) -> Result<(), DbErr> {
    for event in events.iter().filter(|event| event.kind == STATE) {
        let Some(status) = event.data.get("status").and_then(Json::as_str) else { continue };
        let kind = format!("build.{status}");
        let text = "SELECT w.id AS id FROM webhook w, build b WHERE b.id = $1 AND w.tenant_id = b.tenant_id
                    AND w.disabled_at IS NULL AND w.events LIKE $2";
        let like = format!("% {kind} %");
        let hooks: Vec<Id> = all(transaction, db.sql(text, [build.into(), like.into()])).await?;
        if hooks.is_empty() {
            continue;
        }
        let payload = payload(db, transaction, build, &kind, event).await?;
        for hook in hooks {
            write(db, transaction, WebhookId(hook.id), &kind, &payload).await?;
        }
    }
    Ok(())
}

/// What a message says of a build: enough to know what happened, and where to ask for more.
async fn payload(
    db: &Database,
    transaction: &DatabaseTransaction,
    build: BuildId,
    kind: &str,
    event: &NewEvent,
) -> Result<Json, DbErr> {
    let text = "SELECT tenant_id, name, base, failure FROM build WHERE id = $1";
    let told: Option<Told> = one(transaction, db.sql(text, [build.into()])).await?;
    let told = told.ok_or_else(|| DbErr::RecordNotFound(build.to_string()))?;
    let failure: Option<Json> = told.failure.and_then(|text| serde_json::from_str(&text).ok());
    // the log stays with the service: it may be long, and it is not for whoever reads a channel
    let failure = failure.map(|failure| {
        json!({ "category": failure["category"], "step": failure["step"], "message": failure["message"] })
    });
    Ok(json!({
        "type": kind,
        "at": event.at,
        "data": {
            "id": build,
            "tenant": told.tenant_id,
            "name": told.name,
            "base": told.base,
            "status": event.data["status"],
            "failure": failure,
            "url": format!("/api/v1/builds/{build}"),
        },
    }))
}

async fn write(
    db: &Database,
    connection: &impl sea_orm::ConnectionTrait,
    webhook: WebhookId,
    kind: &str,
    payload: &Json,
) -> Result<DeliveryId, DbErr> {
    let id = DeliveryId::new();
    let text = "INSERT INTO delivery (id, webhook_id, kind, payload, next_at, created_at)
                VALUES ($1, $2, $3, $4, {now}, {now})";
    let values = [id.into(), webhook.into(), kind.into(), payload.to_string().into()];
    change(connection, db.sql(text, values)).await?;
    Ok(id)
}

impl Database {
    /// Writes one message of a webhook.
    pub async fn send_to_webhook(
        &self,
        webhook: WebhookId,
        kind: &str,
        payload: &Json,
    ) -> Result<DeliveryId, DbError> {
        Ok(write(self, self.writer(), webhook, kind, payload).await?)
    }

    /// Takes the message that is due first, for as long as `lease`.
    pub async fn claim_delivery(&self, lease: Duration) -> Result<Option<Due>, DbError> {
        let transaction = self.begin().await?;
        let text = "UPDATE delivery SET attempts = attempts + 1, lease_until = {now} + $1 WHERE id = (
              SELECT d.id FROM delivery d WHERE d.status = 'waiting' AND d.next_at <= {now}
              AND (d.lease_until IS NULL OR d.lease_until <= {now})
              AND EXISTS (SELECT 1 FROM webhook w WHERE w.id = d.webhook_id AND w.disabled_at IS NULL
                  AND (SELECT count(*) FROM delivery o JOIN webhook v ON v.id = o.webhook_id
                       WHERE v.tenant_id = w.tenant_id AND o.lease_until > {now}) < $2)
              ORDER BY d.next_at, d.id LIMIT 1 {lock})
            RETURNING id, attempts, payload, webhook_id, CAST({now} AS BIGINT) AS now";
        let values = [milliseconds(lease).into(), TOGETHER.into()];
        let Some(row) = one::<DueRow>(&transaction, self.sql(text, values)).await? else { return Ok(None) };
        let text = "SELECT url, format, generation, COALESCE(previous_until > {now}, FALSE) AS overlap
                    FROM webhook WHERE id = $1";
        let target: Option<Target> = one(&transaction, self.sql(text, [row.webhook_id.into()])).await?;
        transaction.commit().await?;
        Ok(target.map(|target| Due {
            id: DeliveryId(row.id),
            attempts: row.attempts,
            payload: row.payload,
            now: row.now,
            webhook: WebhookId(row.webhook_id),
            url: target.url,
            format: target.format,
            generation: target.generation,
            overlap: target.overlap,
        }))
    }

    /// Notes what became of an attempt; whether it was still the newest one.
    pub async fn end_attempt(
        &self,
        due: &Due,
        outcome: &Outcome,
        answer: Option<u16>,
        failure: Option<&str>,
    ) -> Result<bool, DbError> {
        let (status, delay) = match outcome {
            Outcome::Delivered => ("delivered", Duration::ZERO),
            Outcome::Again { delay } => ("waiting", *delay),
            Outcome::Failed | Outcome::Disabled { .. } => ("failed", Duration::ZERO),
        };
        let transaction = self.begin().await?;
        let text = "UPDATE delivery SET status = $3, next_at = {now} + $4, lease_until = NULL, answer = $5,
                      failure = $6, ended_at = CASE WHEN $3 = 'waiting' THEN NULL ELSE {now} END
                    WHERE id = $1 AND attempts = $2 AND status = 'waiting'";
        let values = [
            due.id.into(),
            due.attempts.into(),
            status.into(),
            milliseconds(delay).into(),
            answer.map(i64::from).into(),
            failure.into(),
        ];
        if change(&transaction, self.sql(text, values)).await? == 0 {
            return Ok(false);
        }
        if let Outcome::Disabled { reason } = outcome {
            let text = "UPDATE webhook SET disabled_at = {now}, disabled_reason = $2
                        WHERE id = $1 AND disabled_at IS NULL";
            change(&transaction, self.sql(text, [due.webhook.into(), reason.as_str().into()])).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Messages of a webhook, newest first: at most `limit`, older than `before`.
    pub async fn deliveries(
        &self,
        webhook: WebhookId,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>, DbError> {
        let text = format!(
            "SELECT {COLUMNS} FROM delivery WHERE webhook_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
        );
        let before = before.unwrap_or(DeliveryId(Uuid::max()));
        let values = [webhook.into(), before.into(), i64::from(limit).into()];
        let rows: Vec<Row> = all(self.reader(), self.sql(&text, values)).await?;
        Ok(rows.into_iter().map(Delivery::from).collect())
    }

    /// Sends a message once more, under its old id: `Some(false)` when it is on its way anyway, `None` when there is
    /// no such message.
    pub async fn replay_delivery(&self, webhook: WebhookId, id: DeliveryId) -> Result<Option<bool>, DbError> {
        let text = "UPDATE delivery SET status = 'waiting', attempts = 0, next_at = {now}, ended_at = NULL
                    WHERE id = $1 AND webhook_id = $2 AND status <> 'waiting'";
        if change(self.writer(), self.sql(text, [id.into(), webhook.into()])).await? > 0 {
            return Ok(Some(true));
        }
        let text = "SELECT id FROM delivery WHERE id = $1 AND webhook_id = $2";
        let found: Option<Id> = one(self.reader(), self.sql(text, [id.into(), webhook.into()])).await?;
        Ok(found.map(|_| false))
    }

    /// Forgets old messages, sent or not; how many.
    pub async fn forget_deliveries(&self) -> Result<u64, DbError> {
        let text = "DELETE FROM delivery WHERE COALESCE(ended_at, created_at) < {now} - $1";
        Ok(change(self.writer(), self.sql(text, [KEPT.into()])).await?)
    }
}
