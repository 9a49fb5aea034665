//! Opening a database, and its clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, FromQueryResult,
    SqliteTransactionMode, Statement, TransactionOptions, Value,
};
use sea_orm_migration::MigratorTrait as _;

use crate::durable::{Log, Transaction, Writer};
use crate::migration::Migrator;

/// Connections that read at the same time.
const READERS: u32 = 8;

/// Connections to PostgreSQL.
const CONNECTIONS: u32 = 16;

/// How long a request waits for a connection before the database counts as lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// The number of the lock that whoever migrates has.
const MIGRATION: i64 = 0x6c62_7569_6c64;

/// A database failed; nothing is known about what it did.
#[derive(Debug, thiserror::Error)]
#[error("the database failed")]
pub struct DbError(#[from] pub(crate) DbErr);

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// An address of a kind that is not known.
    #[error("`{0}` is not the address of a database")]
    Address(String),
    /// It does not answer, or refuses.
    #[error("cannot connect to the database")]
    Connect(#[source] DbErr),
    /// The schema could not be brought up to date.
    #[error("cannot migrate the database")]
    Migrate(#[source] DbErr),
}

/// Where the time of leases and of rows comes from: never from the machine that asks.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The database's own.
    #[default]
    Database,
    /// A simulation's, in milliseconds since 1970.
    Simulated(Arc<AtomicI64>),
}

impl Clock {
    /// The SQL expression for now, in milliseconds since 1970.
    fn expression(&self, backend: DbBackend) -> String {
        match self {
            Self::Simulated(now) => now.load(Ordering::Relaxed).to_string(),
            Self::Database if backend == DbBackend::Sqlite => {
                "CAST(unixepoch('subsec') * 1000 AS INTEGER)".to_owned()
            }
            Self::Database => "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)".to_owned(),
        }
    }
}

/// A database: SQLite in a file, or PostgreSQL.
///
/// SQLite has one connection that writes, so that writers wait for each other here and not in its busy handler. What was
/// answered is on the disk.
#[derive(Debug, Clone)]
pub struct Database {
    writer: Writer,
    reader: DatabaseConnection,
    clock: Clock,
}

impl Database {
    /// Opens `sqlite:PATH`, which is made when absent, or `postgres://...`. The schema is left as it is.
    pub async fn open(address: &str) -> Result<Self, OpenError> {
        if let Some(path) = address.strip_prefix("sqlite:") {
            let url = format!("sqlite:{path}?mode=rwc");
            let writer = Writer::new(sqlite(&url, 1).await?, Some(Log::of(path)));
            let reader = sqlite(&url, READERS).await?;
            return Ok(Self { writer, reader, clock: Clock::Database });
        }
        if !address.starts_with("postgres://") && !address.starts_with("postgresql://") {
            // what follows the scheme may be a password
            let scheme = address.split(':').next().unwrap_or_default();
            return Err(OpenError::Address(format!("{scheme}:...")));
        }
        let mut options = ConnectOptions::new(address);
        options
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .connect_timeout(PATIENCE)
            .sqlx_logging(false);
        let reader = sea_orm::Database::connect(options).await.map_err(OpenError::Connect)?;
        Ok(Self { writer: Writer::new(reader.clone(), None), reader, clock: Clock::Database })
    }

    /// The same database under another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Applies every migration that it lacks. Of several processes that do so, one does at a time.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        if self.is_sqlite() {
            // a file has one process at a time
            return Migrator::up(self.writer.connection(), None).await.map_err(OpenError::Migrate);
        }
        let turn = self.begin().await.map_err(OpenError::Migrate)?;
        let text = format!("SELECT pg_advisory_xact_lock({MIGRATION})");
        turn.execute_unprepared(&text).await.map_err(OpenError::Migrate)?;
        Migrator::up(self.writer.connection(), None).await.map_err(OpenError::Migrate)?;
        turn.commit().await.map_err(OpenError::Migrate)
    }

    /// Asks it something small, and whether it can still write.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.reader.execute_unprepared("SELECT 1").await?;
        Ok(self.writer.check().await?)
    }

    /// What it is, for people.
    pub fn kind(&self) -> &'static str {
        if self.is_sqlite() { "SQLite" } else { "PostgreSQL" }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.backend() == DbBackend::Sqlite
    }

    fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    /// A statement, in which `{now}` is the time, and `{lock}` passes over rows that others have locked.
    pub(crate) fn sql<const N: usize>(&self, text: &str, values: [Value; N]) -> Statement {
        let backend = self.backend();
        let lock = if self.is_sqlite() { "" } else { "FOR UPDATE SKIP LOCKED" };
        let text = text.replace("{now}", &self.clock.expression(backend)).replace("{lock}", lock);
        Statement::from_sql_and_values(backend, text, values)
    }

    /// Begins to write. SQLite takes its lock at once, since a reader that turns writer can be refused.
    pub(crate) async fn begin(&self) -> Result<Transaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: self.is_sqlite().then_some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.writer.begin(options).await
    }

    /// The connections for single statements that write.
    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// The connections that read.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }
}

async fn sqlite(url: &str, connections: u32) -> Result<DatabaseConnection, OpenError> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .sqlx_logging(false)
        .test_before_acquire(false)
        .map_sqlx_sqlite_opts(|options| {
            options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Normal)
                .busy_timeout(PATIENCE)
                .foreign_keys(true)
        });
    sea_orm::Database::connect(options).await.map_err(OpenError::Connect)
}

/// Every row of a query.
pub(crate) async fn all<R: FromQueryResult>(
    connection: &impl ConnectionTrait,
    statement: Statement,
) -> Result<Vec<R>, DbErr> {
    R::find_by_statement(statement).all(connection).await
}

/// The only row of a query, if there is one.
pub(crate) async fn one<R: FromQueryResult>(
    connection: &impl ConnectionTrait,
    statement: Statement,
) -> Result<Option<R>, DbErr> {
    R::find_by_statement(statement).one(connection).await
}

/// Runs a statement; how many rows it changed.
pub(crate) async fn change(connection: &impl ConnectionTrait, statement: Statement) -> Result<u64, DbErr> {
    Ok(connection.execute_raw(statement).await?.rows_affected())
}

/// A duration as the database counts it.
pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
