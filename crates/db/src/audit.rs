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

/// How far the log was checked.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    seq: i64,
    hash: String,
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

    /// A page of the log, oldest first, after a row; and the first of its rows that is not what was written, or that
    /// does not follow the one before.
    pub async fn audit_after(&self, seq: i64, limit: u32) -> Result<(Vec<AuditRow>, Option<i64>), DbError> {
        let rows = self.audit_rows(seq, i64::from(limit)).await?;
        let changed = |row: &&Row| row.hash != hash(row.seq, row.at, &row.entry, &row.previous);
        let fault = rows.iter().find(changed).map(|row| row.seq);
        let torn = rows.windows(2).find(|pair| pair[1].previous != pair[0].hash).map(|pair| pair[1].seq);
        let read = |row: Row| {
            let entry = serde_json::from_str(&row.entry).map_err(|error| DbErr::Json(error.to_string()))?;
            Ok::<_, DbErr>(AuditRow { seq: row.seq, at: row.at, entry, hash: row.hash })
        };
        let rows = rows.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok((rows, [fault, torn].into_iter().flatten().min()))
    }

    /// The first row that is not what was written, or that does not follow the one before.
    pub async fn audit_fault(&self) -> Result<Option<i64>, DbError> {
        self.audit_fault_after(&mut Checked::default()).await
    }

    /// The same among the rows that were not checked yet; those that are right are then.
    pub async fn audit_fault_after(&self, checked: &mut Checked) -> Result<Option<i64>, DbError> {
        loop {
            let rows = self.audit_rows(checked.seq, PAGE).await?;
            if rows.is_empty() {
                return Ok(None);
            }
            for row in rows {
                let right = hash(checked.seq + 1, row.at, &row.entry, &checked.hash);
                if row.seq != checked.seq + 1 || row.previous != checked.hash || row.hash != right {
                    return Ok(Some(checked.seq + 1));
                }
                *checked = Checked { seq: row.seq, hash: row.hash };
            }
        }
    }

    async fn audit_rows(&self, seq: i64, limit: i64) -> Result<Vec<Row>, DbError> {
        let text = "SELECT seq, at, entry, previous, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2";
        Ok(all(self.reader(), self.sql(text, [seq.into(), limit.into()])).await?)
    }
}
