//! Configurations: specs that a tenant keeps, every version of each.

use sea_orm::{DatabaseTransaction, DbErr, FromQueryResult};
use uuid::Uuid;

use crate::audit::Entry;
use crate::connect::{Database, DbError, all, change, one};
use crate::document::{Document, Growth, Kept, MAX_VERSIONS, Shelf, Version, WriteError};
use crate::durable::Transaction;
use crate::id::{ConfigurationId, TenantId};
use crate::submit::Idempotency;

/// One version of a configuration, without its spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// Its id.
    pub id: ConfigurationId,
    /// The version, from 1.
    pub version: i64,
    /// What its owner calls it.
    pub name: String,
    /// Base of the image.
    pub base: String,
    /// When the first version was written; milliseconds since 1970.
    pub created_at: i64,
    /// When this version was written; milliseconds since 1970.
    pub updated_at: i64,
}

/// The same with its spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What it is.
    pub configuration: Configuration,
    /// The spec, JSON.
    pub spec: String,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    version: i64,
    name: String,
    base: String,
    created_at: i64,
    updated_at: i64,
}

#[derive(FromQueryResult)]
struct Spec {
    spec: String,
}

/// The columns of [`Row`].
const COLUMNS: &str = "c.id, v.version, v.name, v.base, c.created_at, v.created_at AS updated_at";

impl From<Row> for Configuration {
    fn from(row: Row) -> Self {
        Self {
            id: ConfigurationId(row.id),
            version: row.version,
            name: row.name,
            base: row.base,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The configurations of a tenant; nothing of anybody else can be reached through it.
#[derive(Debug, Clone, Copy)]
pub struct Configurations<'a> {
    db: &'a Database,
    tenant: TenantId,
}

impl Database {
    /// The configurations of a tenant.
    pub fn configurations(&self, tenant: TenantId) -> Configurations<'_> {
        Configurations { db: self, tenant }
    }
}

impl Configurations<'_> {
    /// A configuration in one version, the newest unless another is asked for.
    pub async fn get(&self, id: ConfigurationId, version: Option<i64>) -> Result<Option<Written>, DbError> {
        let text = format!(
            "SELECT {COLUMNS} FROM configuration c JOIN configuration_version v ON v.configuration_id = c.id
             WHERE c.id = $1 AND c.tenant_id = $2 AND v.version = COALESCE($3, c.version)"
        );
        let values = [id.into(), self.tenant.into(), version.into()];
        let row: Option<Row> = one(self.db.reader(), self.db.sql(&text, values)).await?;
        let Some(configuration) = row.map(Configuration::from) else { return Ok(None) };
        let text = "SELECT spec FROM configuration_version WHERE configuration_id = $1 AND version = $2";
        let statement = self.db.sql(text, [id.into(), configuration.version.into()]);
        let spec: Option<Spec> = one(self.db.reader(), statement).await?;
        Ok(spec.map(|row| Written { configuration, spec: row.spec }))
    }

    /// A page of configurations in their newest versions, the youngest first.
    pub async fn list(
        &self,
        before: Option<ConfigurationId>,
        limit: u32,
    ) -> Result<Vec<Configuration>, DbError> {
        let text = format!(
            "SELECT {COLUMNS} FROM configuration c
             JOIN configuration_version v ON v.configuration_id = c.id AND v.version = c.version
             WHERE c.tenant_id = $1 AND c.id < $2 ORDER BY c.id DESC LIMIT $3"
        );
        let before = before.map_or(Uuid::max(), |id| id.0);
        let values = [self.tenant.into(), before.into(), i64::from(limit).into()];
        let rows: Vec<Row> = all(self.db.reader(), self.db.sql(&text, values)).await?;
        Ok(rows.into_iter().map(Configuration::from).collect())
    }

    /// A page of the versions of a configuration, newest first; empty when there is no such configuration.
    pub async fn versions(
        &self,
        id: ConfigurationId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Configuration>, DbError> {
        let text = format!(
            "SELECT {COLUMNS} FROM configuration c JOIN configuration_version v ON v.configuration_id = c.id
             WHERE c.id = $1 AND c.tenant_id = $2 AND v.version < $3 ORDER BY v.version DESC LIMIT $4"
        );
        let before = before.unwrap_or(i64::MAX);
        let values = [id.into(), self.tenant.into(), before.into(), i64::from(limit).into()];
        let rows: Vec<Row> = all(self.db.reader(), self.db.sql(&text, values)).await?;
        Ok(rows.into_iter().map(Configuration::from).collect())
    }

    /// Keeps a new configuration; with an idempotency key that came before, the one that was made then.
    pub async fn create(
        &self,
        document: &Document,
        idempotency: Option<&Idempotency>,
        audit: &Entry,
    ) -> Result<Kept<Configuration>, WriteError> {
        let documents = self.shelf();
        let transaction = documents.begin().await?;
        if let Some(id) = documents.replayed(&transaction, idempotency).await? {
            return Ok(Kept {
                document: self.read(&transaction, ConfigurationId(id)).await?,
                repeated: true,
            });
        }
        self.db.check_quota(&transaction, self.tenant, Growth::Configuration, document.bytes()).await?;
        let id = ConfigurationId::new();
        let text = "INSERT INTO configuration (id, tenant_id, version, created_at) VALUES ($1, $2, 1, {now})";
        change(&transaction, self.db.sql(text, [id.into(), self.tenant.into()])).await?;
        self.add_version(&transaction, id, 1, document).await?;
        documents.remember(&transaction, idempotency, id.0).await?;
        Ok(Kept { document: self.finish(transaction, id, audit).await?, repeated: false })
    }

    /// Writes a new version, if `expected` is still the newest. What is the newest version already is not written again.
    pub async fn replace(
        &self,
        id: ConfigurationId,
        expected: i64,
        document: &Document,
        audit: &Entry,
    ) -> Result<Configuration, WriteError> {
        let transaction = self.shelf().begin_at(id.0, expected).await?;
        let text = "SELECT version FROM configuration_version
                    WHERE configuration_id = $1 AND version = $2 AND name = $3 AND spec = $4";
        let (name, spec) = (document.name.as_str(), document.spec.as_str());
        let values = [id.into(), expected.into(), name.into(), spec.into()];
        let same: Option<Version> = one(&transaction, self.db.sql(text, values)).await?;
        if same.is_some() {
            return self.read(&transaction, id).await;
        }
        if expected >= MAX_VERSIONS {
            return Err(WriteError::Quota { what: "versions of a configuration", limit: MAX_VERSIONS });
        }
        self.db.check_quota(&transaction, self.tenant, Growth::Version, document.bytes()).await?;
        self.add_version(&transaction, id, expected + 1, document).await?;
        let text = "UPDATE configuration SET version = $2 WHERE id = $1";
        change(&transaction, self.db.sql(text, [id.into(), (expected + 1).into()])).await?;
        self.finish(transaction, id, audit).await
    }

    /// Forgets a configuration with all its versions, if `expected` is still the newest.
    pub async fn delete(&self, id: ConfigurationId, expected: i64, audit: &Entry) -> Result<(), WriteError> {
        self.shelf().remove(id.0, expected, audit).await
    }

    fn shelf(&self) -> Shelf<'_> {
        Shelf { db: self.db, tenant: self.tenant, table: "configuration" }
    }

    async fn add_version(
        &self,
        transaction: &DatabaseTransaction,
        id: ConfigurationId,
        version: i64,
        document: &Document,
    ) -> Result<(), DbErr> {
        let text = "INSERT INTO configuration_version
                    (configuration_id, version, name, base, spec, bytes, created_at)
                    VALUES ($1, $2, $3, $4, $5, $6, {now})";
        let values = [
            id.into(),
            version.into(),
            document.name.as_str().into(),
            document.base.as_str().into(),
            document.spec.as_str().into(),
            document.bytes().into(),
        ];
        change(transaction, self.db.sql(text, values)).await?;
        Ok(())
    }

    async fn finish(
        &self,
        transaction: Transaction,
        id: ConfigurationId,
        audit: &Entry,
    ) -> Result<Configuration, WriteError> {
        self.shelf().note(&transaction, id.0, audit).await?;
        let configuration = self.read(&transaction, id).await?;
        transaction.commit().await?;
        Ok(configuration)
    }

    async fn read(
        &self,
        transaction: &DatabaseTransaction,
        id: ConfigurationId,
    ) -> Result<Configuration, WriteError> {
        let text = format!(
            "SELECT {COLUMNS} FROM configuration c
             JOIN configuration_version v ON v.configuration_id = c.id AND v.version = c.version WHERE c.id = $1"
        );
        let row: Option<Row> = one(transaction, self.db.sql(&text, [id.into()])).await?;
        row.map(Configuration::from).ok_or(WriteError::Missing)
    }
}
