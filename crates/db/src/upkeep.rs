//! Looking after a database as a whole: its schema, a copy of it, whether it is sound.

use std::path::Path;

use sea_orm::{ConnectionTrait as _, DbErr, FromQueryResult};
use sea_orm_migration::MigratorTrait as _;

use crate::connect::{Database, DbError, all, one};
use crate::migration::Migrator;

/// Which migrations a database has had.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// Those that it has had, oldest first.
    pub applied: Vec<String>,
    /// Those of this program that it lacks.
    pub pending: Vec<String>,
    /// Those that it has had and this program does not know: a newer one made them.
    pub unknown: Vec<String>,
}

#[derive(FromQueryResult)]
struct Count {
    number: i64,
}

#[derive(FromQueryResult)]
struct Version {
    version: String,
}

#[derive(FromQueryResult)]
struct Verdict {
    integrity_check: String,
}

impl Database {
    /// Which migrations it has had. Nothing is written.
    pub async fn schema(&self) -> Result<Schema, DbError> {
        let text = if self.is_sqlite() {
            "SELECT count(*) AS number FROM sqlite_master WHERE name = 'seaql_migrations'"
        } else {
            "SELECT count(*) AS number FROM information_schema.tables
             WHERE table_name = 'seaql_migrations' AND table_schema = current_schema()"
        };
        let begun: Option<Count> = one(self.reader(), self.sql(text, [])).await?;
        let applied: Vec<Version> = if begun.is_some_and(|count| count.number > 0) {
            let text = "SELECT version FROM seaql_migrations ORDER BY version";
            all(self.reader(), self.sql(text, [])).await?
        } else {
            Vec::new()
        };
        let applied: Vec<String> = applied.into_iter().map(|row| row.version).collect();
        let known: Vec<String> =
            Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
        let pending = known.iter().filter(|name| !applied.contains(name)).cloned().collect();
        let unknown = applied.iter().filter(|name| !known.contains(name)).cloned().collect();
        Ok(Schema { applied, pending, unknown })
    }

    /// Writes a copy as it is at this moment into a file that must not exist, while others go on writing. SQLite alone.
    pub async fn copy_to(&self, file: &Path) -> Result<(), DbError> {
        if !self.is_sqlite() {
            return Err(DbErr::Custom("PostgreSQL is copied by its own tools".to_owned()).into());
        }
        let name = file.to_str().ok_or_else(|| DbErr::Custom("the path is not UTF-8".to_owned()))?;
        self.reader().execute_raw(self.sql("VACUUM INTO $1", [name.into()])).await?;
        Ok(())
    }

    /// What is wrong with the file of an SQLite database, in its own words; nothing when it is sound.
    pub async fn damage(&self) -> Result<Option<String>, DbError> {
        if !self.is_sqlite() {
            return Ok(None);
        }
        let found: Option<Verdict> = one(self.reader(), self.sql("PRAGMA integrity_check(1)", [])).await?;
        Ok(found.map(|row| row.integrity_check).filter(|verdict| verdict != "ok"))
    }

    /// Ends every connection; of SQLite, nothing but the one file is left then.
    pub async fn close(self) -> Result<(), DbError> {
        self.reader().close_by_ref().await?;
        Ok(self.writer().connection().close_by_ref().await?)
    }
}
