//! Builds as their owners see them.

use sea_orm::{DbErr, FromQueryResult, Statement, Value};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::connect::{Database, DbError, all, change, one};
use crate::id::{BuildId, TenantId};

/// Where a build stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Waits for a worker.
    Queued,
    /// A worker is at it.
    Running,
    /// The image is made and being booted.
    Booting,
    /// Its artifacts are there.
    Succeeded,
    /// It cannot succeed as it is.
    Failed,
    /// Its owner stopped it.
    Cancelled,
    /// It had succeeded; its artifacts were deleted since.
    Expired,
    /// It took several workers down and is not tried again.
    Dead,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::Booting,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
        Self::Dead,
    ];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Booting => "booting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Dead => "dead",
        }
    }

    /// The status of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// The status that a row names.
    pub(crate) fn read(name: &str) -> Result<Self, DbErr> {
        Self::of(name).ok_or_else(|| DbErr::Type(format!("`{name}` is not a status")))
    }

    /// Nothing happens to it any more by itself.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::Booting)
    }
}

/// A build.
#[derive(Debug, Clone, PartialEq)]
pub struct Build {
    /// Its id.
    pub id: BuildId,
    /// Its owner.
    pub tenant: TenantId,
    /// Name of the image.
    pub name: String,
    /// Base of the image.
    pub base: String,
    /// The spec, JSON.
    pub spec: String,
    /// Boot the image.
    pub boot_check: bool,
    /// Where it stands.
    pub status: Status,
    /// The step that runs.
    pub step: Option<String>,
    /// How much is done, from 0 to 1.
    pub progress: f64,
    /// The fencing token: how often a worker has taken it.
    pub attempt: i64,
    /// Its owner wants it to stop.
    pub cancel_requested: bool,
    /// The build in flight whose artifacts it waits for.
    pub leader: Option<BuildId>,
    /// Its artifacts are never deleted by the retention policy.
    pub pinned: bool,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub started_at: Option<i64>,
    /// Milliseconds since 1970.
    pub finished_at: Option<i64>,
    /// Number of its last event.
    pub last_seq: i64,
    /// Length of its log, in bytes.
    pub log_bytes: i64,
    /// What came from the store or from another build.
    pub cache: Option<Json>,
    /// Why it failed.
    pub failure: Option<Json>,
    /// What the boot check saw.
    pub boot: Option<Json>,
    /// What its owner should know though it went on.
    pub warnings: Json,
    /// Where its container image is to go.
    pub push: Option<Json>,
    /// What became of that.
    pub pushed: Option<Json>,
}

#[derive(FromQueryResult)]
pub(crate) struct Row {
    id: Uuid,
    tenant_id: Uuid,
    name: String,
    base: String,
    spec: String,
    boot_check: bool,
    status: String,
    step: Option<String>,
    progress: f64,
    attempt: i64,
    cancel_requested: bool,
    leader_id: Option<Uuid>,
    pinned: bool,
    created_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    last_seq: i64,
    log_bytes: i64,
    cache: Option<String>,
    failure: Option<String>,
    boot: Option<String>,
    warnings: String,
    push: Option<String>,
    pushed: Option<String>,
}

/// The columns of [`Row`].
pub(crate) const COLUMNS: &str = "id, tenant_id, name, base, spec, boot_check, status, step, progress, attempt, \
     cancel_requested, leader_id, pinned, created_at, started_at, finished_at, last_seq, log_bytes, cache, failure, \
     boot, warnings, push, pushed";

pub(crate) fn json(text: &str) -> Result<Json, DbErr> {
    serde_json::from_str(text).map_err(|error| DbErr::Json(error.to_string()))
}

impl TryFrom<Row> for Build {
    type Error = DbErr;

    fn try_from(row: Row) -> Result<Self, DbErr> {
        let optional = |text: Option<String>| text.as_deref().map(json).transpose();
        Ok(Self {
            id: BuildId(row.id),
            tenant: TenantId(row.tenant_id),
            name: row.name,
            base: row.base,
            spec: row.spec,
            boot_check: row.boot_check,
            status: Status::read(&row.status)?,
            step: row.step,
            progress: row.progress,
            attempt: row.attempt,
            cancel_requested: row.cancel_requested,
            leader: row.leader_id.map(BuildId),
            pinned: row.pinned,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            last_seq: row.last_seq,
            log_bytes: row.log_bytes,
            cache: optional(row.cache)?,
            failure: optional(row.failure)?,
            boot: optional(row.boot)?,
            warnings: json(&row.warnings)?,
            push: optional(row.push)?,
            pushed: optional(row.pushed)?,
        })
    }
}

/// An artifact of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// File name.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Size in bytes.
    pub size: i64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// An artifact that a build has, or had.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct KeptArtifact {
    /// File name.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Size in bytes.
    pub size: i64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// It never expires.
    pub pinned: bool,
    /// When it expired, in milliseconds since 1970; its bytes are gone.
    pub expired_at: Option<i64>,
}

/// Which builds a list has.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this status.
    pub status: Option<Status>,
    /// Of this base.
    pub base: Option<String>,
    /// Older than this one, which the page before ended with.
    pub before: Option<BuildId>,
}

/// What a tenant has built; nothing of anybody else can be reached through it.
#[derive(Debug, Clone, Copy)]
pub struct Builds<'a> {
    db: &'a Database,
    tenant: TenantId,
}

impl Database {
    /// The builds of a tenant.
    pub fn builds(&self, tenant: TenantId) -> Builds<'_> {
        Builds { db: self, tenant }
    }

    /// Any build, for who works on it or runs the service.
    pub async fn build(&self, id: BuildId) -> Result<Option<Build>, DbError> {
        let statement = self.sql(&format!("SELECT {COLUMNS} FROM build WHERE id = $1"), [id.into()]);
        let row: Option<Row> = one(self.reader(), statement).await?;
        Ok(row.map(Build::try_from).transpose()?)
    }

    /// Artifacts of a build, by name.
    pub async fn artifacts(&self, id: BuildId) -> Result<Vec<KeptArtifact>, DbError> {
        let text =
            "SELECT name, media_type, size, sha256, pinned, expired_at FROM artifact WHERE build_id = $1
                    ORDER BY name";
        Ok(all(self.reader(), self.sql(text, [id.into()])).await?)
    }
}

impl Builds<'_> {
    /// One build.
    pub async fn get(&self, id: BuildId) -> Result<Option<Build>, DbError> {
        let text = format!("SELECT {COLUMNS} FROM build WHERE id = $1 AND tenant_id = $2");
        let row: Option<Row> =
            one(self.db.reader(), self.db.sql(&text, [id.into(), self.tenant.into()])).await?;
        Ok(row.map(Build::try_from).transpose()?)
    }

    /// A page of builds, newest first.
    pub async fn list(&self, filter: &Filter, limit: u32) -> Result<Vec<Build>, DbError> {
        let statement = page(self.db, COLUMNS, Some(self.tenant), filter, limit);
        let rows: Vec<Row> = all(self.db.reader(), statement).await?;
        Ok(rows.into_iter().map(Build::try_from).collect::<Result<_, _>>()?)
    }

    /// Forgets a build that has ended and of which nothing is pinned, with its events and artifacts; whether there was
    /// one.
    pub async fn delete(&self, id: BuildId) -> Result<bool, DbError> {
        let transaction = self.db.begin().await?;
        let text = "DELETE FROM build WHERE id = $1 AND tenant_id = $2 AND NOT pinned
                    AND status NOT IN ('queued', 'running', 'booting')
                    AND NOT EXISTS (SELECT 1 FROM artifact WHERE build_id = $1 AND pinned)";
        let deleted = change(&transaction, self.db.sql(text, [id.into(), self.tenant.into()])).await? > 0;
        if deleted {
            self.db.recount(&transaction, self.tenant).await?;
        }
        transaction.commit().await?;
        Ok(deleted)
    }
}

/// Asks for a page of builds, newest first: those of one tenant, or everybody's.
pub(crate) fn page(
    db: &Database,
    columns: &str,
    tenant: Option<TenantId>,
    filter: &Filter,
    limit: u32,
) -> Statement {
    // ids are in the order of time, so that an index serves the page wherever it begins
    let before = filter.before.map_or(Uuid::max(), |id| id.0);
    let wanted = [
        ("tenant_id", tenant.map(Value::from)),
        ("status", filter.status.map(|status| status.name().into())),
        ("base", filter.base.as_deref().map(Value::from)),
    ];
    let wanted = wanted.into_iter().filter_map(|(column, value)| Some((column, value?)));
    let (names, values): (Vec<&str>, Vec<Value>) = wanted.unzip();
    let conditions: Vec<String> =
        (3..).zip(&names).map(|(place, column)| format!(" AND {column} = ${place}")).collect();
    let conditions = conditions.concat();
    let text = format!("SELECT {columns} FROM build WHERE id < $1{conditions} ORDER BY id DESC LIMIT $2");
    let mut statement = db.sql(&text, [before.into(), i64::from(limit).into()]);
    if let Some(bound) = &mut statement.values {
        bound.0.extend(values);
    }
    statement
}
