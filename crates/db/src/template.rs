//! Templates: specs that a tenant offers itself, and others by a link, to begin with.

use sea_orm::{DatabaseTransaction, FromQueryResult};
use uuid::Uuid;

use crate::audit::Entry;
use crate::connect::{Database, DbError, all, change, one};
use crate::document::{Document, Growth, Kept, Shelf, WriteError};
use crate::durable::Transaction;
use crate::id::{TemplateId, TenantId};
use crate::submit::Idempotency;

/// A template, without its spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// How often it was written.
    pub version: i64,
    /// What its owner calls it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Base of the image.
    pub base: String,
    /// Whoever has the link can read it.
    pub shared: bool,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub updated_at: i64,
}

/// The same with its spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What it is.
    pub template: Template,
    /// The spec, JSON.
    pub spec: String,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    version: i64,
    name: String,
    description: String,
    base: String,
    shared: bool,
    created_at: i64,
    updated_at: i64,
}

#[derive(FromQueryResult)]
struct Spec {
    spec: String,
}

/// The columns of [`Row`].
const COLUMNS: &str =
    "id, version, name, description, base, share_sha256 IS NOT NULL AS shared, created_at, updated_at";

impl From<Row> for Template {
    fn from(row: Row) -> Self {
        Self {
            id: TemplateId(row.id),
            version: row.version,
            name: row.name,
            description: row.description,
            base: row.base,
            shared: row.shared,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The templates of a tenant; nothing of anybody else can be reached through it.
#[derive(Debug, Clone, Copy)]
pub struct Templates<'a> {
    db: &'a Database,
    tenant: TenantId,
}

impl Database {
    /// The templates of a tenant.
    pub fn templates(&self, tenant: TenantId) -> Templates<'_> {
        Templates { db: self, tenant }
    }

    /// The template of a link: whoever knows what `share_sha256` is the hash of may read it.
    pub async fn shared_template(&self, share_sha256: &str) -> Result<Option<Written>, DbError> {
        let text = format!(
            "SELECT {COLUMNS} FROM template WHERE share_sha256 = $1
             AND EXISTS (SELECT 1 FROM tenant t WHERE t.id = tenant_id AND NOT t.suspended)"
        );
        let row: Option<Row> = one(self.reader(), self.sql(&text, [share_sha256.into()])).await?;
        self.with_spec(row).await
    }

    async fn with_spec(&self, row: Option<Row>) -> Result<Option<Written>, DbError> {
        let Some(template) = row.map(Template::from) else { return Ok(None) };
        let statement = self.sql("SELECT spec FROM template WHERE id = $1", [template.id.into()]);
        let spec: Option<Spec> = one(self.reader(), statement).await?;
        Ok(spec.map(|row| Written { template, spec: row.spec }))
    }
}

impl Templates<'_> {
    /// One template.
    pub async fn get(&self, id: TemplateId) -> Result<Option<Written>, DbError> {
        let text = format!("SELECT {COLUMNS} FROM template WHERE id = $1 AND tenant_id = $2");
        let statement = self.db.sql(&text, [id.into(), self.tenant.into()]);
        self.db.with_spec(one(self.db.reader(), statement).await?).await
    }

    /// A page of templates, the youngest first.
    pub async fn list(&self, before: Option<TemplateId>, limit: u32) -> Result<Vec<Template>, DbError> {
        let text = format!(
            "SELECT {COLUMNS} FROM template WHERE tenant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
        );
        let before = before.map_or(Uuid::max(), |id| id.0);
        let values = [self.tenant.into(), before.into(), i64::from(limit).into()];
        let rows: Vec<Row> = all(self.db.reader(), self.db.sql(&text, values)).await?;
        Ok(rows.into_iter().map(Template::from).collect())
    }

    /// Keeps a new template; with an idempotency key that came before, the one that was made then.
    pub async fn create(
        &self,
        document: &Document,
        idempotency: Option<&Idempotency>,
        audit: &Entry,
    ) -> Result<Kept<Template>, WriteError> {
        let documents = self.shelf();
        let transaction = documents.begin().await?;
        if let Some(id) = documents.replayed(&transaction, idempotency).await? {
            return Ok(Kept { document: self.read(&transaction, TemplateId(id)).await?, repeated: true });
        }
        self.db.check_quota(&transaction, self.tenant, Growth::Template, document.bytes()).await?;
        let id = TemplateId::new();
        let text = "INSERT INTO template
                    (id, tenant_id, version, name, description, base, spec, bytes, created_at, updated_at)
                    VALUES ($1, $2, 1, $3, $4, $5, $6, $7, {now}, {now})";
        let values = [
            id.into(),
            self.tenant.into(),
            document.name.as_str().into(),
            document.description.as_str().into(),
            document.base.as_str().into(),
            document.spec.as_str().into(),
            document.bytes().into(),
        ];
        change(&transaction, self.db.sql(text, values)).await?;
        documents.remember(&transaction, idempotency, id.0).await?;
        Ok(Kept { document: self.finish(transaction, id, audit).await?, repeated: false })
    }

    /// Writes a template anew, if `expected` is still its version.
    pub async fn replace(
        &self,
        id: TemplateId,
        expected: i64,
        document: &Document,
        audit: &Entry,
    ) -> Result<Template, WriteError> {
        let transaction = self.shelf().begin_at(id.0, expected).await?;
        self.db.check_quota(&transaction, self.tenant, Growth::Text, document.bytes()).await?;
        let text =
            "UPDATE template SET version = version + 1, name = $2, description = $3, base = $4, spec = $5,
                    bytes = $6, updated_at = {now} WHERE id = $1";
        let values = [
            id.into(),
            document.name.as_str().into(),
            document.description.as_str().into(),
            document.base.as_str().into(),
            document.spec.as_str().into(),
            document.bytes().into(),
        ];
        change(&transaction, self.db.sql(text, values)).await?;
        self.finish(transaction, id, audit).await
    }

    /// Forgets a template, if `expected` is still its version. Its link leads nowhere any more.
    pub async fn delete(&self, id: TemplateId, expected: i64, audit: &Entry) -> Result<(), WriteError> {
        self.shelf().remove(id.0, expected, audit).await
    }

    fn shelf(&self) -> Shelf<'_> {
        Shelf { db: self.db, tenant: self.tenant, table: "template" }
    }

    /// Sets the link of a template by the hash of its secret, in place of one that there was; none takes the link back.
    pub async fn share(
        &self,
        id: TemplateId,
        share_sha256: Option<&str>,
        audit: &Entry,
    ) -> Result<(), WriteError> {
        let transaction = self.db.begin().await?;
        let text = "UPDATE template SET share_sha256 = $3 WHERE id = $1 AND tenant_id = $2";
        let values = [id.into(), self.tenant.into(), share_sha256.into()];
        if change(&transaction, self.db.sql(text, values)).await? == 0 {
            return Err(WriteError::Missing);
        }
        self.shelf().note(&transaction, id.0, audit).await?;
        Ok(transaction.commit().await?)
    }

    async fn finish(
        &self,
        transaction: Transaction,
        id: TemplateId,
        audit: &Entry,
    ) -> Result<Template, WriteError> {
        self.shelf().note(&transaction, id.0, audit).await?;
        let template = self.read(&transaction, id).await?;
        transaction.commit().await?;
        Ok(template)
    }

    async fn read(&self, transaction: &DatabaseTransaction, id: TemplateId) -> Result<Template, WriteError> {
        let text = format!("SELECT {COLUMNS} FROM template WHERE id = $1");
        let row: Option<Row> = one(transaction, self.db.sql(&text, [id.into()])).await?;
        row.map(Template::from).ok_or(WriteError::Missing)
    }
}
