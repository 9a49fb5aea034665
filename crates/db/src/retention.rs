//! How long artifacts are kept: for each tenant, by its policy, within its quota.
//!
//! An image that has had its time expires: its row stays, so that everybody sees what there was, and its bytes belong to
//! nobody any more. Nothing that is pinned expires. A build whose last image expires becomes `expired`.

use sea_orm::{DatabaseTransaction, DbErr, FromQueryResult};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::build::Status;
use crate::connect::{Database, DbError, all, change, one};
use crate::event::append;
use crate::id::{BuildId, TenantId};
use crate::queue::Told;
use crate::submit::state;

/// Media type of the images that have their own term.
pub const ISO: &str = "application/vnd.efi.iso";

/// How long an image that was fetched whole can be fetched again, in milliseconds: the last bytes may have been lost.
const FETCHED_GRACE: i64 = 10 * 60 * 1000;

/// Builds that expire in one go.
const TOGETHER: i64 = 200;

const HOUR: i64 = 3_600_000;

/// An artifact `a` that is an image, and not something that was said about one.
const IMAGE: &str = "a.media_type NOT LIKE 'text/%'
    AND a.media_type NOT IN ('application/json', 'application/toml', 'image/png')";

/// Conditions that an artifact `a` of a build `b` of a tenant `t` has had its time: ISOs, and other images. They stand
/// apart so that each finds its index.
const DUE: [&str; 2] = [
    "a.media_type = '{iso}' AND (b.finished_at <= {now} - t.iso_hours * {hour}
        OR (t.iso_after_download AND a.fetched_at <= {now} - {grace}))",
    "t.other_hours IS NOT NULL AND a.media_type <> '{iso}' AND {image}
        AND b.finished_at <= {now} - t.other_hours * {hour}",
];

/// Conditions that it may go at all.
const LOOSE: &str = "a.expired_at IS NULL AND NOT a.pinned AND NOT b.pinned AND b.status = 'succeeded'";

/// How long a tenant's images are kept, counted from the end of the build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Hours of an ISO; for ever, when absent.
    pub iso_hours: Option<i64>,
    /// Hours of any other image; for ever, when absent.
    pub other_hours: Option<i64>,
    /// An ISO that was fetched whole goes before its time.
    pub iso_after_download: bool,
}

impl Default for Retention {
    fn default() -> Self {
        Self { iso_hours: Some(24), other_hours: None, iso_after_download: false }
    }
}

/// What becomes of a wish to keep something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pinned {
    /// It is as wished.
    Done,
    /// It has expired already.
    TooLate,
    /// There is no such thing.
    Missing,
}

#[derive(FromQueryResult)]
struct Id {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct Ended {
    tenant_id: Uuid,
    now: i64,
}

#[derive(FromQueryResult)]
struct StatusRow {
    status: String,
}

#[derive(FromQueryResult)]
struct Stored {
    stored_bytes: i64,
    storage_bytes: Option<i64>,
}

impl Database {
    /// Sets how long a tenant's images are kept; whether there is such a tenant.
    pub async fn set_retention(&self, tenant: TenantId, retention: Retention) -> Result<bool, DbError> {
        let text =
            "UPDATE tenant SET iso_hours = $2, other_hours = $3, iso_after_download = $4 WHERE id = $1";
        let Retention { iso_hours, other_hours, iso_after_download } = retention;
        let values = [tenant.into(), iso_hours.into(), other_hours.into(), iso_after_download.into()];
        Ok(change(self.writer(), self.sql(text, values)).await? > 0)
    }

    /// Lets images expire whose time is over, of some builds; what is to be told about these.
    pub async fn expire(&self) -> Result<Vec<Told>, DbError> {
        let mut told = Vec::new();
        for due in DUE {
            let text = format!(
                "SELECT DISTINCT b.id AS id FROM artifact a JOIN build b ON b.id = a.build_id
                    JOIN tenant t ON t.id = b.tenant_id WHERE {LOOSE} AND {} ORDER BY b.id LIMIT $1",
                filled(due)
            );
            let builds: Vec<Id> = all(self.reader(), self.sql(&text, [TOGETHER.into()])).await?;
            for row in builds {
                told.extend(self.expire_build(BuildId(row.id)).await?);
            }
        }
        Ok(told)
    }

    async fn expire_build(&self, build: BuildId) -> Result<Option<Told>, DbError> {
        let transaction = self.begin().await?;
        // whoever pins it changes the same row: one of the two comes first
        let text = "UPDATE build SET pinned = pinned WHERE id = $1 AND status = 'succeeded' AND NOT pinned
                    RETURNING tenant_id, CAST({now} AS BIGINT) AS now";
        let Some(row) = one::<Ended>(&transaction, self.sql(text, [build.into()])).await? else {
            return Ok(None);
        };
        let text = format!(
            "UPDATE artifact SET expired_at = {{now}} WHERE build_id = $1 AND name IN (SELECT a.name
                FROM artifact a JOIN build b ON b.id = a.build_id JOIN tenant t ON t.id = b.tenant_id
                WHERE a.build_id = $1 AND {LOOSE} AND (({}) OR ({})))",
            filled(DUE[0]),
            filled(DUE[1])
        );
        change(&transaction, self.sql(&text, [build.into()])).await?;
        let text = format!(
            "UPDATE build SET status = 'expired' WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM artifact a
                WHERE a.build_id = $1 AND a.expired_at IS NULL AND {IMAGE})"
        );
        let ended = change(&transaction, self.sql(&text, [build.into()])).await? > 0;
        let events = if ended { vec![state(Status::Expired, row.now)] } else { Vec::new() };
        let chunk = append(self, &transaction, build, &events).await?;
        self.recount(&transaction, TenantId(row.tenant_id)).await?;
        transaction.commit().await?;
        Ok(chunk.map(|chunk| Told { build, chunk }))
    }

    /// Forgets the artifacts of a build that there is no room for.
    pub(crate) async fn drop_artifacts(
        &self,
        transaction: &DatabaseTransaction,
        build: BuildId,
        tenant: TenantId,
    ) -> Result<(), DbErr> {
        let text = "DELETE FROM artifact WHERE build_id = $1";
        change(transaction, self.sql(text, [build.into()])).await?;
        self.recount(transaction, tenant).await?;
        Ok(())
    }

    /// Counts anew what a tenant keeps, equal bytes once; whether that is within its quota.
    pub(crate) async fn recount(
        &self,
        transaction: &DatabaseTransaction,
        tenant: TenantId,
    ) -> Result<bool, DbErr> {
        // the count sees what others committed before they let go of the row
        self.serialize(transaction, tenant).await?;
        let text =
            "UPDATE tenant SET stored_bytes = (SELECT CAST(COALESCE(sum(held.size), 0) AS BIGINT) FROM (
                        SELECT DISTINCT a.sha256, a.size FROM artifact a JOIN build b ON b.id = a.build_id
                        WHERE b.tenant_id = $1 AND a.expired_at IS NULL) held)
                    WHERE id = $1 RETURNING stored_bytes, storage_bytes";
        let row: Option<Stored> = one(transaction, self.sql(text, [tenant.into()])).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound(tenant.to_string()))?;
        Ok(row.storage_bytes.is_none_or(|most| row.stored_bytes <= most))
    }

    /// Notes that bytes of an artifact from `first` to `end` were fetched. When all were, from the beginning on, the
    /// artifact counts as fetched.
    pub async fn note_fetched(
        &self,
        build: BuildId,
        name: &str,
        first: i64,
        end: i64,
    ) -> Result<(), DbError> {
        let text = "UPDATE artifact SET fetched_bytes = $4,
                        fetched_at = CASE WHEN $4 >= size THEN COALESCE(fetched_at, {now}) ELSE fetched_at END
                    WHERE build_id = $1 AND name = $2 AND fetched_bytes >= $3 AND fetched_bytes < $4";
        let values = [build.into(), name.into(), first.into(), end.into()];
        change(self.writer(), self.sql(text, values)).await?;
        Ok(())
    }

    /// Keeps all images of a tenant's build, or no longer.
    pub async fn pin(&self, tenant: TenantId, build: BuildId, pinned: bool) -> Result<Pinned, DbError> {
        let transaction = self.begin().await?;
        let text = "UPDATE build SET pinned = (status <> 'expired' AND $3) WHERE id = $1 AND tenant_id = $2
                    RETURNING status";
        let values = [build.into(), tenant.into(), pinned.into()];
        let row: Option<StatusRow> = one(&transaction, self.sql(text, values)).await?;
        let Some(row) = row else { return Ok(Pinned::Missing) };
        transaction.commit().await?;
        let late = pinned && row.status == Status::Expired.name();
        Ok(if late { Pinned::TooLate } else { Pinned::Done })
    }

    /// Keeps one artifact of a tenant's build, or no longer.
    pub async fn pin_artifact(
        &self,
        tenant: TenantId,
        build: BuildId,
        name: &str,
        pinned: bool,
    ) -> Result<Pinned, DbError> {
        let transaction = self.begin().await?;
        let text = "UPDATE build SET pinned = pinned WHERE id = $1 AND tenant_id = $2";
        if change(&transaction, self.sql(text, [build.into(), tenant.into()])).await? == 0 {
            return Ok(Pinned::Missing);
        }
        let text = "UPDATE artifact SET pinned = $3 WHERE build_id = $1 AND name = $2 AND expired_at IS NULL";
        let done =
            change(&transaction, self.sql(text, [build.into(), name.into(), pinned.into()])).await? > 0;
        transaction.commit().await?;
        if done {
            return Ok(Pinned::Done);
        }
        let there = self.artifacts(build).await?.iter().any(|artifact| artifact.name == name);
        Ok(match (there, pinned) {
            (false, _) => Pinned::Missing,
            (true, true) => Pinned::TooLate,
            (true, false) => Pinned::Done,
        })
    }
}

fn filled(due: &str) -> String {
    due.replace("{iso}", ISO)
        .replace("{hour}", &HOUR.to_string())
        .replace("{grace}", &FETCHED_GRACE.to_string())
        .replace("{image}", IMAGE)
}

/// Why a build failed whose artifacts its tenant has no room for.
pub(crate) fn no_room() -> Json {
    json!({
        "category": "quota",
        "message": "the storage quota has no room for what the build made",
        "nextAction": "delete builds, unpin some and wait for them to expire, or ask for more storage",
    })
}
