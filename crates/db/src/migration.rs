//! The schema, as numbered migrations that both databases take.

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager, async_trait};

/// Every migration, oldest first.
const MIGRATIONS: &[Statements] = &[
    Statements {
        name: "0001_service",
        both: include_str!("migration/0001_service.sql"),
        sqlite: include_str!("migration/0001_service.sqlite.sql"),
        postgres: include_str!("migration/0001_service.postgres.sql"),
    },
    Statements::plain("0002_documents", include_str!("migration/0002_documents.sql")),
    Statements::plain("0003_blobs", include_str!("migration/0003_blobs.sql")),
    Statements::plain("0004_session", include_str!("migration/0004_session.sql")),
    Statements::plain("0004_retention", include_str!("migration/0004_retention.sql")),
    Statements::plain("0004_push", include_str!("migration/0004_push.sql")),
    Statements::plain("0004_chunk", include_str!("migration/0004_chunk.sql")),
    Statements::plain("0005_webhooks", include_str!("migration/0005_webhooks.sql")),
    Statements::plain("0006_figures", include_str!("migration/0006_figures.sql")),
    Statements::plain("0008_lists", include_str!("migration/0008_lists.sql")),
    Statements::plain("0009_overview", include_str!("migration/0009_overview.sql")),
    Statements::plain("0010_idempotency", include_str!("migration/0010_idempotency.sql")),
    Statements::plain("0011_fleet", include_str!("migration/0011_fleet.sql")),
];

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        MIGRATIONS.iter().map(|migration| Box::new(*migration) as Box<dyn MigrationTrait>).collect()
    }
}

/// One migration.
#[derive(Clone, Copy)]
struct Statements {
    name: &'static str,
    /// For both databases, with `UUID` as the type of ids.
    both: &'static str,
    /// Behind that, for one of them.
    sqlite: &'static str,
    postgres: &'static str,
}

impl Statements {
    /// What is the same for both databases.
    const fn plain(name: &'static str, both: &'static str) -> Self {
        Self { name, both, sqlite: "", postgres: "" }
    }
}

impl MigrationName for Statements {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Statements {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let text = match manager.get_database_backend() {
            // SQLite has no type for ids: sixteen bytes
            DbBackend::Sqlite => self.both.replace("UUID", "BLOB") + self.sqlite,
            _ => self.both.to_owned() + self.postgres,
        };
        connection.execute_unprepared(&text).await?;
        Ok(())
    }
}
