//! API keys as the database keeps them: who a key is of, and the hash of its secret, never the secret.

use sea_orm::{FromQueryResult, Statement};
use uuid::Uuid;

use crate::connect::{Database, DbError, all, change, one};
use crate::id::TenantId;
use crate::tenant::Tier;

/// How exact the time of last use is, in milliseconds: a key that is used all the time is written once a minute.
const LAST_USED_STEP: i64 = 60_000;

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Public part of the key.
    pub id: String,
    /// Whose it is.
    pub tenant: TenantId,
    /// What its owner calls it.
    pub name: String,
    /// SHA-256 of the secret part, in hexadecimal.
    pub secret_sha256: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// Milliseconds since 1970, to the minute.
    pub last_used_at: Option<i64>,
    /// Milliseconds since 1970.
    pub revoked_at: Option<i64>,
}

/// A key that is to be.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Public part of the key.
    pub id: String,
    /// Whose it is.
    pub tenant: TenantId,
    /// What its owner calls it.
    pub name: String,
    /// SHA-256 of the secret part, in hexadecimal.
    pub secret_sha256: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Milliseconds since 1970.
    pub expires_at: Option<i64>,
}

/// A key that is valid now.
#[derive(Debug, Clone)]
pub struct ValidKey {
    /// The key.
    pub key: ApiKey,
    /// Tier of its tenant.
    pub tier: Tier,
    /// Its use was not noted for a minute.
    pub unnoted: bool,
}

#[derive(FromQueryResult)]
struct Row {
    id: String,
    tenant_id: Uuid,
    name: String,
    secret_sha256: String,
    scopes: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
    revoked_at: Option<i64>,
}

#[derive(FromQueryResult)]
struct TierRow {
    tier: String,
    now: i64,
}

const COLUMNS: &str =
    "id, tenant_id, name, secret_sha256, scopes, created_at, expires_at, last_used_at, revoked_at";

impl From<Row> for ApiKey {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            tenant: TenantId(row.tenant_id),
            name: row.name,
            secret_sha256: row.secret_sha256,
            scopes: row.scopes.split_whitespace().map(str::to_owned).collect(),
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
        }
    }
}

impl Database {
    /// Keeps a new key if there is none at all; whether it was kept. Of several processes that do so, one succeeds.
    pub async fn create_first_key(&self, new: &NewKey) -> Result<bool, DbError> {
        let transaction = self.begin().await?;
        // whoever has the tenant's row has the turn
        let text = "UPDATE tenant SET weight = weight WHERE id = $1";
        change(&transaction, self.sql(text, [new.tenant.into()])).await?;
        let any: Option<Row> =
            one(&transaction, self.sql(&format!("SELECT {COLUMNS} FROM api_key LIMIT 1"), [])).await?;
        if any.is_some() {
            return Ok(false);
        }
        change(&transaction, self.new_key(new)).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Keeps a new key.
    pub async fn create_key(&self, new: &NewKey) -> Result<(), DbError> {
        change(self.writer(), self.new_key(new)).await?;
        Ok(())
    }

    fn new_key(&self, new: &NewKey) -> Statement {
        let text = "INSERT INTO api_key (id, tenant_id, name, secret_sha256, scopes, created_at, expires_at)
                    VALUES ($1, $2, $3, $4, $5, {now}, $6)";
        let values = [
            new.id.as_str().into(),
            new.tenant.into(),
            new.name.as_str().into(),
            new.secret_sha256.as_str().into(),
            new.scopes.join(" ").into(),
            new.expires_at.into(),
        ];
        self.sql(text, values)
    }

    /// The key with this id and this hash of its secret, when it is neither revoked nor expired and its tenant is not
    /// suspended.
    pub async fn valid_key(&self, id: &str, secret_sha256: &str) -> Result<Option<ValidKey>, DbError> {
        let text = format!(
            "SELECT {COLUMNS} FROM api_key WHERE id = $1 AND secret_sha256 = $2 AND revoked_at IS NULL
             AND (expires_at IS NULL OR expires_at > {{now}})"
        );
        let row: Option<Row> = one(self.reader(), self.sql(&text, [id.into(), secret_sha256.into()])).await?;
        let Some(key) = row.map(ApiKey::from) else { return Ok(None) };
        let text = "SELECT tier, CAST({now} AS BIGINT) AS now FROM tenant WHERE id = $1 AND NOT suspended";
        let row: Option<TierRow> = one(self.reader(), self.sql(text, [key.tenant.into()])).await?;
        let Some(row) = row else { return Ok(None) };
        let unnoted = key.last_used_at.is_none_or(|at| at < row.now - LAST_USED_STEP);
        Ok(Some(ValidKey { key, tier: Tier::read(&row.tier)?, unnoted }))
    }

    /// Notes that a key was used.
    pub async fn touch_key(&self, id: &str) -> Result<(), DbError> {
        let text = "UPDATE api_key SET last_used_at = {now}
                    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < {now} - $2)";
        change(self.writer(), self.sql(text, [id.into(), LAST_USED_STEP.into()])).await?;
        Ok(())
    }

    /// The keys of a tenant, oldest first.
    pub async fn keys(&self, tenant: TenantId) -> Result<Vec<ApiKey>, DbError> {
        let text = format!("SELECT {COLUMNS} FROM api_key WHERE tenant_id = $1 ORDER BY created_at, id");
        let rows: Vec<Row> = all(self.reader(), self.sql(&text, [tenant.into()])).await?;
        Ok(rows.into_iter().map(ApiKey::from).collect())
    }

    /// Whether there is any key at all.
    pub async fn has_keys(&self) -> Result<bool, DbError> {
        let text = format!("SELECT {COLUMNS} FROM api_key LIMIT 1");
        Ok(one::<Row>(self.reader(), self.sql(&text, [])).await?.is_some())
    }

    /// Revokes a key; whether there was one that was not revoked.
    pub async fn revoke_key(&self, id: &str) -> Result<bool, DbError> {
        let text = "UPDATE api_key SET revoked_at = {now} WHERE id = $1 AND revoked_at IS NULL";
        Ok(change(self.writer(), self.sql(text, [id.into()])).await? > 0)
    }
}
