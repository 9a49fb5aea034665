//! The queue: a build's own row is the job, held by a lease.
//!
//! A worker takes a build for a while, says again and again that it is alive, and ends it with one statement that the
//! fencing token guards: the number of times that the build was taken. Whoever lost the lease changes nothing any more.
//!
//! Turns between tenants are a stride schedule: a claim moves its tenant on by a stride that is shorter the higher its
//! tier, and the tenant that is furthest behind is next.

use std::time::Duration;

use sea_orm::{DatabaseTransaction, DbErr, FromQueryResult};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::build::{Artifact, Status};
use crate::connect::{Database, DbError, all, change, milliseconds, one};
use crate::event::{Chunk, NewEvent, append};
use crate::id::{BuildId, TenantId};
use crate::retention::no_room;
use crate::submit::{answer_from, state};

/// What a claim costs a tenant of weight 1.
const STRIDE: i64 = 840;

/// A build that took so many workers down, or failed so often through the machine, is not tried again.
pub const MAX_CRASHES: i64 = 3;

/// The right to work on a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The build.
    pub build: BuildId,
    /// The fencing token.
    pub attempt: i64,
}

/// A build that a worker has taken.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The right to work on it.
    pub lease: Lease,
    /// Whose it is.
    pub tenant: TenantId,
    /// The spec, JSON.
    pub spec: String,
    /// Boot the image.
    pub boot_check: bool,
    /// Where its container image is to go, JSON.
    pub push: Option<String>,
    /// What is to be told about it.
    pub told: Told,
}

/// Events that were stored and that whoever watches the build wants to see.
#[derive(Debug, Clone)]
pub struct Told {
    /// The build.
    pub build: BuildId,
    /// The events.
    pub chunk: Chunk,
}

/// What a worker learns when it says that it is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// The owner wants the build to stop.
    pub cancel: bool,
}

/// Where a running build stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The step that runs.
    pub step: Option<String>,
    /// How much is done, from 0 to 1.
    pub done: f64,
    /// The image is being booted.
    pub booting: bool,
}

/// How a build ended.
#[derive(Debug, Clone)]
pub enum Ending {
    /// Its artifacts are in the store.
    Succeeded {
        /// What it made.
        artifacts: Vec<Artifact>,
        /// What came from the store.
        cache: Json,
        /// What the boot check saw.
        boot: Option<Json>,
        /// What its owner should know though it went on.
        warnings: Json,
        /// What became of the push.
        pushed: Option<Json>,
    },
    /// It cannot succeed as it is.
    Failed {
        /// Why.
        failure: Json,
    },
    /// The machine or the network failed, not the build: it is tried again after a while.
    Faulted {
        /// Why.
        failure: Json,
        /// How long to wait.
        delay: Duration,
    },
    /// Its owner stopped it.
    Cancelled,
    /// The worker stops and gives it back; nothing is held against it.
    Released,
}

/// Why a worker cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The lease ran out, and the build is somebody else's.
    #[error("the lease is lost")]
    Lost,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<DbErr> for LeaseError {
    fn from(error: DbErr) -> Self {
        Self::Db(DbError(error))
    }
}

/// What became of a request to stop a build.
#[derive(Debug, Clone)]
pub enum Cancelled {
    /// It had not begun and never will.
    AtOnce(Vec<Told>),
    /// Its worker has been asked.
    Requested,
    /// It has ended already.
    TooLate,
    /// There is no such build.
    Missing,
}

#[derive(FromQueryResult)]
struct Id {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct ClaimedRow {
    id: Uuid,
    tenant_id: Uuid,
    attempt: i64,
    spec: String,
    boot_check: bool,
    push: Option<String>,
    now: i64,
}

#[derive(FromQueryResult)]
struct BeatRow {
    cancel_requested: bool,
}

#[derive(FromQueryResult)]
struct Held {
    tenant_id: Uuid,
    crashes: i64,
    cancel_requested: bool,
    now: i64,
}

#[derive(FromQueryResult)]
struct Stood {
    status: String,
    now: i64,
}

#[derive(FromQueryResult)]
struct Count {
    count: i64,
}

/// The lease is held: parameters 1 and 2 are the build and the fencing token. One that has run out is held until the
/// build is taken back, which is what ends it: a clock alone does not.
pub(crate) const HELD: &str = "id = $1 AND attempt = $2 AND status IN ('running', 'booting')";

impl Database {
    /// Takes the build whose turn it is, for as long as `lease`.
    pub async fn claim(&self, worker: &str, lease: Duration) -> Result<Option<Claimed>, DbError> {
        let transaction = self.begin().await?;
        // the row's lock makes the count of running builds hold until the commit
        let text = "SELECT t.id AS id FROM tenant t WHERE NOT t.suspended
              AND EXISTS (SELECT 1 FROM build q WHERE q.tenant_id = t.id AND q.status = 'queued'
                          AND q.leader_id IS NULL AND q.not_before <= {now})
              AND (SELECT count(*) FROM build r WHERE r.tenant_id = t.id AND r.status IN ('running', 'booting'))
                  < t.concurrency
            ORDER BY t.pass, t.id LIMIT 1 {lock}";
        let Some(tenant) = one::<Id>(&transaction, self.sql(text, [])).await? else { return Ok(None) };
        let text = "UPDATE build SET status = 'running', attempt = attempt + 1, worker = $2,
              lease_until = {now} + $3, started_at = COALESCE(started_at, {now}), step = NULL, progress = 0
            WHERE id = (SELECT id FROM build WHERE tenant_id = $1 AND status = 'queued' AND leader_id IS NULL
                        AND not_before <= {now} ORDER BY created_at, id LIMIT 1 {lock})
              AND (SELECT count(*) FROM build WHERE tenant_id = $1 AND status IN ('running', 'booting'))
                  < (SELECT concurrency FROM tenant WHERE id = $1)
            RETURNING id, tenant_id, attempt, spec, boot_check, push, CAST({now} AS BIGINT) AS now";
        let values = [tenant.id.into(), worker.into(), milliseconds(lease).into()];
        let Some(row) = one::<ClaimedRow>(&transaction, self.sql(text, values)).await? else {
            return Ok(None);
        };
        let text = "UPDATE tenant SET pass = pass + $2 / weight WHERE id = $1";
        change(&transaction, self.sql(text, [tenant.id.into(), STRIDE.into()])).await?;
        let build = BuildId(row.id);
        let mut event = state(Status::Running, row.now);
        event.data["attempt"] = row.attempt.into();
        let told = tell(self, &transaction, build, &[event]).await?;
        transaction.commit().await?;
        Ok(Some(Claimed {
            lease: Lease { build, attempt: row.attempt },
            tenant: TenantId(row.tenant_id),
            spec: row.spec,
            boot_check: row.boot_check,
            push: row.push,
            told,
        }))
    }

    /// Says that the worker is alive, for another `lease`.
    pub async fn heartbeat(&self, held: &Lease, lease: Duration) -> Result<Beat, LeaseError> {
        let text =
            format!("UPDATE build SET lease_until = {{now}} + $3 WHERE {HELD} RETURNING cancel_requested");
        let values = [held.build.into(), held.attempt.into(), milliseconds(lease).into()];
        let row: Option<BeatRow> = one(self.writer(), self.sql(&text, values)).await?;
        row.map(|row| Beat { cancel: row.cancel_requested }).ok_or(LeaseError::Lost)
    }

    /// Stores what happened in a build, and where it stands.
    pub async fn report(
        &self,
        held: &Lease,
        events: &[NewEvent],
        progress: &Progress,
    ) -> Result<Told, LeaseError> {
        let transaction = self.begin().await?;
        let status = if progress.booting { Status::Booting } else { Status::Running };
        let text = format!("UPDATE build SET step = $3, progress = $4, status = $5 WHERE {HELD}");
        let values = [
            held.build.into(),
            held.attempt.into(),
            progress.step.clone().into(),
            progress.done.into(),
            status.name().into(),
        ];
        if change(&transaction, self.sql(&text, values)).await? == 0 {
            return Err(LeaseError::Lost);
        }
        let told = tell(self, &transaction, held.build, events).await?;
        transaction.commit().await?;
        Ok(told)
    }

    /// Ends the worker's part; what is to be told about this build and those that waited for it.
    pub async fn finish(
        &self,
        held: &Lease,
        events: &[NewEvent],
        ending: &Ending,
    ) -> Result<Vec<Told>, LeaseError> {
        let transaction = self.begin().await?;
        let text = format!(
            "UPDATE build SET worker = NULL, step = NULL, lease_until = NULL WHERE {HELD}
             RETURNING tenant_id, crashes, cancel_requested, CAST({{now}} AS BIGINT) AS now"
        );
        let row: Option<Held> =
            one(&transaction, self.sql(&text, [held.build.into(), held.attempt.into()])).await?;
        let row = row.ok_or(LeaseError::Lost)?;
        let status = self.settle(&transaction, held, &row, ending).await?;
        let mut events = events.to_vec();
        events.push(state(status, row.now));
        let mut told = vec![tell(self, &transaction, held.build, &events).await?];
        told.extend(self.followers(&transaction, held.build, status, row.now).await?);
        transaction.commit().await?;
        Ok(told)
    }

    async fn settle(
        &self,
        transaction: &DatabaseTransaction,
        held: &Lease,
        row: &Held,
        ending: &Ending,
    ) -> Result<Status, DbErr> {
        let build = held.build;
        match ending {
            Ending::Succeeded { artifacts, cache, boot, warnings, pushed } => {
                self.name_artifacts(transaction, held, artifacts).await?;
                if !artifacts.is_empty() && !self.recount(transaction, TenantId(row.tenant_id)).await? {
                    self.drop_artifacts(transaction, build, TenantId(row.tenant_id)).await?;
                    return self.end(transaction, build, Status::Failed, Some(&no_room())).await;
                }
                let text = "UPDATE build SET progress = 1, cache = $2, boot = $3, warnings = $4, pushed = $5
                            WHERE id = $1";
                let values = [
                    build.into(),
                    cache.to_string().into(),
                    boot.as_ref().map(Json::to_string).into(),
                    warnings.to_string().into(),
                    pushed.as_ref().map(Json::to_string).into(),
                ];
                change(transaction, self.sql(text, values)).await?;
                self.end(transaction, build, Status::Succeeded, None).await
            }
            Ending::Failed { failure } => self.end(transaction, build, Status::Failed, Some(failure)).await,
            Ending::Cancelled => self.end(transaction, build, Status::Cancelled, None).await,
            Ending::Faulted { failure, delay } => {
                self.try_again(transaction, build, row, Some(failure), milliseconds(*delay)).await
            }
            Ending::Released if row.cancel_requested => {
                self.end(transaction, build, Status::Cancelled, None).await
            }
            Ending::Released => {
                let text = "UPDATE build SET status = 'queued', progress = 0 WHERE id = $1";
                change(transaction, self.sql(text, [build.into()])).await?;
                Ok(Status::Queued)
            }
        }
    }

    async fn end(
        &self,
        transaction: &DatabaseTransaction,
        build: BuildId,
        status: Status,
        failure: Option<&Json>,
    ) -> Result<Status, DbErr> {
        let text = "UPDATE build SET status = $2, finished_at = {now}, failure = $3, worker = NULL,
                    lease_until = NULL, leader_id = NULL WHERE id = $1";
        let values = [build.into(), status.name().into(), failure.map(Json::to_string).into()];
        change(transaction, self.sql(text, values)).await?;
        Ok(status)
    }

    /// Puts a build back into the queue, or gives it up.
    async fn try_again(
        &self,
        transaction: &DatabaseTransaction,
        build: BuildId,
        row: &Held,
        failure: Option<&Json>,
        delay: i64,
    ) -> Result<Status, DbErr> {
        if row.cancel_requested {
            return self.end(transaction, build, Status::Cancelled, None).await;
        }
        if row.crashes + 1 >= MAX_CRASHES {
            let why = failure.cloned().unwrap_or_else(|| {
                json!({
                    "category": "worker-lost",
                    "message": format!("{MAX_CRASHES} workers were lost while they worked on this build"),
                    "nextAction": "ask who runs the service to look at the workers' logs and requeue it",
                })
            });
            let text = "UPDATE build SET crashes = crashes + 1 WHERE id = $1";
            change(transaction, self.sql(text, [build.into()])).await?;
            return self.end(transaction, build, Status::Dead, Some(&why)).await;
        }
        let text = "UPDATE build SET status = 'queued', crashes = crashes + 1, progress = 0, step = NULL,
                    worker = NULL, lease_until = NULL, not_before = {now} + $2 WHERE id = $1";
        change(transaction, self.sql(text, [build.into(), delay.into()])).await?;
        Ok(Status::Queued)
    }

    /// Those that waited for a build get its artifacts, or their own turn.
    async fn followers(
        &self,
        transaction: &DatabaseTransaction,
        leader: BuildId,
        status: Status,
        now: i64,
    ) -> Result<Vec<Told>, DbErr> {
        if !status.is_final() {
            return Ok(Vec::new());
        }
        if status != Status::Succeeded {
            let text = "UPDATE build SET leader_id = NULL WHERE leader_id = $1";
            change(transaction, self.sql(text, [leader.into()])).await?;
            return Ok(Vec::new());
        }
        let text = "SELECT id FROM build WHERE leader_id = $1 AND status = 'queued' ORDER BY id";
        let waiting: Vec<Id> = all(transaction, self.sql(text, [leader.into()])).await?;
        let mut told = Vec::new();
        for row in waiting {
            let build = BuildId(row.id);
            let chunk = answer_from(self, transaction, build, leader, now).await?;
            told.extend(chunk.map(|chunk| Told { build, chunk }));
        }
        Ok(told)
    }

    /// Takes builds back whose workers are silent for longer than their lease.
    pub async fn sweep(&self, backoff: Duration) -> Result<Vec<Told>, DbError> {
        let transaction = self.begin().await?;
        let text =
            "SELECT id FROM build WHERE status IN ('running', 'booting') AND lease_until <= {now} {lock}";
        let lost: Vec<Id> = all(&transaction, self.sql(text, [])).await?;
        let mut told = Vec::new();
        for row in lost {
            let build = BuildId(row.id);
            let text = "SELECT tenant_id, crashes, cancel_requested, CAST({now} AS BIGINT) AS now FROM build WHERE id = $1";
            let held: Option<Held> = one(&transaction, self.sql(text, [build.into()])).await?;
            let Some(held) = held else { continue };
            let delay = milliseconds(backoff).saturating_mul(1 << held.crashes.clamp(0, 10));
            let status = self.try_again(&transaction, build, &held, None, delay).await?;
            told.push(tell(self, &transaction, build, &[state(status, held.now)]).await?);
            told.extend(self.followers(&transaction, build, status, held.now).await?);
        }
        transaction.commit().await?;
        Ok(told)
    }

    /// Stops a build of a tenant.
    pub async fn cancel(&self, tenant: TenantId, build: BuildId) -> Result<Cancelled, DbError> {
        let transaction = self.begin().await?;
        let text = "UPDATE build SET cancel_requested = (status IN ('queued', 'running', 'booting'))
                    WHERE id = $1 AND tenant_id = $2 RETURNING status, CAST({now} AS BIGINT) AS now";
        let row: Option<Stood> = one(&transaction, self.sql(text, [build.into(), tenant.into()])).await?;
        let Some(row) = row else { return Ok(Cancelled::Missing) };
        let answer = match Status::of(&row.status) {
            Some(Status::Queued) => {
                self.end(&transaction, build, Status::Cancelled, None).await?;
                let told = tell(self, &transaction, build, &[state(Status::Cancelled, row.now)]).await?;
                self.followers(&transaction, build, Status::Cancelled, row.now).await?;
                Cancelled::AtOnce(vec![told])
            }
            Some(Status::Running | Status::Booting) => Cancelled::Requested,
            _ => Cancelled::TooLate,
        };
        transaction.commit().await?;
        Ok(answer)
    }

    /// Gives a build that was given up another chance; whether there was one.
    pub async fn requeue(&self, build: BuildId) -> Result<Option<Told>, DbError> {
        let transaction = self.begin().await?;
        let text = "UPDATE build SET status = 'queued', crashes = 0, failure = NULL, finished_at = NULL,
                    not_before = {now}, cancel_requested = FALSE WHERE id = $1 AND status = 'dead'
                    RETURNING tenant_id, crashes, cancel_requested, CAST({now} AS BIGINT) AS now";
        let row: Option<Held> = one(&transaction, self.sql(text, [build.into()])).await?;
        let Some(row) = row else { return Ok(None) };
        let told = tell(self, &transaction, build, &[state(Status::Queued, row.now)]).await?;
        transaction.commit().await?;
        Ok(Some(told))
    }

    /// How many builds are in the queue before this one, by age.
    pub async fn queue_position(&self, build: BuildId) -> Result<i64, DbError> {
        let text = "SELECT count(*) AS count FROM build q, build b WHERE b.id = $1 AND q.status = 'queued'
                    AND q.leader_id IS NULL AND q.id < b.id";
        let count: Option<Count> = one(self.reader(), self.sql(text, [build.into()])).await?;
        Ok(count.map_or(0, |row| row.count))
    }
}

async fn tell(
    db: &Database,
    transaction: &DatabaseTransaction,
    build: BuildId,
    events: &[NewEvent],
) -> Result<Told, DbErr> {
    let chunk = append(db, transaction, build, events).await?;
    Ok(Told { build, chunk: chunk.unwrap_or(Chunk { events: Vec::new(), log_end: 0 }) })
}
