//! Sessions last as long as they and their keys do.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use lbuild_db::key::NewKey;
use lbuild_db::tenant::Tier;
use lbuild_db::{Clock, Database};

use crate::support::tenant;

const HOUR: Duration = Duration::from_hours(1);

async fn a_session_ends_by_itself_with_its_key_and_when_there_are_too_many(db: &Database) {
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let db = &db.clone().with_clock(Clock::Simulated(Arc::clone(&now)));
    let tenant = tenant(db, "a", Tier::Pro).await;
    let key = NewKey {
        id: "key".to_owned(),
        tenant,
        name: "test".to_owned(),
        secret_sha256: "hash".to_owned(),
        scopes: vec!["build:read".to_owned()],
        expires_at: Some(now.load(Ordering::Relaxed) + 3 * 3_600_000),
    };
    db.create_key(&key).await.expect("it is kept");
    let lasts = async |id: &str| db.session(id).await.expect("an answer").is_some();
    let ends = db.begin_session("one", "key", HOUR).await.expect("it begins");
    assert_eq!(ends, now.load(Ordering::Relaxed) + 3_600_000);
    assert!(lasts("one").await && !lasts("two").await);
    now.fetch_add(3_600_000, Ordering::Relaxed);
    assert!(!lasts("one").await, "its time is over");

    db.begin_session("two", "key", 10 * HOUR).await.expect("it begins");
    now.fetch_add(2 * 3_600_000 - 1, Ordering::Relaxed);
    assert!(lasts("two").await);
    now.fetch_add(1, Ordering::Relaxed);
    assert!(!lasts("two").await, "the time of its key is over");

    now.fetch_sub(3_600_000, Ordering::Relaxed);
    for n in 0..50 {
        now.fetch_add(1, Ordering::Relaxed);
        db.begin_session(&n.to_string(), "key", HOUR).await.expect("it begins");
    }
    assert!(!lasts("two").await && lasts("0").await && lasts("49").await, "the oldest went");
    assert!(db.end_session("7").await.expect("an answer") && !lasts("7").await);
    assert!(db.revoke_key("key").await.expect("an answer"));
    assert!(!lasts("49").await, "the key is revoked");
}

crate::on_both!(a_session_ends_by_itself_with_its_key_and_when_there_are_too_many);
