//! Which bytes the artifact store has to keep, and which may go.
//!
//! Equal artifacts of several builds are the same bytes, so no build may remove them by itself. A worker says what it is
//! about to store, by its lease, and from then on nobody removes those bytes while the lease is valid. Bytes that no
//! artifact names and no worker stores go after a while. Their row is locked while they are removed, so that whoever
//! wants them waits, and then stores them anew: that there is a row does not mean that there are bytes.

use std::future::Future;
use std::time::Duration;

use sea_orm::{DatabaseTransaction, DbErr, FromQueryResult};
use uuid::Uuid;

use crate::build::Artifact;
use crate::connect::{Database, DbError, all, change, milliseconds, one};
use crate::id::BuildId;
use crate::queue::{HELD, Lease, LeaseError};

/// The condition that bytes may go; parameter 1 is the least time since somebody asked for them.
const UNNAMED: &str = "touched_at <= {now} - $1
    AND NOT EXISTS (SELECT 1 FROM artifact a WHERE a.sha256 = blob.sha256 AND a.expired_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM upload u JOIN build b ON b.id = u.build_id AND b.attempt = u.attempt
        WHERE u.sha256 = blob.sha256 AND b.status IN ('running', 'booting') AND b.lease_until > {now})";

/// The right to store bytes, for as long as the lease is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadId(Uuid);

/// An upload whose worker has lost its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abandoned {
    /// Which.
    pub id: UploadId,
    /// SHA-256 of the bytes, in hexadecimal.
    pub sha256: String,
    /// The store's name for the half of it that may be there.
    pub multipart: Option<String>,
}

#[derive(FromQueryResult)]
struct Digest {
    sha256: String,
}

#[derive(FromQueryResult)]
struct AbandonedRow {
    id: Uuid,
    sha256: String,
    multipart: Option<String>,
}

#[derive(FromQueryResult)]
struct Id {
    #[expect(dead_code, reason = "that there is a row is what counts")]
    id: Uuid,
}

#[derive(FromQueryResult)]
struct Count {
    count: i64,
}

impl Database {
    /// Asks for the right to store bytes that a build made. `sha256` is in hexadecimal.
    pub async fn want_blob(&self, held: &Lease, sha256: &str) -> Result<UploadId, LeaseError> {
        let transaction = self.begin().await?;
        let text = format!("SELECT id FROM build WHERE {HELD}");
        let row: Option<Id> =
            one(&transaction, self.sql(&text, [held.build.into(), held.attempt.into()])).await?;
        row.ok_or(LeaseError::Lost)?;
        let text = "INSERT INTO blob (sha256, touched_at) VALUES ($1, {now})
                    ON CONFLICT (sha256) DO UPDATE SET touched_at = {now}";
        change(&transaction, self.sql(text, [sha256.into()])).await?;
        let id = UploadId(Uuid::now_v7());
        let text = "INSERT INTO upload (id, build_id, attempt, sha256) VALUES ($1, $2, $3, $4)";
        let values = [id.0.into(), held.build.into(), held.attempt.into(), sha256.into()];
        change(&transaction, self.sql(text, values)).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Notes the store's name for an upload in parts while it goes on, so that somebody else can end it.
    pub async fn note_multipart(&self, upload: UploadId, name: Option<&str>) -> Result<(), DbError> {
        let text = "UPDATE upload SET multipart = $2 WHERE id = $1";
        change(self.writer(), self.sql(text, [upload.0.into(), name.into()])).await?;
        Ok(())
    }

    /// Uploads whose workers have lost their leases, at most `limit`.
    pub async fn abandoned_uploads(&self, limit: u32) -> Result<Vec<Abandoned>, DbError> {
        let text = "SELECT u.id, u.sha256, u.multipart FROM upload u WHERE NOT EXISTS (SELECT 1 FROM build b
                WHERE b.id = u.build_id AND b.attempt = u.attempt AND b.status IN ('running', 'booting')
                AND b.lease_until > {now}) ORDER BY u.id LIMIT $1";
        let rows: Vec<AbandonedRow> = all(self.reader(), self.sql(text, [i64::from(limit).into()])).await?;
        let abandoned = |row: AbandonedRow| Abandoned {
            id: UploadId(row.id),
            sha256: row.sha256,
            multipart: row.multipart,
        };
        Ok(rows.into_iter().map(abandoned).collect())
    }

    /// Forgets an upload that has been ended in the store.
    pub async fn forget_upload(&self, upload: UploadId) -> Result<(), DbError> {
        change(self.writer(), self.sql("DELETE FROM upload WHERE id = $1", [upload.0.into()])).await?;
        Ok(())
    }

    /// Bytes that no artifact names and that nobody has asked for since `grace`, at most `limit`, as hexadecimal SHA-256.
    pub async fn unnamed_blobs(&self, grace: Duration, limit: u32) -> Result<Vec<String>, DbError> {
        let text = format!("SELECT sha256 FROM blob WHERE {UNNAMED} ORDER BY touched_at LIMIT $2");
        let values = [milliseconds(grace).into(), i64::from(limit).into()];
        let rows: Vec<Digest> = all(self.reader(), self.sql(&text, values)).await?;
        Ok(rows.into_iter().map(|row| row.sha256).collect())
    }

    /// Forgets bytes that are still as [`Self::unnamed_blobs`] says, when `removal` has taken them out of the store;
    /// whether they were. Nobody can ask for them in the meantime.
    pub async fn forget_blob<E>(
        &self,
        sha256: &str,
        grace: Duration,
        removal: impl Future<Output = Result<(), E>> + Send,
    ) -> Result<Result<bool, E>, DbError> {
        let transaction = self.begin().await?;
        let text = format!("UPDATE blob SET touched_at = touched_at WHERE sha256 = $2 AND {UNNAMED}");
        let values = [milliseconds(grace).into(), sha256.into()];
        if change(&transaction, self.sql(&text, values)).await? == 0 {
            return Ok(Ok(false));
        }
        if let Err(error) = removal.await {
            return Ok(Err(error));
        }
        change(&transaction, self.sql("DELETE FROM blob WHERE sha256 = $1", [sha256.into()])).await?;
        transaction.commit().await?;
        Ok(Ok(true))
    }

    /// Names the bytes of a build as its artifacts, in the transaction that ends it. They are stored, and
    /// the lease has kept them.
    pub(crate) async fn name_artifacts(
        &self,
        transaction: &DatabaseTransaction,
        held: &Lease,
        artifacts: &[Artifact],
    ) -> Result<(), DbErr> {
        for artifact in artifacts {
            let text = "INSERT INTO artifact (build_id, name, media_type, size, sha256)
                        VALUES ($1, $2, $3, $4, $5)";
            let values = [
                held.build.into(),
                artifact.name.as_str().into(),
                artifact.media_type.as_str().into(),
                artifact.size.into(),
                artifact.sha256.as_str().into(),
            ];
            change(transaction, self.sql(text, values)).await?;
            let text =
                "INSERT INTO blob (sha256, touched_at) VALUES ($1, {now}) ON CONFLICT (sha256) DO NOTHING";
            change(transaction, self.sql(text, [artifact.sha256.as_str().into()])).await?;
        }
        let text = "DELETE FROM upload WHERE build_id = $1 AND attempt = $2";
        change(transaction, self.sql(text, [held.build.into(), held.attempt.into()])).await?;
        Ok(())
    }

    /// Keeps the bytes of a build's artifacts from being removed until the transaction ends; whether all are there.
    pub(crate) async fn hold_artifacts(
        &self,
        transaction: &DatabaseTransaction,
        source: BuildId,
    ) -> Result<bool, DbErr> {
        let text = "UPDATE blob SET touched_at = {now}
                    WHERE sha256 IN (SELECT sha256 FROM artifact WHERE build_id = $1)";
        let held = change(transaction, self.sql(text, [source.into()])).await?;
        let text = "SELECT count(DISTINCT sha256) AS count FROM artifact WHERE build_id = $1";
        let count: Option<Count> = one(transaction, self.sql(text, [source.into()])).await?;
        Ok(count.is_some_and(|row| u64::try_from(row.count) == Ok(held)))
    }
}
