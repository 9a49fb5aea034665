//! What several processes need to be one service.

use std::time::Duration;

use lbuild_db::Database;
use lbuild_db::fleet::{Enlisted, Reached};
use lbuild_db::key::NewKey;
use lbuild_db::queue::Progress;
use lbuild_db::tenant::Tier;

use crate::support::{submit, tenant};

const LEASE: Duration = Duration::from_mins(1);

fn worker(name: &str, slots: i64) -> Enlisted {
    Enlisted { name: name.to_owned(), slots, version: "1".to_owned(), draining: false }
}

async fn who_works_is_known_until_it_is_silent(db: &Database) {
    let tenant = tenant(db, "a", Tier::Pro).await;
    submit(db, tenant, "d").await;
    for known in [worker("one", 2), worker("two", 3), Enlisted { draining: true, ..worker("three", 4) }] {
        db.enlist(&known).await.expect("it is known");
    }
    db.claim("two", LEASE).await.expect("a claim").expect("a build");
    let seen = |workers: Vec<lbuild_db::fleet::Worker>| {
        workers.into_iter().map(|worker| (worker.name, worker.slots, worker.running)).collect::<Vec<_>>()
    };
    let expected =
        [("one", 2, 0), ("three", 4, 0), ("two", 3, 1)].map(|(name, s, r)| (name.to_owned(), s, r));
    assert_eq!(seen(db.workers().await.expect("workers")), expected);
    assert_eq!(db.capacity(LEASE).await.expect("a capacity").slots, 5, "who drains takes nothing");
    assert_eq!(db.capacity(Duration::ZERO).await.expect("a capacity").slots, 0, "all were silent since");

    db.delist("one").await.expect("it is struck off");
    db.delist_silent(LEASE).await.expect("nobody is silent");
    assert_eq!(db.workers().await.expect("workers").len(), 2);
    db.delist_silent(Duration::ZERO).await.expect("all are struck off");
    assert!(db.workers().await.expect("workers").is_empty());
}

async fn of_many_first_values_one_is_kept(db: &Database) {
    let values = (0..8).map(|n| {
        let db = db.clone();
        tokio::spawn(async move { db.setting("name", &n.to_string()).await.expect("a value") })
    });
    let mut kept = Vec::new();
    for value in values.collect::<Vec<_>>() {
        kept.push(value.await.expect("it ends"));
    }
    kept.dedup();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(db.setting("name", "another").await.expect("a value"), kept[0]);
}

async fn of_many_first_keys_one_is_kept(db: &Database) {
    let tenant = tenant(db, "operator", Tier::Pro).await;
    let keys = (0..8).map(|n| {
        let db = db.clone();
        let new = NewKey {
            id: format!("key-{n}"),
            tenant,
            name: "first".to_owned(),
            secret_sha256: String::new(),
            scopes: Vec::new(),
            expires_at: None,
        };
        tokio::spawn(async move { db.create_first_key(&new).await.expect("an answer") })
    });
    let mut kept = 0;
    for key in keys.collect::<Vec<_>>() {
        kept += usize::from(key.await.expect("it ends"));
    }
    assert_eq!(kept, 1);
}

async fn how_far_events_go_is_known(db: &Database) {
    let tenant = tenant(db, "a", Tier::Pro).await;
    let (one, two) = (submit(db, tenant, "d").await.build.id, submit(db, tenant, "e").await.build.id);
    let before = db.reached(&[one, two]).await.expect("an answer");
    let lease = db.claim("one", LEASE).await.expect("a claim").expect("a build").lease;
    let progress = Progress { step: None, done: 0.0, booting: false };
    db.report(&lease, &[], &progress).await.expect("it is stored");
    let last = |reached: &[Reached], build| reached.iter().find(|r| r.build == build).expect("it").last_seq;
    let after = db.reached(&[one, two]).await.expect("an answer");
    assert!(last(&after, lease.build) > last(&before, lease.build));
    let other = if lease.build == one { two } else { one };
    assert_eq!(last(&after, other), last(&before, other));
    assert!(db.reached(&[]).await.expect("an answer").is_empty());
}

crate::on_both!(
    who_works_is_known_until_it_is_silent,
    of_many_first_values_one_is_kept,
    of_many_first_keys_one_is_kept,
    how_far_events_go_is_known,
);
