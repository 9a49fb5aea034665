//! Commits that are on the disk when they are answered, with one flush for many.
//!
//! SQLite itself would flush its write-ahead log at every commit, and everybody who writes would wait for that in turn.
//! So it commits without (`synchronous=NORMAL`, which still orders a checkpoint's writes), and whoever committed waits
//! for a flush of the log that began afterwards. Those that commit while a flush is under way share the next one.
//! See <https://www.sqlite.org/wal.html#performance_considerations>.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    Statement, TransactionOptions, TransactionTrait as _,
};
use tokio::sync::Mutex;

/// The write-ahead log of a SQLite database.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    commits: AtomicU64,
    flushed: Mutex<Flushed>,
}

#[derive(Debug, Default)]
struct Flushed {
    /// Commits that are on the disk.
    commits: u64,
    /// A flush failed: the system forgets then what it could not write, and the next one would succeed without it.
    lost: bool,
}

impl Flushed {
    fn check(&self) -> Result<(), DbErr> {
        let lost = || failed(&io::Error::other("an earlier flush failed; start the service again"));
        if self.lost { Err(lost()) } else { Ok(()) }
    }
}

impl Log {
    /// That of the database at `database`.
    pub(crate) fn of(database: &str) -> Self {
        let path = PathBuf::from(format!("{database}-wal"));
        Self { path, commits: AtomicU64::new(0), flushed: Mutex::default() }
    }

    /// Waits until what was committed before is on the disk.
    pub(crate) async fn flush(&self) -> Result<(), DbErr> {
        let mine = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        let mut flushed = self.flushed.lock().await;
        if flushed.commits >= mine {
            return Ok(());
        }
        flushed.check()?;
        let all = self.commits.load(Ordering::SeqCst);
        let path = self.path.clone();
        let result = tokio::task::spawn_blocking(move || sync(&path)).await;
        let result = result.unwrap_or_else(|error| Err(io::Error::other(error)));
        flushed.lost = result.is_err();
        result.map_err(|error| failed(&error))?;
        flushed.commits = all;
        Ok(())
    }
}

/// Flushes the file that has this name now: SQLite removes it with its last connection, when everything has moved into the
/// database and that was flushed, and makes another one later.
fn sync(path: &Path) -> io::Result<()> {
    match File::open(path) {
        Ok(file) => file.sync_data(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn failed(error: &io::Error) -> DbErr {
    DbErr::Custom(format!("the write-ahead log cannot be flushed: {error}"))
}

/// The connections that write.
#[derive(Debug, Clone)]
pub struct Writer {
    connection: DatabaseConnection,
    log: Option<Arc<Log>>,
}

impl Writer {
    /// Connections to a database that flushes by itself, or to SQLite with this log.
    pub(crate) fn new(connection: DatabaseConnection, log: Option<Log>) -> Self {
        Self { connection, log: log.map(Arc::new) }
    }

    /// The connections themselves, for what need not be on the disk when it returns.
    pub(crate) fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    pub(crate) async fn begin(&self, options: TransactionOptions) -> Result<Transaction, DbErr> {
        let inner = self.connection.begin_with_options(options).await?;
        Ok(Transaction { inner, log: self.log.clone() })
    }

    /// Whether what is committed can still be flushed.
    pub(crate) async fn check(&self) -> Result<(), DbErr> {
        match &self.log {
            Some(log) => log.flushed.lock().await.check(),
            None => Ok(()),
        }
    }

    async fn flushed<T>(&self, done: Result<T, DbErr>) -> Result<T, DbErr> {
        if let (Ok(_), Some(log)) = (&done, &self.log) {
            log.flush().await?;
        }
        done
    }
}

#[async_trait]
impl ConnectionTrait for Writer {
    fn get_database_backend(&self) -> DbBackend {
        self.connection.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.flushed(self.connection.execute_raw(statement).await).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.flushed(self.connection.execute_unprepared(sql).await).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.flushed(self.connection.query_one_raw(statement).await).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.flushed(self.connection.query_all_raw(statement).await).await
    }
}

/// A transaction whose commit is on the disk when it returns. Dropped without, it is rolled back.
#[derive(Debug)]
pub struct Transaction {
    inner: DatabaseTransaction,
    log: Option<Arc<Log>>,
}

impl Transaction {
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        self.inner.commit().await?;
        match &self.log {
            Some(log) => log.flush().await,
            None => Ok(()),
        }
    }
}

impl Deref for Transaction {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.inner
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.inner.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.inner.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.inner.query_all_raw(statement).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_that_commit_during_a_flush_share_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let log = Log::of(&directory.path().join("db").display().to_string());
        std::fs::write(&log.path, "log").unwrap();
        let under_way = log.flushed.lock().await;
        let (one, two) = (log.flush(), log.flush());
        let both = async { tokio::join!(one, two) };
        let (release, (one, two)) = tokio::join!(async { drop(under_way) }, both);
        let ((), Ok(()), Ok(())) = (release, one, two) else { panic!("both are on the disk") };
        let flushed = log.flushed.lock().await;
        assert_eq!(flushed.commits, 2, "one flush for both");
    }

    #[tokio::test]
    async fn after_a_failed_flush_nothing_is_called_durable_and_the_database_counts_as_lost() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("lbuild.db");
        let db = crate::Database::open(&format!("sqlite:{}", database.display())).await.unwrap();
        db.migrate().await.unwrap();
        db.ping().await.unwrap();
        let in_the_way = directory.path().join("file");
        std::fs::write(&in_the_way, "no directory").unwrap();
        let log = Log::of(&in_the_way.join("db").display().to_string());
        let writer = Writer::new(db.writer().connection().clone(), Some(log));
        let statement = "CREATE TABLE t (x INTEGER)";
        writer.execute_unprepared(statement).await.unwrap_err();
        std::fs::remove_file(&in_the_way).unwrap();
        let error = writer.execute_unprepared("DROP TABLE t").await.unwrap_err();
        assert!(error.to_string().contains("an earlier flush failed"), "{error}");
        writer.check().await.unwrap_err();
    }
}
