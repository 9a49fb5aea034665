//! Leases, fencing, turns.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use lbuild_db::build::Status;
use lbuild_db::jump::ClockWatch;
use lbuild_db::queue::{Cancelled, Ending, LeaseError, MAX_CRASHES, Progress};
use lbuild_db::tenant::Tier;
use lbuild_db::{Clock, Database};
use serde_json::json;

use crate::support::{submit, tenant};

const LEASE: Duration = Duration::from_mins(1);

fn failed() -> Ending {
    Ending::Failed { failure: json!({}) }
}

async fn t36_who_lost_the_lease_changes_nothing(db: &Database) {
    let tenant = tenant(db, "a", Tier::Pro).await;
    let id = submit(db, tenant, "d").await.build.id;
    let zombie = db.claim("one", Duration::ZERO).await.expect("a claim").expect("a build").lease;
    db.sweep(Duration::ZERO).await.expect("a sweep");
    let second = db.claim("two", LEASE).await.expect("a claim").expect("a build").lease;
    assert_eq!((second.build, second.attempt), (id, 2));
    let progress = Progress { step: None, done: 1.0, booting: false };
    assert!(matches!(db.heartbeat(&zombie, LEASE).await, Err(LeaseError::Lost)));
    assert!(matches!(db.report(&zombie, &[], &progress).await, Err(LeaseError::Lost)));
    assert!(matches!(db.finish(&zombie, &[], &failed()).await, Err(LeaseError::Lost)));
    db.finish(&second, &[], &Ending::Cancelled).await.expect("the holder ends it");
    let build = db.build(id).await.expect("an answer").expect("the build");
    assert_eq!((build.status, build.progress), (Status::Cancelled, 0.0));
}

async fn one_build_goes_to_one_worker(db: &Database) {
    let tenant = tenant(db, "a", Tier::Enterprise).await;
    for n in 0..16 {
        submit(db, tenant, &n.to_string()).await;
    }
    let claims = (0..40).map(|n| {
        let db = db.clone();
        tokio::spawn(async move { db.claim(&format!("w{n}"), LEASE).await.expect("a claim") })
    });
    let mut builds = Vec::new();
    for claim in claims.collect::<Vec<_>>() {
        builds.extend(claim.await.expect("it ends").map(|claimed| claimed.lease.build));
    }
    // a claim that passes over rows that others hold may come back empty, so the rest is claimed now
    while let Some(claimed) = db.claim("last", LEASE).await.expect("a claim") {
        builds.push(claimed.lease.build);
    }
    let all = builds.len();
    builds.sort();
    builds.dedup();
    assert_eq!((builds.len(), all), (16, 16));
}

async fn no_tenant_has_more_at_once_than_its_tier_allows(db: &Database) {
    let tenant = tenant(db, "a", Tier::Basic).await;
    for n in 0..10 {
        submit(db, tenant, &n.to_string()).await;
    }
    let claims = (0..20).map(|n| {
        let db = db.clone();
        tokio::spawn(async move { db.claim(&format!("w{n}"), LEASE).await.expect("a claim") })
    });
    let mut running = 0;
    for claim in claims.collect::<Vec<_>>() {
        running += i64::from(claim.await.expect("it ends").is_some());
    }
    while db.claim("last", LEASE).await.expect("a claim").is_some() {
        running += 1;
    }
    assert_eq!(running, Tier::Basic.concurrency());
}

async fn turns_follow_the_tiers_and_nobody_starves(db: &Database) {
    let mut names = HashMap::new();
    for (name, tier) in [("free", Tier::Free), ("basic", Tier::Basic), ("pro", Tier::Pro)] {
        let tenant = tenant(db, name, tier).await;
        names.insert(tenant, name);
        for n in 0..16 {
            submit(db, tenant, &n.to_string()).await;
        }
    }
    let mut taken: HashMap<&str, u32> = HashMap::new();
    for _ in 0..28 {
        let claimed = db.claim("w", LEASE).await.expect("a claim").expect("a build");
        *taken.entry(names[&claimed.tenant]).or_default() += 1;
        db.finish(&claimed.lease, &[], &failed()).await.expect("it ends");
    }
    assert_eq!((taken["free"], taken["basic"], taken["pro"]), (4, 8, 16));
}

async fn a_tenant_that_rested_has_saved_no_turns(db: &Database) {
    let busy = tenant(db, "busy", Tier::Free).await;
    let late = tenant(db, "late", Tier::Free).await;
    for n in 0..20 {
        submit(db, busy, &n.to_string()).await;
    }
    for _ in 0..10 {
        let claimed = db.claim("w", LEASE).await.expect("a claim").expect("a build");
        db.finish(&claimed.lease, &[], &failed()).await.expect("it ends");
    }
    for n in 0..10 {
        submit(db, late, &n.to_string()).await;
    }
    let mut of_busy = 0;
    for _ in 0..6 {
        let claimed = db.claim("w", LEASE).await.expect("a claim").expect("a build");
        of_busy += u32::from(claimed.tenant == busy);
        db.finish(&claimed.lease, &[], &failed()).await.expect("it ends");
    }
    assert_eq!(of_busy, 3, "they take turns");
}

async fn a_build_is_stopped_wherever_it_stands(db: &Database) {
    let owner = tenant(db, "a", Tier::Pro).await;
    let other = tenant(db, "b", Tier::Pro).await;
    let waiting = submit(db, owner, "1").await.build.id;
    assert!(matches!(db.cancel(other, waiting).await.expect("an answer"), Cancelled::Missing));
    assert!(matches!(db.cancel(owner, waiting).await.expect("an answer"), Cancelled::AtOnce(_)));
    assert!(matches!(db.cancel(owner, waiting).await.expect("an answer"), Cancelled::TooLate));
    let running = submit(db, owner, "2").await.build.id;
    let lease = db.claim("w", LEASE).await.expect("a claim").expect("a build").lease;
    assert!(!db.heartbeat(&lease, LEASE).await.expect("a beat").cancel);
    assert!(matches!(db.cancel(owner, running).await.expect("an answer"), Cancelled::Requested));
    assert!(db.heartbeat(&lease, LEASE).await.expect("a beat").cancel);
    // the worker dies before it obeys
    db.heartbeat(&lease, Duration::ZERO).await.expect("a beat");
    db.sweep(Duration::ZERO).await.expect("a sweep");
    let build = db.build(running).await.expect("an answer").expect("the build");
    assert_eq!(build.status, Status::Cancelled);
}

async fn t40_a_build_that_takes_three_workers_down_is_given_up(db: &Database) {
    let tenant = tenant(db, "a", Tier::Pro).await;
    let (poison, good) =
        (submit(db, tenant, "poison").await.build.id, submit(db, tenant, "good").await.build.id);
    for attempt in 1..=MAX_CRASHES {
        let lease = db.claim("w", Duration::ZERO).await.expect("a claim").expect("a build").lease;
        assert_eq!((lease.build, lease.attempt), (poison, attempt));
        db.sweep(Duration::ZERO).await.expect("a sweep");
    }
    let dead = db.build(poison).await.expect("an answer").expect("the build");
    assert_eq!(dead.status, Status::Dead);
    assert_eq!(dead.failure.expect("a reason")["category"], "worker-lost");
    let next = db.claim("w", LEASE).await.expect("a claim").expect("a build").lease;
    assert_eq!(next.build, good, "the others go on");
}

async fn t40_a_worker_that_stops_gives_its_build_back_without_blame(db: &Database) {
    let tenant = tenant(db, "a", Tier::Pro).await;
    let id = submit(db, tenant, "d").await.build.id;
    for attempt in 1..6 {
        let lease = db.claim("w", LEASE).await.expect("a claim").expect("a build").lease;
        assert_eq!((lease.build, lease.attempt), (id, attempt));
        db.finish(&lease, &[], &Ending::Released).await.expect("it goes back");
    }
}

async fn t39_a_clock_that_is_set_takes_no_build_away(db: &Database) {
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let db = db.clone().with_clock(Clock::Simulated(Arc::clone(&now)));
    let tenant = tenant(&db, "a", Tier::Pro).await;
    let id = submit(&db, tenant, "d").await.build.id;
    let second = Duration::from_secs(1);
    let mut watch = ClockWatch::default();
    assert_eq!(db.follow_clock(&mut watch, second, LEASE).await.expect("a look"), None);
    let lease = db.claim("w", LEASE).await.expect("a claim").expect("a build").lease;
    let hour = 3_600_000;
    for set in [hour, -hour, 24 * hour, -7 * 24 * hour] {
        now.fetch_add(set + 1000, Ordering::Relaxed);
        assert_eq!(db.follow_clock(&mut watch, second, LEASE).await.expect("a look"), Some(set));
        db.sweep(Duration::ZERO).await.expect("a sweep");
        db.heartbeat(&lease, LEASE).await.expect("the worker goes on");
        now.fetch_add(1000, Ordering::Relaxed);
        assert_eq!(db.follow_clock(&mut watch, second, LEASE).await.expect("a look"), None);
    }
    // the worker is gone: its build is found a lease later
    now.fetch_add(61_000, Ordering::Relaxed);
    assert_eq!(db.follow_clock(&mut watch, Duration::from_secs(61), LEASE).await.expect("a look"), None);
    db.sweep(Duration::from_hours(1)).await.expect("a sweep");
    assert!(matches!(db.heartbeat(&lease, LEASE).await, Err(LeaseError::Lost)));
    assert!(db.claim("w", LEASE).await.expect("a claim").is_none(), "it is put off");
    now.fetch_add(-hour, Ordering::Relaxed);
    db.follow_clock(&mut watch, Duration::ZERO, LEASE).await.expect("a look");
    let again = db.claim("w", LEASE).await.expect("a claim").expect("no time went away").lease;
    assert_eq!((again.build, again.attempt), (id, 2));
}

crate::on_both!(
    t36_who_lost_the_lease_changes_nothing,
    one_build_goes_to_one_worker,
    no_tenant_has_more_at_once_than_its_tier_allows,
    turns_follow_the_tiers_and_nobody_starves,
    a_tenant_that_rested_has_saved_no_turns,
    a_build_is_stopped_wherever_it_stands,
    t40_a_build_that_takes_three_workers_down_is_given_up,
    t40_a_worker_that_stops_gives_its_build_back_without_blame,
    t39_a_clock_that_is_set_takes_no_build_away,
);
