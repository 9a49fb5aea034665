//! The audit log cannot be changed, and says so when somebody did it behind the database's back (T33).

use lbuild_db::audit::{Checked, Entry};
use sea_orm::ConnectionTrait as _;

use crate::support::{Fresh, postgres, sqlite};

async fn t33_rows_are_chained_and_cannot_be_changed(fresh: &Fresh) {
    let db = &fresh.db;
    let behind = sea_orm::Database::connect(&fresh.address).await.expect("another connection");
    for n in 0..5 {
        let entry = Entry { actor: format!("key{n}"), action: "build.create".to_owned(), ..Entry::default() };
        db.audit(&entry).await.expect("it is appended");
    }
    let (rows, fault) = db.audit_after(0, 10).await.expect("the log");
    assert_eq!(fault, None);
    let mut checked = Checked::default();
    assert_eq!(db.audit_fault_after(&mut checked).await.expect("a check"), None);
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(rows[3].entry["actor"], "key3");
    assert_eq!(db.audit_fault().await.expect("a check"), None);
    for attack in ["UPDATE audit SET entry = '{}' WHERE seq = 3", "DELETE FROM audit WHERE seq = 3"] {
        assert!(behind.execute_unprepared(attack).await.is_err(), "{attack} is refused");
    }
    // whoever owns the database can still take the guard away
    let guard = match db.kind() {
        "SQLite" => "DROP TRIGGER audit_keeps_text",
        _ => "DROP TRIGGER audit_keeps_rows ON audit",
    };
    behind.execute_unprepared(guard).await.expect("the guard falls");
    behind.execute_unprepared("UPDATE audit SET entry = '{}' WHERE seq = 3").await.expect("the row changes");
    assert_eq!(db.audit_fault().await.expect("a check"), Some(3));
    assert_eq!(db.audit_after(0, 10).await.expect("the log").1, Some(3), "whoever reads the page sees it");
    assert_eq!(db.audit_after(3, 10).await.expect("the log").1, None);
    db.audit(&Entry::default()).await.expect("it is appended");
    assert_eq!(
        db.audit_fault_after(&mut checked).await.expect("a check"),
        None,
        "the new row alone is looked at"
    );
    behind.execute_unprepared("UPDATE audit SET hash = 'x' WHERE seq = 6").await.expect("the row changes");
    db.audit(&Entry::default()).await.expect("it is appended");
    assert_eq!(db.audit_fault_after(&mut checked).await.expect("a check"), Some(7));
    assert_eq!(db.audit_after(5, 10).await.expect("the log").1, Some(6));
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_on_sqlite() {
    t33_rows_are_chained_and_cannot_be_changed(&sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_on_postgres() {
    t33_rows_are_chained_and_cannot_be_changed(&postgres().await).await;
}
