//! Webhooks: where a tenant wants to be told of its builds.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::connect::{Database, DbError, all, change, milliseconds, one};
use crate::id::{TenantId, WebhookId};

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Where messages go.
    pub url: String,
    /// How they are written.
    pub format: String,
    /// What is told: kinds of messages.
    pub events: Vec<String>,
    /// Which of its secrets is in use, from 1. Secrets are derived from it and kept nowhere.
    pub generation: i64,
    /// Until when the secret before is used too, in milliseconds since 1970.
    pub previous_until: Option<i64>,
    /// Since when nothing is sent, in milliseconds since 1970.
    pub disabled_at: Option<i64>,
    /// Why nothing is sent.
    pub disabled_reason: Option<String>,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

/// What its owner decides.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Where messages go.
    pub url: String,
    /// How they are written.
    pub format: String,
    /// What is told.
    pub events: Vec<String>,
}

#[derive(FromQueryResult)]
pub(crate) struct Row {
    id: Uuid,
    tenant_id: Uuid,
    url: String,
    format: String,
    events: String,
    generation: i64,
    previous_until: Option<i64>,
    disabled_at: Option<i64>,
    disabled_reason: Option<String>,
    created_at: i64,
}

const COLUMNS: &str = "id, tenant_id, url, format, events, generation, previous_until, disabled_at,
    disabled_reason, created_at";

impl From<Row> for Webhook {
    fn from(row: Row) -> Self {
        Self {
            id: WebhookId(row.id),
            tenant: TenantId(row.tenant_id),
            url: row.url,
            format: row.format,
            events: row.events.split_whitespace().map(str::to_owned).collect(),
            generation: row.generation,
            previous_until: row.previous_until,
            disabled_at: row.disabled_at,
            disabled_reason: row.disabled_reason,
            created_at: row.created_at,
        }
    }
}

/// Kinds as they are stored: between blanks, so that a search for ` kind ` finds whole ones.
fn kinds(events: &[String]) -> String {
    format!(" {} ", events.join(" "))
}

impl Database {
    /// Keeps a new webhook, unless the tenant has `most` of them.
    pub async fn create_webhook(
        &self,
        tenant: TenantId,
        settings: &WebhookSettings,
        most: i64,
    ) -> Result<Option<Webhook>, DbError> {
        let text = format!(
            "INSERT INTO webhook (id, tenant_id, url, format, events, created_at)
             SELECT $1, $2, $3, $4, $5, {{now}}
             WHERE (SELECT count(*) FROM webhook WHERE tenant_id = $2) < $6 RETURNING {COLUMNS}"
        );
        let values = [
            WebhookId::new().into(),
            tenant.into(),
            settings.url.as_str().into(),
            settings.format.as_str().into(),
            kinds(&settings.events).into(),
            most.into(),
        ];
        let row: Option<Row> = one(self.writer(), self.sql(&text, values)).await?;
        Ok(row.map(Webhook::from))
    }

    /// The webhooks of a tenant, oldest first.
    pub async fn webhooks(&self, tenant: TenantId) -> Result<Vec<Webhook>, DbError> {
        let text = format!("SELECT {COLUMNS} FROM webhook WHERE tenant_id = $1 ORDER BY id");
        let rows: Vec<Row> = all(self.reader(), self.sql(&text, [tenant.into()])).await?;
        Ok(rows.into_iter().map(Webhook::from).collect())
    }

    /// A webhook of a tenant.
    pub async fn webhook(&self, tenant: TenantId, id: WebhookId) -> Result<Option<Webhook>, DbError> {
        let text = format!("SELECT {COLUMNS} FROM webhook WHERE tenant_id = $1 AND id = $2");
        let row: Option<Row> = one(self.reader(), self.sql(&text, [tenant.into(), id.into()])).await?;
        Ok(row.map(Webhook::from))
    }

    /// Changes a webhook; one that is to be enabled forgets why it was not.
    pub async fn change_webhook(
        &self,
        tenant: TenantId,
        id: WebhookId,
        settings: &WebhookSettings,
        enabled: bool,
    ) -> Result<Option<Webhook>, DbError> {
        let text = format!(
            "UPDATE webhook SET url = $3, format = $4, events = $5,
             disabled_at = CASE WHEN $6 THEN NULL ELSE COALESCE(disabled_at, {{now}}) END,
             disabled_reason = CASE WHEN $6 THEN NULL ELSE COALESCE(disabled_reason, 'its owner disabled it') END
             WHERE tenant_id = $1 AND id = $2 RETURNING {COLUMNS}"
        );
        let values = [
            tenant.into(),
            id.into(),
            settings.url.as_str().into(),
            settings.format.as_str().into(),
            kinds(&settings.events).into(),
            enabled.into(),
        ];
        let row: Option<Row> = one(self.writer(), self.sql(&text, values)).await?;
        Ok(row.map(Webhook::from))
    }

    /// Goes on to the next secret; the one before is good for `overlap` more.
    pub async fn rotate_webhook(
        &self,
        tenant: TenantId,
        id: WebhookId,
        overlap: std::time::Duration,
    ) -> Result<Option<Webhook>, DbError> {
        let text = format!(
            "UPDATE webhook SET generation = generation + 1, previous_until = {{now}} + $3
             WHERE tenant_id = $1 AND id = $2 RETURNING {COLUMNS}"
        );
        let values = [tenant.into(), id.into(), milliseconds(overlap).into()];
        let row: Option<Row> = one(self.writer(), self.sql(&text, values)).await?;
        Ok(row.map(Webhook::from))
    }

    /// Deletes a webhook with all that was to be sent; whether there was one.
    pub async fn delete_webhook(&self, tenant: TenantId, id: WebhookId) -> Result<bool, DbError> {
        let text = "DELETE FROM webhook WHERE tenant_id = $1 AND id = $2";
        Ok(change(self.writer(), self.sql(text, [tenant.into(), id.into()])).await? > 0)
    }
}
