//! What happened during a build, in order: the truth behind every live stream and the log.
//!
//! Events are numbered from 1 in each build without gaps. They are stored in chunks, as the build reports them, so
//! that a hundred thousand lines are a few hundred rows.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, FromQueryResult};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::connect::{Database, DbError, all, change, one};
use crate::delivery;
use crate::id::BuildId;

/// Kind of the events that are lines of the log; their data have the member `line`.
pub const LOG: &str = "log";

/// Kind of the events that tell of another status of the build.
pub const STATE: &str = "state";

/// Something that is to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewEvent {
    /// What it is: `state`, `step`, `progress`, `log`, `warning`, `artifact`.
    pub kind: String,
    /// Milliseconds since 1970.
    pub at: i64,
    /// The rest.
    pub data: Json,
}

impl NewEvent {
    /// Bytes that it adds to the log: the line and its end.
    fn log_bytes(&self) -> i64 {
        self.line().map_or(0, |line| i64::try_from(line.len() + 1).unwrap_or(i64::MAX))
    }

    /// The line of the log that it is.
    pub fn line(&self) -> Option<&str> {
        (self.kind == LOG).then(|| self.data.get("line").and_then(Json::as_str)).flatten()
    }
}

/// Something that was told.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number in the build, from 1.
    pub seq: i64,
    /// What happened.
    pub event: NewEvent,
}

/// Events that were stored together.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// In order, numbered without gaps.
    pub events: Vec<Event>,
    /// Where the log ends after them, in bytes.
    pub log_end: i64,
}

#[derive(FromQueryResult)]
struct Row {
    last_seq: i64,
    log_end: i64,
    events: String,
}

impl Row {
    fn into_chunk(self) -> Result<Chunk, DbErr> {
        let events: Vec<NewEvent> =
            serde_json::from_str(&self.events).map_err(|error| DbErr::Json(error.to_string()))?;
        let first = self.last_seq - i64::try_from(events.len()).unwrap_or_default() + 1;
        let events = (first..).zip(events).map(|(seq, event)| Event { seq, event }).collect();
        Ok(Chunk { events, log_end: self.log_end })
    }
}

#[derive(FromQueryResult)]
struct End {
    last_seq: i64,
    log_bytes: i64,
}

/// How many events, and how many bytes of log.
fn measure(events: &[NewEvent]) -> (i64, i64) {
    (i64::try_from(events.len()).unwrap_or(i64::MAX), events.iter().map(NewEvent::log_bytes).sum())
}

/// Stores events behind those that the build has. Whoever may do so has been checked, in the same transaction.
pub(crate) async fn append(
    db: &Database,
    transaction: &DatabaseTransaction,
    build: BuildId,
    events: &[NewEvent],
) -> Result<Option<Chunk>, DbErr> {
    if events.is_empty() {
        return Ok(None);
    }
    let (count, bytes) = measure(events);
    let statement = db.sql(
        "UPDATE build SET last_seq = last_seq + $2, log_bytes = log_bytes + $3 WHERE id = $1
         RETURNING last_seq, log_bytes",
        [build.into(), count.into(), bytes.into()],
    );
    let end: Option<End> = one(transaction, statement).await?;
    let end = end.ok_or_else(|| DbErr::RecordNotFound(build.to_string()))?;
    delivery::enqueue(db, transaction, build, events).await?;
    insert(db, transaction, build, events, &end).await.map(Some)
}

async fn insert(
    db: &Database,
    connection: &impl ConnectionTrait,
    build: BuildId,
    events: &[NewEvent],
    end: &End,
) -> Result<Chunk, DbErr> {
    let text = serde_json::to_string(events).map_err(|error| DbErr::Json(error.to_string()))?;
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let statement = db.sql(
        "INSERT INTO event_chunk (build_id, last_seq, log_end, events) VALUES ($1, $2, $3, $4)",
        [build.into(), end.last_seq.into(), end.log_bytes.into(), text.into()],
    );
    change(connection, statement).await?;
    let first = end.last_seq - count + 1;
    let events = (first..).zip(events.iter().cloned()).map(|(seq, event)| Event { seq, event }).collect();
    Ok(Chunk { events, log_end: end.log_bytes })
}

impl Database {
    /// The next chunks of a build that have events after number `after`; the first may begin earlier.
    pub async fn events_after(&self, build: BuildId, after: i64, chunks: u32) -> Result<Vec<Chunk>, DbError> {
        let statement = self.sql(
            "SELECT last_seq, log_end, events FROM event_chunk WHERE build_id = $1 AND last_seq > $2
             ORDER BY last_seq LIMIT $3",
            [build.into(), after.into(), i64::from(chunks).into()],
        );
        self.chunks(statement).await
    }

    /// The next chunks of a build that have log text after byte `offset`; the first may begin earlier.
    pub async fn log_after(&self, build: BuildId, offset: i64, chunks: u32) -> Result<Vec<Chunk>, DbError> {
        let statement = self.sql(
            "SELECT last_seq, log_end, events FROM event_chunk WHERE build_id = $1 AND log_end > $2
             ORDER BY last_seq LIMIT $3",
            [build.into(), offset.into(), i64::from(chunks).into()],
        );
        self.chunks(statement).await
    }

    async fn chunks(&self, statement: sea_orm::Statement) -> Result<Vec<Chunk>, DbError> {
        let rows: Vec<Row> = all(self.reader(), statement).await?;
        Ok(rows.into_iter().map(Row::into_chunk).collect::<Result<_, _>>()?)
    }
}
