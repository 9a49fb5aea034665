//! Where a service keeps things: its data directory, its database, its key files.

use std::path::PathBuf;

use lbuild_db::{Database, DbError, OpenError};

/// The file of the database in a data directory.
pub const DATABASE: &str = "lbuild.db";

/// The file whose lock says that a process has the data directory.
pub const LOCK: &str = "lock";

/// The file that webhooks' secrets and signatures of addresses derive from.
pub const SIGNING_SECRET: &str = "signing-secret";

/// The file of the key that secrets of tenants are sealed with, unless another was named.
pub const SECRET_KEY: &str = "secret-key";

/// Files with secrets in a data directory. What they protect is lost with them.
pub const KEYS: [&str; 2] = [SIGNING_SECRET, SECRET_KEY];

/// Where a service keeps things.
#[derive(Debug, Clone)]
pub struct Place {
    /// The data directory.
    pub data: PathBuf,
    /// Address of the database; SQLite in the data directory, when absent.
    pub database: Option<String>,
}

/// Why a database cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// It does not open, or a migration failed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It does not answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// There is none.
    #[error("there is no database at `{}`", .0.display())]
    Missing(PathBuf),
    /// The data directory cannot be used, or a service uses it.
    #[error(transparent)]
    Directory(#[from] crate::serve::ServeError),
    /// The process.
    #[error("cannot run")]
    Run(#[source] std::io::Error),
}

/// The migrations of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrations {
    /// What the database is.
    pub database: &'static str,
    /// Those that it lacked, oldest first.
    pub pending: Vec<String>,
    /// Those of a newer program.
    pub unknown: Vec<String>,
}

impl Place {
    /// Address of the database.
    pub fn address(&self) -> String {
        let own = || format!("sqlite:{}", self.data.join(DATABASE).display());
        self.database.clone().unwrap_or_else(own)
    }

    /// The file of the database, of SQLite.
    pub fn database_file(&self) -> Option<PathBuf> {
        self.address().strip_prefix("sqlite:").map(PathBuf::from)
    }

    /// The migrations that its database lacks; they are applied unless `check`.
    ///
    /// # Errors
    /// Also when a service works on a database of SQLite: it may be an older program.
    pub fn migrate(&self, check: bool) -> Result<Migrations, MigrateError> {
        run(async {
            let file = self.database_file();
            if let (true, Some(file)) = (check, file.filter(|file| !file.exists())) {
                return Err(MigrateError::Missing(file));
            }
            let _lock = match self.database_file() {
                Some(_) if !check => Some(crate::serve::take_directory(&self.data)?),
                _ => None,
            };
            let db = Database::open(&self.address()).await?;
            let schema = db.schema().await?;
            if !check {
                db.migrate().await?;
            }
            let database = db.kind();
            db.close().await?;
            Ok(Migrations { database, pending: schema.pending, unknown: schema.unknown })
        })
        .map_err(MigrateError::Run)?
    }
}

/// Runs something short to its end.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(work))
}
