//! Leases when the database's clock is set: they are counted by it, and workers by the time that passes.

use std::time::Duration;

use sea_orm::{DbErr, FromQueryResult};

use crate::connect::{Database, DbError, change, milliseconds, one};

/// What the database's clock said at the last look.
#[derive(Debug, Default)]
pub struct ClockWatch {
    seen: Option<i64>,
}

#[derive(FromQueryResult)]
struct Now {
    now: i64,
}

impl Database {
    /// Looks at the database's clock, `passed` after the last look. When it was set since, by more than half a lease,
    /// every worker gets a new one: those that are alive have lost no time, and those that are not are found a lease
    /// later. A build that was put off is due at once when its time went away into the future. How far the clock was
    /// set, in milliseconds.
    ///
    /// However many processes do this, it comes to the same.
    pub async fn follow_clock(
        &self,
        watch: &mut ClockWatch,
        passed: Duration,
        lease: Duration,
    ) -> Result<Option<i64>, DbError> {
        let now: Option<Now> =
            one(self.reader(), self.sql("SELECT CAST({now} AS BIGINT) AS now", [])).await?;
        let now = now.ok_or_else(|| DbErr::RecordNotFound("the time".to_owned()))?.now;
        let expected = watch.seen.map_or(now, |seen| seen + milliseconds(passed));
        let set = now - expected;
        if set.abs() <= milliseconds(lease) / 2 {
            watch.seen = Some(now);
            return Ok(None);
        }
        let text = "UPDATE build SET lease_until = {now} + $1 WHERE status IN ('running', 'booting')";
        change(self.writer(), self.sql(text, [milliseconds(lease).into()])).await?;
        if set < 0 {
            let text = "UPDATE build SET not_before = {now} WHERE status = 'queued' AND not_before > {now}";
            change(self.writer(), self.sql(text, [])).await?;
        }
        watch.seen = Some(now);
        Ok(Some(set))
    }
}
