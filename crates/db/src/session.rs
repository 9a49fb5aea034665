//! Sessions of browsers: each stands for a key until it ends, or until the key is no longer valid.

use std::time::Duration;

use sea_orm::FromQueryResult;

use crate::connect::{Database, DbError, change, milliseconds, one};
use crate::key::ValidKey;

/// Sessions of one key at the same time; a further one ends the oldest.
const MOST: i64 = 50;

#[derive(FromQueryResult)]
struct Row {
    key_id: String,
    secret_sha256: String,
    expires_at: i64,
}

#[derive(FromQueryResult)]
struct Ends {
    expires_at: i64,
}

/// A session that has not ended.
#[derive(Debug, Clone)]
pub struct Session {
    /// The key that it stands for.
    pub key: ValidKey,
    /// When it ends, in milliseconds since 1970.
    pub expires_at: i64,
}

impl Database {
    /// Begins a session of a key, and forgets those that have ended; when it will end, in milliseconds since 1970.
    /// `id_sha256` is of what the browser has, in hexadecimal.
    pub async fn begin_session(
        &self,
        id_sha256: &str,
        key: &str,
        lifetime: Duration,
    ) -> Result<i64, DbError> {
        let transaction = self.begin().await?;
        let text = "DELETE FROM session WHERE expires_at <= {now} OR (key_id = $1 AND id_sha256 NOT IN (
                        SELECT id_sha256 FROM session WHERE key_id = $1
                        ORDER BY created_at DESC, id_sha256 LIMIT $2))";
        change(&transaction, self.sql(text, [key.into(), (MOST - 1).into()])).await?;
        let text = "INSERT INTO session (id_sha256, key_id, created_at, expires_at)
                    VALUES ($1, $2, {now}, {now} + $3) RETURNING expires_at";
        let values = [id_sha256.into(), key.into(), milliseconds(lifetime).into()];
        let row: Option<Ends> = one(&transaction, self.sql(text, values)).await?;
        transaction.commit().await?;
        Ok(row.map_or(0, |row| row.expires_at))
    }

    /// The session, while it lasts and its key is valid.
    pub async fn session(&self, id_sha256: &str) -> Result<Option<Session>, DbError> {
        let text = "SELECT s.key_id, k.secret_sha256, s.expires_at FROM session s
                    JOIN api_key k ON k.id = s.key_id WHERE s.id_sha256 = $1 AND s.expires_at > {now}";
        let row: Option<Row> = one(self.reader(), self.sql(text, [id_sha256.into()])).await?;
        let Some(row) = row else { return Ok(None) };
        let key = self.valid_key(&row.key_id, &row.secret_sha256).await?;
        Ok(key.map(|key| Session { key, expires_at: row.expires_at }))
    }

    /// Ends a session; whether there was one.
    pub async fn end_session(&self, id_sha256: &str) -> Result<bool, DbError> {
        let text = "DELETE FROM session WHERE id_sha256 = $1";
        Ok(change(self.writer(), self.sql(text, [id_sha256.into()])).await? > 0)
    }
}
