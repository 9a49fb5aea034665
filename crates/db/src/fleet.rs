//! What several processes need to be one service: who works, settings that all of them share, how far builds have come.

use std::time::Duration;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::connect::{Database, DbError, all, change, milliseconds, one};
use crate::id::BuildId;

/// Ended builds that a typical time is made of.
const SAMPLE: i64 = 20;

/// A process that works on builds, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enlisted {
    /// What it is called in the queue.
    pub name: String,
    /// Builds that it takes at the same time.
    pub slots: i64,
    /// Its version.
    pub version: String,
    /// It takes no more builds.
    pub draining: bool,
}

/// A process that works on builds, as others see it.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Worker {
    /// What it is called in the queue.
    pub name: String,
    /// Builds that it takes at the same time.
    pub slots: i64,
    /// Builds that it is at.
    pub running: i64,
    /// Its version.
    pub version: String,
    /// It takes no more builds.
    pub draining: bool,
    /// Milliseconds since 1970.
    pub started_at: i64,
    /// When it was last heard of, in milliseconds since 1970.
    pub seen_at: i64,
}

/// How much the fleet can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Capacity {
    /// Builds at the same time.
    pub slots: i64,
    /// Milliseconds that a build takes, of those that ended last; 0 when none has.
    pub typical: i64,
}

/// How far the events of a build go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// The build.
    pub build: BuildId,
    /// Number of its last event.
    pub last_seq: i64,
}

#[derive(FromQueryResult)]
struct Setting {
    value: String,
}

#[derive(FromQueryResult)]
struct ReachedRow {
    id: Uuid,
    last_seq: i64,
}

impl Database {
    /// Says that a process works, or still works, on builds.
    pub async fn enlist(&self, worker: &Enlisted) -> Result<(), DbError> {
        let text = "INSERT INTO worker (name, slots, version, draining, started_at, seen_at)
                    VALUES ($1, $2, $3, $4, {now}, {now})
                    ON CONFLICT (name) DO UPDATE SET draining = $4, seen_at = {now}";
        let values = [
            worker.name.as_str().into(),
            worker.slots.into(),
            worker.version.as_str().into(),
            worker.draining.into(),
        ];
        change(self.writer(), self.sql(text, values)).await?;
        Ok(())
    }

    /// Strikes a process off that works no more.
    pub async fn delist(&self, name: &str) -> Result<(), DbError> {
        change(self.writer(), self.sql("DELETE FROM worker WHERE name = $1", [name.into()])).await?;
        Ok(())
    }

    /// Strikes off every process that was silent for so long.
    pub async fn delist_silent(&self, silence: Duration) -> Result<(), DbError> {
        let text = "DELETE FROM worker WHERE seen_at <= {now} - $1";
        change(self.writer(), self.sql(text, [milliseconds(silence).into()])).await?;
        Ok(())
    }

    /// Everybody who works on builds, by name.
    pub async fn workers(&self) -> Result<Vec<Worker>, DbError> {
        let text = "SELECT w.name, w.slots, w.version, w.draining, w.started_at, w.seen_at,
                    (SELECT count(*) FROM build b WHERE b.worker = w.name AND b.status IN ('running', 'booting'))
                        AS running
                    FROM worker w ORDER BY w.name";
        Ok(all(self.reader(), self.sql(text, [])).await?)
    }

    /// What all of them can do together who were heard of since `silence`.
    pub async fn capacity(&self, silence: Duration) -> Result<Capacity, DbError> {
        let text = "SELECT CAST(COALESCE((SELECT sum(slots) FROM worker
                        WHERE NOT draining AND seen_at > {now} - $1), 0) AS BIGINT) AS slots,
                    CAST(COALESCE((SELECT avg(t.took) FROM (SELECT finished_at - started_at AS took FROM build
                        WHERE status = 'succeeded' AND attempt > 0 ORDER BY id DESC LIMIT $2) t), 0) AS BIGINT)
                        AS typical";
        let values = [milliseconds(silence).into(), SAMPLE.into()];
        let capacity: Option<Capacity> = one(self.reader(), self.sql(text, values)).await?;
        Ok(capacity.unwrap_or(Capacity { slots: 0, typical: 0 }))
    }

    /// The value of a setting that all processes share; `first` is its value when it has none yet.
    pub async fn setting(&self, name: &str, first: &str) -> Result<String, DbError> {
        let text = "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        change(self.writer(), self.sql(text, [name.into(), first.into()])).await?;
        let text = "SELECT value FROM setting WHERE name = $1";
        let setting: Option<Setting> = one(self.writer(), self.sql(text, [name.into()])).await?;
        Ok(setting.map_or_else(|| first.to_owned(), |setting| setting.value))
    }

    /// How far the events of these builds go.
    pub async fn reached(&self, builds: &[BuildId]) -> Result<Vec<Reached>, DbError> {
        if builds.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<String> = (1..=builds.len()).map(|place| format!("${place}")).collect();
        let text = format!("SELECT id, last_seq FROM build WHERE id IN ({})", places.join(", "));
        let mut statement = self.sql(&text, []);
        statement.values = Some(sea_orm::Values(builds.iter().map(|&build| build.into()).collect()));
        let rows: Vec<ReachedRow> = all(self.reader(), statement).await?;
        let reached = |row: ReachedRow| Reached { build: BuildId(row.id), last_seq: row.last_seq };
        Ok(rows.into_iter().map(reached).collect())
    }

    /// Whether other processes may be at the same database.
    pub fn is_shared(&self) -> bool {
        !self.is_sqlite()
    }
}
