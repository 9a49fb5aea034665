//! The schema, as numbered migrations that both databases take.

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager, async_trait};

/// Every migration, oldest first.
pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Service), Box::new(Sessions)]
    }
}

/// Tenants, keys, builds with their events and artifacts, the audit log.
struct Service;

impl MigrationName for Service {
    fn name(&self) -> &'static str {
        "0001_service"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Service {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = include_str!("migration/0001_service.sql");
        let connection = manager.get_connection();
        if manager.get_database_backend() == DbBackend::Sqlite {
            // SQLite has no type for them: sixteen bytes
            connection.execute_unprepared(&tables.replace("UUID", "BLOB")).await?;
            connection.execute_unprepared(include_str!("migration/0001_service.sqlite.sql")).await?;
        } else {
            connection.execute_unprepared(tables).await?;
            connection.execute_unprepared(include_str!("migration/0001_service.postgres.sql")).await?;
        }
        Ok(())
    }
}

/// Sessions of browsers.
struct Sessions;

impl MigrationName for Sessions {
    fn name(&self) -> &'static str {
        "0004_session"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Sessions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(include_str!("migration/0004_session.sql")).await?;
        Ok(())
    }
}
