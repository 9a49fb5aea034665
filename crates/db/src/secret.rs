//! Secrets of tenants, such as passwords of registries. They come sealed, and what seals them is not here.

use sea_orm::FromQueryResult;

use crate::connect::{Database, DbError, all, change, one};
use crate::id::TenantId;

/// What may be known about a secret.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Secret {
    /// What its owner calls it.
    pub name: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub used_at: Option<i64>,
}

#[derive(FromQueryResult)]
struct Sealed {
    sealed: String,
}

impl Database {
    /// Keeps a secret, in place of one of the same name.
    pub async fn put_secret(&self, tenant: TenantId, name: &str, sealed: &str) -> Result<(), DbError> {
        let text = "INSERT INTO secret (tenant_id, name, sealed, created_at) VALUES ($1, $2, $3, {now})
                    ON CONFLICT (tenant_id, name) DO UPDATE SET sealed = $3, created_at = {now}, used_at = NULL";
        change(self.writer(), self.sql(text, [tenant.into(), name.into(), sealed.into()])).await?;
        Ok(())
    }

    /// The secrets of a tenant, by name.
    pub async fn secrets(&self, tenant: TenantId) -> Result<Vec<Secret>, DbError> {
        let text = "SELECT name, created_at, used_at FROM secret WHERE tenant_id = $1 ORDER BY name";
        Ok(all(self.reader(), self.sql(text, [tenant.into()])).await?)
    }

    /// A sealed secret, which is about to be used.
    pub async fn use_secret(&self, tenant: TenantId, name: &str) -> Result<Option<String>, DbError> {
        let text = "UPDATE secret SET used_at = {now} WHERE tenant_id = $1 AND name = $2 RETURNING sealed";
        let row: Option<Sealed> = one(self.writer(), self.sql(text, [tenant.into(), name.into()])).await?;
        Ok(row.map(|row| row.sealed))
    }

    /// Forgets a secret; whether there was one.
    pub async fn delete_secret(&self, tenant: TenantId, name: &str) -> Result<bool, DbError> {
        let text = "DELETE FROM secret WHERE tenant_id = $1 AND name = $2";
        Ok(change(self.writer(), self.sql(text, [tenant.into(), name.into()])).await? > 0)
    }
}
