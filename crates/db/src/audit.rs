//! The audit log: append-only by the database's own rule, and each row bound to the one before by its hash.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbErr, FromQueryResult};
use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::connect::{Database, DbError, all, change, one};
use crate::id::TenantId;

/// Rows that a check reads at a time.
const PAGE: i64 = 1000;

/// The lock that orders the rows on PostgreSQL; SQLite has one writer.
const ORDER: &str = "SELECT pg_advisory_xact_lock(6008190531)";

/// Something that somebody did.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Who: the id of a key, or `system`.
    pub actor: String,
    /// Whose data it concerns.
    pub tenant: Option<TenantId>,
    /// What, such as `build.create`.
    pub action: String,
    /// What it was done to.
    pub object: String,
    /// The request that it was part of.
    pub request: String,
    /// Where the request came from.
    pub address: String,
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// Its number, from 1.
    pub seq: i64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// The entry.
    pub entry: Json,
    /// Hash of this row and, through the row before, of all earlier ones.
    pub hash: String,
}

#[derive(FromQueryResult)]
struct Row {
    seq: i64,
    at: i64,
    entry: String,
    previous: String,
    hash: String,
}

#[derive(FromQueryResult)]
struct Last {
    seq: i64,
    hash: String,
    now: i64,
}

fn hash(seq: i64, at: i64, entry: &str, previous: &str) -> String {
    hex::encode(Sha256::digest(format!("{previous}\n{seq}\n{at}\n{entry}")))
}

/// Appends one entry.
pub(crate) async fn append(
    db: &Database,
    transaction: &DatabaseTransaction,
    entry: &Entry,
) -> Result<(), DbErr> {
    if !db.is_sqlite() {
        transaction.execute_unprepared(ORDER).await?;
    }
    let text = "SELECT COALESCE(max(seq), 0) AS seq, CAST({now} AS BIGINT) AS now,
                COALESCE((SELECT hash FROM audit ORDER BY seq DESC LIMIT 1), '') AS hash FROM audit";
    let last: Option<Last> = one(transaction, db.sql(text, [])).await?;
    let last = last.ok_or_else(|| DbErr::RecordNotFound("the end of the audit log".to_owned()))?;
    let (seq, at) = (last.seq + 1, last.now);
    let entry = serde_json::to_string(entry).map_err(|error| DbErr::Json(error.to_string()))?;
    let hash = hash(seq, at, &entry, &last.hash);
    let text = "INSERT INTO audit (seq, at, entry, previous, hash) VALUES ($1, $2, $3, $4, $5)";
    let values = [seq.into(), at.into(), entry.into(), last.hash.into(), hash.into()];
    change(transaction, db.sql(text, values)).await?;
    Ok(())
}

impl Database {
    /// Appends one entry by itself.
    pub async fn audit(&self, entry: &Entry) -> Result<(), DbError> {
        let transaction = self.begin().await?;
        append(self, &transaction, entry).await?;
        Ok(transaction.commit().await?)
    }

    /// A page of the log, oldest first, after a row.
    pub async fn audit_after(&self, seq: i64, limit: u32) -> Result<Vec<AuditRow>, DbError> {
        let rows = self.audit_rows(seq, i64::from(limit)).await?;
        let read = |row: Row| {
            let entry = serde_json::from_str(&row.entry).map_err(|error| DbErr::Json(error.to_string()))?;
            Ok::<_, DbErr>(AuditRow { seq: row.seq, at: row.at, entry, hash: row.hash })
        };
        Ok(rows.into_iter().map(read).collect::<Result<_, _>>()?)
    }

    /// The first row that is not what was written, or that does not follow the one before.
    pub async fn audit_fault(&self) -> Result<Option<i64>, DbError> {
        let (mut seq, mut previous) = (0, String::new());
        loop {
            let rows = self.audit_rows(seq, PAGE).await?;
            if rows.is_empty() {
                return Ok(None);
            }
            for row in rows {
                seq += 1;
                let right = hash(seq, row.at, &row.entry, &previous);
                if row.seq != seq || row.previous != previous || row.hash != right {
                    return Ok(Some(seq));
                }
                previous = row.hash;
            }
        }
    }

    async fn audit_rows(&self, seq: i64, limit: i64) -> Result<Vec<Row>, DbError> {
        let text = "SELECT seq, at, entry, previous, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2";
        Ok(all(self.reader(), self.sql(text, [seq.into(), limit.into()])).await?)
    }
}
