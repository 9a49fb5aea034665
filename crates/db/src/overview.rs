//! Builds and the queue of every tenant, for whoever runs the service.

use sea_orm::{DbErr, FromQueryResult};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::build::{self, Build, COLUMNS, Filter, Status};
use crate::connect::{Database, DbError, all, one};
use crate::id::{BuildId, TenantId};
use crate::tenant::Tier;

/// A build, and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Owned {
    /// Name of the tenant.
    pub tenant_name: String,
    /// The build.
    pub build: Build,
}

/// A build that waits, that a worker holds, or that was given up.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The build.
    pub build: BuildId,
    /// Its owner.
    pub tenant: TenantId,
    /// Name of the owner.
    pub tenant_name: String,
    /// Tier of the owner.
    pub tier: Tier,
    /// Builds that are started for the owner while one is for a free tenant.
    pub weight: i64,
    /// Name of the image.
    pub name: String,
    /// Base of the image.
    pub base: String,
    /// Where it stands.
    pub status: Status,
    /// Builds that wait for longer; nothing, when it waits for no worker.
    pub ahead: Option<i64>,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since it was taken in.
    pub age: i64,
    /// When it may be tried, in milliseconds since 1970.
    pub not_before: i64,
    /// How often a worker has taken it.
    pub attempt: i64,
    /// How often it failed through the machine since it was queued.
    pub crashes: i64,
    /// The build in flight whose artifacts it waits for.
    pub leader: Option<BuildId>,
    /// Its owner wants it to stop.
    pub cancel_requested: bool,
    /// Who works on it.
    pub worker: Option<String>,
    /// Until when the worker is believed to be alive, in milliseconds since 1970.
    pub lease_until: Option<i64>,
    /// The step that runs.
    pub step: Option<String>,
    /// How much is done, from 0 to 1.
    pub progress: f64,
    /// Why it was given up.
    pub failure: Option<Json>,
}

/// How many builds stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromQueryResult)]
pub struct Counts {
    /// A worker could take them.
    pub ready: i64,
    /// They wait until they may be tried again.
    pub delayed: i64,
    /// They wait for the artifacts of another.
    pub following: i64,
    /// Workers hold them.
    pub leased: i64,
    /// They were given up.
    pub dead: i64,
    /// How long the oldest waits that a worker could take, in milliseconds.
    pub oldest: i64,
}

#[derive(FromQueryResult)]
struct OwnedRow {
    tenant_name: String,
    #[sea_orm(nested)]
    build: build::Row,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    tenant_id: Uuid,
    tenant_name: String,
    tier: String,
    weight: i64,
    name: String,
    base: String,
    status: String,
    ahead: Option<i64>,
    created_at: i64,
    age: i64,
    not_before: i64,
    attempt: i64,
    crashes: i64,
    leader_id: Option<Uuid>,
    cancel_requested: bool,
    worker: Option<String>,
    lease_until: Option<i64>,
    step: Option<String>,
    progress: f64,
    failure: Option<String>,
}

/// The columns of [`Row`] but for `ahead`.
const JOB: &str = "b.id, b.tenant_id, t.name AS tenant_name, t.tier, t.weight, b.name, b.base, b.status, b.created_at, \
     CAST({now} - b.created_at AS BIGINT) AS age, b.not_before, b.attempt, b.crashes, b.leader_id, \
     b.cancel_requested, b.worker, b.lease_until, b.step, b.progress, b.failure";

impl TryFrom<Row> for Job {
    type Error = DbErr;

    fn try_from(row: Row) -> Result<Self, DbErr> {
        Ok(Self {
            build: BuildId(row.id),
            tenant: TenantId(row.tenant_id),
            tenant_name: row.tenant_name,
            tier: Tier::read(&row.tier)?,
            weight: row.weight,
            name: row.name,
            base: row.base,
            status: Status::read(&row.status)?,
            ahead: row.ahead,
            created_at: row.created_at,
            age: row.age,
            not_before: row.not_before,
            attempt: row.attempt,
            crashes: row.crashes,
            leader: row.leader_id.map(BuildId),
            cancel_requested: row.cancel_requested,
            worker: row.worker,
            lease_until: row.lease_until,
            step: row.step,
            progress: row.progress,
            failure: row.failure.as_deref().map(build::json).transpose()?,
        })
    }
}

impl Database {
    /// A page of the builds of a tenant, or of everybody, newest first.
    pub async fn all_builds(
        &self,
        tenant: Option<TenantId>,
        filter: &Filter,
        limit: u32,
    ) -> Result<Vec<Owned>, DbError> {
        let columns =
            format!("{COLUMNS}, (SELECT t.name FROM tenant t WHERE t.id = tenant_id) AS tenant_name");
        let rows: Vec<OwnedRow> =
            all(self.reader(), build::page(self, &columns, tenant, filter, limit)).await?;
        let owned = |row: OwnedRow| Ok(Owned { tenant_name: row.tenant_name, build: row.build.try_into()? });
        Ok(rows.into_iter().map(owned).collect::<Result<_, DbErr>>()?)
    }

    /// A page of the builds that wait or run, oldest first: those behind `after`.
    pub async fn jobs(&self, after: Option<BuildId>, limit: u32) -> Result<Vec<Job>, DbError> {
        let text = format!(
            "SELECT {JOB}, line.ahead FROM build b JOIN tenant t ON t.id = b.tenant_id
             LEFT JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS ahead FROM build
                        WHERE status = 'queued' AND leader_id IS NULL) line ON line.id = b.id
             WHERE b.status IN ('queued', 'running', 'booting') AND b.id > $1 ORDER BY b.id LIMIT $2"
        );
        self.read_jobs(&text, after.map_or(Uuid::nil(), |id| id.0), limit).await
    }

    /// The builds that were given up, the youngest first.
    pub async fn dead_jobs(&self, limit: u32) -> Result<Vec<Job>, DbError> {
        let text = format!(
            "SELECT {JOB}, CAST(NULL AS BIGINT) AS ahead FROM build b JOIN tenant t ON t.id = b.tenant_id
             WHERE b.status = 'dead' AND b.id < $1 ORDER BY b.id DESC LIMIT $2"
        );
        self.read_jobs(&text, Uuid::max(), limit).await
    }

    async fn read_jobs(&self, text: &str, from: Uuid, limit: u32) -> Result<Vec<Job>, DbError> {
        let values = [from.into(), i64::from(limit).into()];
        let rows: Vec<Row> = all(self.reader(), self.sql(text, values)).await?;
        Ok(rows.into_iter().map(Job::try_from).collect::<Result<_, _>>()?)
    }

    /// How many builds stand where in the queue.
    pub async fn job_counts(&self) -> Result<Counts, DbError> {
        let waits = "status = 'queued' AND leader_id IS NULL AND not_before";
        let sum = |condition: &str| {
            format!("CAST(COALESCE(SUM(CASE WHEN {condition} THEN 1 ELSE 0 END), 0) AS BIGINT)")
        };
        let text = format!(
            "SELECT {} AS ready, {} AS delayed, {} AS following, {} AS leased, {} AS dead,
             CAST(COALESCE({{now}} - MIN(CASE WHEN {waits} <= {{now}} THEN created_at END), 0) AS BIGINT) AS oldest
             FROM build WHERE status IN ('queued', 'running', 'booting', 'dead')",
            sum(&format!("{waits} <= {{now}}")),
            sum(&format!("{waits} > {{now}}")),
            sum("status = 'queued' AND leader_id IS NOT NULL"),
            sum("status IN ('running', 'booting')"),
            sum("status = 'dead'"),
        );
        Ok(one(self.reader(), self.sql(&text, [])).await?.unwrap_or_default())
    }
}
