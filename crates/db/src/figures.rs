//! Numbers about everything that the database holds, for whoever watches the service.

use sea_orm::FromQueryResult;

use crate::connect::{Database, DbError, all, one};

/// Numbers about a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Builds by status and base.
    pub builds: Vec<Builds>,
    /// Builds that a worker could take.
    pub queued: i64,
    /// How long the oldest of them waits, in milliseconds.
    pub oldest_queued: i64,
    /// Bytes of all artifacts, each counted for every build that has it.
    pub artifact_bytes: i64,
    /// Messages of webhooks that wait.
    pub messages: i64,
}

/// Builds of one base in one status.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Builds {
    /// `queued` and so on.
    pub status: String,
    /// `debian` and so on.
    pub base: String,
    /// How many.
    pub count: i64,
}

#[derive(FromQueryResult)]
struct Queue {
    queued: i64,
    oldest: i64,
}

#[derive(FromQueryResult)]
struct Sum {
    sum: i64,
}

impl Database {
    /// The numbers of this moment.
    pub async fn figures(&self) -> Result<Figures, DbError> {
        let text = "SELECT status, base, count(*) AS count FROM build GROUP BY status, base";
        let builds = all(self.reader(), self.sql(text, [])).await?;
        let text = "SELECT count(*) AS queued, CAST(COALESCE({now} - MIN(created_at), 0) AS BIGINT) AS oldest
                    FROM build WHERE status = 'queued' AND leader_id IS NULL";
        let queue: Option<Queue> = one(self.reader(), self.sql(text, [])).await?;
        let (queued, oldest_queued) = queue.map_or((0, 0), |queue| (queue.queued, queue.oldest));
        let text = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) AS sum FROM artifact
                    WHERE expired_at IS NULL";
        let artifact_bytes = self.sum(text).await?;
        let text = "SELECT count(*) AS sum FROM delivery WHERE status = 'waiting'";
        let messages = self.sum(text).await?;
        Ok(Figures { builds, queued, oldest_queued, artifact_bytes, messages })
    }

    async fn sum(&self, text: &str) -> Result<i64, DbError> {
        let row: Option<Sum> = one(self.reader(), self.sql(text, [])).await?;
        Ok(row.map_or(0, |row| row.sum))
    }
}
