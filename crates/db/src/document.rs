//! Specs that are kept: what configurations and templates have in common, and how much of it a tenant may keep.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, FromQueryResult};
use uuid::Uuid;

use crate::audit::{self, Entry};
use crate::connect::{Database, DbError, change, one};
use crate::durable::Transaction;
use crate::id::TenantId;
use crate::submit::Idempotency;

/// Configurations of one tenant.
pub const MAX_CONFIGURATIONS: i64 = 1000;

/// Versions of one configuration.
pub const MAX_VERSIONS: i64 = 1000;

/// Templates of one tenant.
pub const MAX_TEMPLATES: i64 = 200;

/// Bytes of all specs that one tenant keeps, earlier versions included.
pub const MAX_BYTES: i64 = 64 << 20;

/// A spec that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What its owner calls it.
    pub name: String,
    /// What it is for; only templates have it.
    pub description: String,
    /// Base of the image.
    pub base: String,
    /// The spec, JSON.
    pub spec: String,
}

/// A document that was to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept<T> {
    /// What is kept.
    pub document: T,
    /// The same request came before, and made it then.
    pub repeated: bool,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is no such thing, or it is somebody else's.
    #[error("there is no such thing")]
    Missing,
    /// It was changed since it was read.
    #[error("it is at version {current} by now")]
    Stale {
        /// Its version.
        current: i64,
    },
    /// The tenant keeps as much as it may.
    #[error("a tenant keeps at most {limit} {what}")]
    Quota {
        /// Of what.
        what: &'static str,
        /// How much.
        limit: i64,
    },
    /// The idempotency key came with another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<DbErr> for WriteError {
    fn from(error: DbErr) -> Self {
        Self::Db(DbError(error))
    }
}

#[derive(FromQueryResult)]
struct Used {
    configurations: i64,
    templates: i64,
    bytes: i64,
}

#[derive(FromQueryResult)]
pub(crate) struct Version {
    version: i64,
}

#[derive(FromQueryResult)]
struct Request {
    request_sha256: String,
    document_id: Uuid,
}

/// What is about to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Growth {
    Configuration,
    Version,
    Template,
    Text,
}

impl Document {
    pub(crate) fn bytes(&self) -> i64 {
        let bytes = self.spec.len() + self.name.len() + self.description.len();
        i64::try_from(bytes).unwrap_or(i64::MAX)
    }
}

impl Database {
    /// Refuses what would make a tenant keep too much. The tenant is locked by the transaction.
    pub(crate) async fn check_quota(
        &self,
        transaction: &impl ConnectionTrait,
        tenant: TenantId,
        growth: Growth,
        bytes: i64,
    ) -> Result<(), WriteError> {
        let text = "SELECT (SELECT count(*) FROM configuration WHERE tenant_id = $1) AS configurations,
                    (SELECT count(*) FROM template WHERE tenant_id = $1) AS templates,
                    CAST(COALESCE((SELECT sum(v.bytes) FROM configuration_version v JOIN configuration c
                        ON c.id = v.configuration_id WHERE c.tenant_id = $1), 0)
                    + COALESCE((SELECT sum(bytes) FROM template WHERE tenant_id = $1), 0) AS BIGINT) AS bytes";
        let kept: Option<Used> = one(transaction, self.sql(text, [tenant.into()])).await?;
        let kept = kept.ok_or_else(|| DbErr::RecordNotFound(tenant.to_string()))?;
        let full = match growth {
            Growth::Configuration if kept.configurations >= MAX_CONFIGURATIONS => {
                Some(("configurations", MAX_CONFIGURATIONS))
            }
            Growth::Template if kept.templates >= MAX_TEMPLATES => Some(("templates", MAX_TEMPLATES)),
            _ if kept.bytes.saturating_add(bytes) > MAX_BYTES => Some(("bytes of specs", MAX_BYTES)),
            _ => None,
        };
        full.map_or(Ok(()), |(what, limit)| Err(WriteError::Quota { what, limit }))
    }
}

/// The documents of one kind that a tenant keeps: how one is begun, changed and forgotten, whatever is in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shelf<'a> {
    pub db: &'a Database,
    pub tenant: TenantId,
    /// The table that has `id`, `tenant_id` and `version` of each.
    pub table: &'static str,
}

impl Shelf<'_> {
    /// Begins a change that no other of the tenant gets between.
    pub async fn begin(&self) -> Result<Transaction, DbErr> {
        let transaction = self.db.begin().await?;
        self.db.serialize(&transaction, self.tenant).await?;
        Ok(transaction)
    }

    /// Begins a change of a document, if it is there and `expected` is still its version.
    pub async fn begin_at(&self, id: Uuid, expected: i64) -> Result<Transaction, WriteError> {
        let transaction = self.begin().await?;
        let text = format!("SELECT version FROM {} WHERE id = $1 AND tenant_id = $2", self.table);
        let statement = self.db.sql(&text, [id.into(), self.tenant.into()]);
        match one::<Version>(&transaction, statement).await? {
            None => Err(WriteError::Missing),
            Some(row) if row.version != expected => Err(WriteError::Stale { current: row.version }),
            Some(_) => Ok(transaction),
        }
    }

    /// Forgets a document, if `expected` is still its version.
    pub async fn remove(&self, id: Uuid, expected: i64, audit: &Entry) -> Result<(), WriteError> {
        let transaction = self.begin_at(id, expected).await?;
        let text = "DELETE FROM document_idempotency WHERE document_id = $1";
        change(&transaction, self.db.sql(text, [id.into()])).await?;
        let text = format!("DELETE FROM {} WHERE id = $1", self.table);
        change(&transaction, self.db.sql(&text, [id.into()])).await?;
        self.note(&transaction, id, audit).await?;
        Ok(transaction.commit().await?)
    }

    /// Writes into the audit log what is done to a document.
    pub async fn note(
        &self,
        transaction: &DatabaseTransaction,
        id: Uuid,
        audit: &Entry,
    ) -> Result<(), DbErr> {
        audit::append(self.db, transaction, &Entry { object: id.to_string(), ..audit.clone() }).await
    }

    /// The document that the same request made before.
    pub async fn replayed(
        &self,
        transaction: &DatabaseTransaction,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Uuid>, WriteError> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        let text = "SELECT request_sha256, document_id FROM document_idempotency
                    WHERE tenant_id = $1 AND kind = $2 AND name = $3";
        let values = [self.tenant.into(), self.table.into(), idempotency.key.as_str().into()];
        match one::<Request>(transaction, self.db.sql(text, values)).await? {
            Some(used) if used.request_sha256 != idempotency.request_sha256 => Err(WriteError::KeyReused),
            used => Ok(used.map(|used| used.document_id)),
        }
    }

    /// Remembers which document a request made.
    pub async fn remember(
        &self,
        transaction: &DatabaseTransaction,
        idempotency: Option<&Idempotency>,
        id: Uuid,
    ) -> Result<(), DbErr> {
        let Some(idempotency) = idempotency else { return Ok(()) };
        let text = "INSERT INTO document_idempotency (tenant_id, kind, name, request_sha256, document_id, created_at)
                    VALUES ($1, $2, $3, $4, $5, {now})";
        let (key, digest) = (idempotency.key.as_str(), idempotency.request_sha256.as_str());
        let values = [self.tenant.into(), self.table.into(), key.into(), digest.into(), id.into()];
        change(transaction, self.db.sql(text, values)).await?;
        Ok(())
    }
}
