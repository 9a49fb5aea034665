//! Taking a build in: once for each idempotency key, within the quota, and without work that is done already.

use std::time::Duration;

use jiff::Timestamp;
use sea_orm::{DatabaseTransaction, DbErr, FromQueryResult};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::audit::{self, Entry};
use crate::build::{Build, COLUMNS, Row, Status};
use crate::connect::{Database, DbError, change, milliseconds, one};
use crate::event::{Chunk, NewEvent, STATE, append};
use crate::id::{BuildId, TenantId};

/// Builds of one tenant that wait at the same time.
pub const MAX_QUEUED: i64 = 1000;

/// A build that somebody asks for.
#[derive(Debug, Clone)]
pub struct NewBuild {
    /// Whose it is.
    pub tenant: TenantId,
    /// Name of the image.
    pub name: String,
    /// Base of the image.
    pub base: String,
    /// The spec, JSON.
    pub spec: String,
    /// SHA-256 of what the spec means, in hexadecimal: equal for equal images.
    pub spec_digest: String,
    /// Boot the image.
    pub boot_check: bool,
    /// Where its container image is to go. Such a build is worked on, whatever was built before.
    pub push: Option<Json>,
    /// How long after its start a build of the same counts as one of the same package indexes.
    pub current: Duration,
    /// The request's idempotency key.
    pub idempotency: Option<Idempotency>,
    /// Who asks, for the audit log.
    pub audit: Entry,
}

/// A promise that the same request is not done twice.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// What the client chose.
    pub key: String,
    /// SHA-256 of the request, in hexadecimal.
    pub request_sha256: String,
}

/// How a build was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It waits for a worker.
    Queued,
    /// It waits for a build in flight that makes the same.
    Shared,
    /// The same was built already, from the same indexes: its artifacts are there.
    Cached,
    /// The same request came before; this is the build that it made.
    Replayed,
}

/// A build that was taken in.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The build.
    pub build: Build,
    /// How.
    pub taken: Taken,
}

/// Why a build is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The tenant has used its builds of this month.
    #[error("all {limit} builds of this month are used")]
    Quota {
        /// The builds that it may have.
        limit: i64,
    },
    /// The tenant keeps as much as it may.
    #[error("all {limit} bytes of storage are used")]
    Storage {
        /// The bytes that it may keep.
        limit: i64,
    },
    /// Too many builds of the tenant wait.
    #[error("{MAX_QUEUED} builds wait already")]
    QueueFull,
    /// The idempotency key came with another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<DbErr> for SubmitError {
    fn from(error: DbErr) -> Self {
        Self::Db(DbError(error))
    }
}

#[derive(FromQueryResult)]
struct Used {
    request_sha256: String,
    build_id: Uuid,
}

#[derive(FromQueryResult)]
struct Id {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct Limit {
    monthly_builds: Option<i64>,
    storage_bytes: Option<i64>,
    stored_bytes: i64,
    queued: i64,
    now: i64,
}

impl Database {
    /// Takes a build in. When this returns, it is on the disk.
    pub async fn submit(&self, new: &NewBuild) -> Result<Submission, SubmitError> {
        let transaction = self.begin().await?;
        self.serialize(&transaction, new.tenant).await?;
        if let Some(submission) = self.replay(&transaction, new).await? {
            return Ok(submission);
        }
        let now = self.charge(&transaction, new).await?;
        let id = BuildId::new();
        let taken = self.insert_build(&transaction, id, new, now).await?;
        if let Some(idempotency) = &new.idempotency {
            let text = "INSERT INTO idempotency (tenant_id, name, request_sha256, build_id, created_at)
                        VALUES ($1, $2, $3, $4, {now})";
            let (key, digest) = (idempotency.key.as_str(), idempotency.request_sha256.as_str());
            let values = [new.tenant.into(), key.into(), digest.into(), id.into()];
            change(&transaction, self.sql(text, values)).await?;
        }
        let entry = Entry { object: id.to_string(), ..new.audit.clone() };
        audit::append(self, &transaction, &entry).await?;
        let build = read(self, &transaction, id).await?;
        transaction.commit().await?;
        Ok(Submission { build, taken })
    }

    /// The build that the same request made before.
    async fn replay(
        &self,
        transaction: &DatabaseTransaction,
        new: &NewBuild,
    ) -> Result<Option<Submission>, SubmitError> {
        let Some(idempotency) = &new.idempotency else { return Ok(None) };
        let text = "SELECT request_sha256, build_id FROM idempotency WHERE tenant_id = $1 AND name = $2";
        let statement = self.sql(text, [new.tenant.into(), idempotency.key.as_str().into()]);
        let Some(used) = one::<Used>(transaction, statement).await? else { return Ok(None) };
        if used.request_sha256 != idempotency.request_sha256 {
            return Err(SubmitError::KeyReused);
        }
        let build = read(self, transaction, BuildId(used.build_id)).await?;
        Ok(Some(Submission { build, taken: Taken::Replayed }))
    }

    /// Lets one change of a tenant go on at a time: its quota and its keys are then those of nobody else.
    pub(crate) async fn serialize(
        &self,
        transaction: &DatabaseTransaction,
        tenant: TenantId,
    ) -> Result<(), DbErr> {
        let text = "UPDATE tenant SET weight = weight WHERE id = $1";
        change(transaction, self.sql(text, [tenant.into()])).await?;
        Ok(())
    }

    /// Counts the build against the tenant's limits; the time.
    async fn charge(&self, transaction: &DatabaseTransaction, new: &NewBuild) -> Result<i64, SubmitError> {
        let text = "SELECT monthly_builds, storage_bytes, stored_bytes, CAST({now} AS BIGINT) AS now,
                    (SELECT count(*) FROM build WHERE tenant_id = $1 AND status = 'queued') AS queued
                    FROM tenant WHERE id = $1";
        let limit: Option<Limit> = one(transaction, self.sql(text, [new.tenant.into()])).await?;
        let limit = limit.ok_or_else(|| DbErr::RecordNotFound(new.tenant.to_string()))?;
        if limit.queued >= MAX_QUEUED {
            return Err(SubmitError::QueueFull);
        }
        if let Some(most) = limit.storage_bytes.filter(|most| limit.stored_bytes >= *most) {
            return Err(SubmitError::Storage { limit: most });
        }
        let text = "INSERT INTO monthly_use (tenant_id, month, builds) VALUES ($1, $2, 1)
                    ON CONFLICT (tenant_id, month) DO UPDATE SET builds = monthly_use.builds + 1
                    WHERE monthly_use.builds < $3";
        let most = limit.monthly_builds.unwrap_or(i64::MAX);
        let values = [new.tenant.into(), month(limit.now).into(), most.into()];
        let counted = most > 0 && change(transaction, self.sql(text, values)).await? > 0;
        if counted { Ok(limit.now) } else { Err(SubmitError::Quota { limit: most }) }
    }

    async fn insert_build(
        &self,
        transaction: &DatabaseTransaction,
        id: BuildId,
        new: &NewBuild,
        now: i64,
    ) -> Result<Taken, DbErr> {
        // each push is done by a build of its own
        let shares = new.push.is_none();
        let finished = match self.finished_alike(transaction, new).await?.filter(|_| shares) {
            Some(source) => self.hold_artifacts(transaction, source).await?.then_some(source),
            None => None,
        };
        let alone = finished.is_some() || !shares;
        let leader = if alone { None } else { self.in_flight(transaction, new).await? };
        self.catch_up(transaction, new.tenant).await?;
        let text =
            "INSERT INTO build (id, tenant_id, name, base, spec, spec_digest, boot_check, status, not_before,
                    leader_id, created_at, push) VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued', $8, $9, $8, $10)";
        let values = [
            id.into(),
            new.tenant.into(),
            new.name.as_str().into(),
            new.base.as_str().into(),
            new.spec.as_str().into(),
            new.spec_digest.as_str().into(),
            new.boot_check.into(),
            now.into(),
            leader.map(|leader| leader.0).into(),
            new.push.as_ref().map(Json::to_string).into(),
        ];
        change(transaction, self.sql(text, values)).await?;
        append(self, transaction, id, &[state(Status::Queued, now)]).await?;
        if let Some(source) = finished {
            answer_from(self, transaction, id, source, now).await?;
            return Ok(Taken::Cached);
        }
        Ok(if leader.is_some() { Taken::Shared } else { Taken::Queued })
    }

    /// A build of the tenant that made the same, so lately that the package indexes are still those.
    async fn finished_alike(
        &self,
        transaction: &DatabaseTransaction,
        new: &NewBuild,
    ) -> Result<Option<BuildId>, DbErr> {
        let text = "SELECT id FROM build WHERE tenant_id = $1 AND spec_digest = $2 AND status = 'succeeded'
                    AND boot_check = $3 AND push IS NULL AND attempt > 0 AND started_at > {now} - $4
                    AND NOT EXISTS (SELECT 1 FROM artifact a WHERE a.build_id = build.id AND a.expired_at IS NOT NULL)
                    ORDER BY id DESC LIMIT 1";
        let values = [
            new.tenant.into(),
            new.spec_digest.as_str().into(),
            new.boot_check.into(),
            milliseconds(new.current).into(),
        ];
        let found: Option<Id> = one(transaction, self.sql(text, values)).await?;
        Ok(found.map(|row| BuildId(row.id)))
    }

    /// A build of the tenant that waits or runs and makes the same.
    async fn in_flight(
        &self,
        transaction: &DatabaseTransaction,
        new: &NewBuild,
    ) -> Result<Option<BuildId>, DbErr> {
        let text = "SELECT id FROM build WHERE tenant_id = $1 AND spec_digest = $2 AND boot_check = $3 AND push IS NULL
                    AND status IN ('queued', 'running', 'booting') AND leader_id IS NULL
                    AND NOT cancel_requested ORDER BY id LIMIT 1";
        let values = [new.tenant.into(), new.spec_digest.as_str().into(), new.boot_check.into()];
        let found: Option<Id> = one(transaction, self.sql(text, values)).await?;
        Ok(found.map(|row| BuildId(row.id)))
    }

    /// A tenant that had nothing to do saves no turns up: it begins where those are that have.
    async fn catch_up(&self, transaction: &DatabaseTransaction, tenant: TenantId) -> Result<(), DbErr> {
        let text = "UPDATE tenant SET pass = COALESCE((SELECT min(t.pass) FROM tenant t
                        WHERE t.pass > tenant.pass AND EXISTS (SELECT 1 FROM build b WHERE b.tenant_id = t.id
                            AND b.status IN ('queued', 'running', 'booting'))), pass)
                    WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM build WHERE tenant_id = $1
                        AND status IN ('queued', 'running', 'booting'))";
        change(transaction, self.sql(text, [tenant.into()])).await?;
        Ok(())
    }
}

/// Ends a build with the artifacts of another.
pub(crate) async fn answer_from(
    db: &Database,
    transaction: &DatabaseTransaction,
    build: BuildId,
    source: BuildId,
    now: i64,
) -> Result<Option<Chunk>, DbErr> {
    let text = "INSERT INTO artifact (build_id, name, media_type, size, sha256)
                SELECT $1, name, media_type, size, sha256 FROM artifact WHERE build_id = $2";
    change(transaction, db.sql(text, [build.into(), source.into()])).await?;
    let text = "UPDATE build SET status = 'succeeded', progress = 1, leader_id = NULL, started_at = $3,
                finished_at = $3, cache = $4,
                boot = (SELECT s.boot FROM build s WHERE s.id = $2),
                warnings = (SELECT s.warnings FROM build s WHERE s.id = $2) WHERE id = $1";
    let cache = json!({ "hit": true, "of": source }).to_string();
    change(transaction, db.sql(text, [build.into(), source.into(), now.into(), cache.into()])).await?;
    append(db, transaction, build, &[state(Status::Succeeded, now)]).await
}

/// The event of a new status.
pub(crate) fn state(status: Status, at: i64) -> NewEvent {
    NewEvent { kind: STATE.to_owned(), at, data: json!({ "status": status }) }
}

async fn read(db: &Database, transaction: &DatabaseTransaction, id: BuildId) -> Result<Build, DbErr> {
    let statement = db.sql(&format!("SELECT {COLUMNS} FROM build WHERE id = $1"), [id.into()]);
    let row: Option<Row> = one(transaction, statement).await?;
    row.ok_or_else(|| DbErr::RecordNotFound(id.to_string()))?.try_into()
}

/// The calendar month of a time, in UTC, such as `2026-11`.
fn month(milliseconds: i64) -> String {
    let time = Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX);
    time.strftime("%Y-%m").to_string()
}

#[cfg(test)]
mod tests {
    use super::month;

    #[test]
    fn months_are_those_of_the_calendar() {
        assert_eq!(month(0), "1970-01");
        assert_eq!(month(951_782_400_000), "2000-02");
        assert_eq!(month(951_868_800_000), "2000-03");
        assert_eq!(month(1_795_564_799_999), "2026-11");
        assert_eq!(month(1_798_761_599_999), "2026-12");
        assert_eq!(month(1_798_761_600_000), "2027-01");
    }
}
