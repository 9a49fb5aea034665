//! Databases of both kinds, and what tests put into them.

use std::time::Duration;

use lbuild_db::audit::Entry;
use lbuild_db::submit::{NewBuild, Submission};
use lbuild_db::tenant::Tier;
use lbuild_db::{Database, TenantId};
use tempfile::TempDir;

/// An empty database with its schema.
pub struct Fresh {
    pub db: Database,
    /// Where others reach it.
    pub address: String,
    _directory: Option<TempDir>,
}

pub async fn sqlite() -> Fresh {
    sqlite_in(tempfile::tempdir().expect("a directory")).await
}

/// Where a flush costs nothing, for histories that nobody cuts the power in.
pub async fn sqlite_in_memory() -> Fresh {
    sqlite_in(tempfile::tempdir_in("/dev/shm").expect("a directory")).await
}

async fn sqlite_in(directory: TempDir) -> Fresh {
    let path = directory.path().join("lbuild.db");
    let address = format!("sqlite:{}", path.display());
    let db = Database::open(&address).await.expect("SQLite opens");
    db.migrate().await.expect("the schema is made");
    Fresh { db, address, _directory: Some(directory) }
}

pub async fn postgres() -> Fresh {
    let address = lbuild_testkit::postgres::database();
    let db = Database::open(&address).await.expect("PostgreSQL answers");
    db.migrate().await.expect("the schema is made");
    Fresh { db, address, _directory: None }
}

/// Makes one test of each kind of database out of a function.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { let fresh = $crate::support::sqlite().await; super::$name(&fresh.db).await; })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { let fresh = $crate::support::postgres().await; super::$name(&fresh.db).await; })+
        }
    };
}

pub async fn tenant(db: &Database, name: &str, tier: Tier) -> TenantId {
    db.create_tenant(name, tier).await.expect("a new tenant").id
}

/// A build whose spec has this digest.
pub fn new_build(tenant: TenantId, digest: &str) -> NewBuild {
    NewBuild {
        tenant,
        name: "image".to_owned(),
        base: "debian".to_owned(),
        spec: "{}".to_owned(),
        spec_digest: digest.to_owned(),
        boot_check: false,
        current: Duration::ZERO,
        push: None,
        idempotency: None,
        audit: Entry { actor: "test".to_owned(), action: "build.create".to_owned(), ..Entry::default() },
    }
}

pub async fn submit(db: &Database, tenant: TenantId, digest: &str) -> Submission {
    db.submit(&new_build(tenant, digest)).await.expect("it is taken in")
}
