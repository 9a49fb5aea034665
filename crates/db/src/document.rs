//! Specs that are kept: what configurations and templates have in common, and how much of it a tenant may keep.

use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use crate::connect::{Database, DbError, one};
use crate::id::TenantId;

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
struct Kept {
    configurations: i64,
    templates: i64,
    bytes: i64,
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
        let kept: Option<Kept> = one(transaction, self.sql(text, [tenant.into()])).await?;
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
