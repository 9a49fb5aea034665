//! Builds and the queue of everybody.

use std::time::Duration;

use lbuild_db::Database;
use lbuild_db::build::{Filter, Status};
use lbuild_db::overview::Counts;
use lbuild_db::queue::{Ending, MAX_CRASHES};
use lbuild_db::tenant::Tier;
use serde_json::json;

use crate::support::{submit, tenant};

const LEASE: Duration = Duration::from_mins(1);

/// Lets the build whose turn it is fail through the machine; it may be tried again after `delay`.
async fn fault(db: &Database, delay: Duration) {
    let claimed = db.claim("faulty", LEASE).await.expect("a claim").expect("a build");
    let failure = json!({ "category": "machine" });
    db.finish(&claimed.lease, &[], &Ending::Faulted { failure, delay }).await.expect("it ends");
}

async fn the_queue_shows_who_waits_who_works_and_what_was_given_up(db: &Database) {
    let (free, pro) = (tenant(db, "free", Tier::Free).await, tenant(db, "pro", Tier::Pro).await);
    let dead = submit(db, free, "dead").await.build.id;
    for _ in 0..MAX_CRASHES {
        fault(db, Duration::ZERO).await;
    }
    let delayed = submit(db, free, "delayed").await.build.id;
    fault(db, Duration::from_hours(1)).await;
    let leased = submit(db, pro, "leased").await.build.id;
    let lease = db.claim("worker 1", LEASE).await.expect("a claim").expect("a build").lease;
    assert_eq!(lease.build, leased);
    let following = submit(db, pro, "leased").await.build.id;
    let ready = submit(db, pro, "ready").await.build.id;

    let jobs = db.jobs(None, 10).await.expect("jobs");
    let order: Vec<_> = jobs.iter().map(|job| (job.build, job.status, job.ahead)).collect();
    let expected = [
        (delayed, Status::Queued, Some(0)),
        (leased, Status::Running, None),
        (following, Status::Queued, None),
        (ready, Status::Queued, Some(1)),
    ];
    assert_eq!(order, expected);
    let [of_free, of_pro, ..] = jobs.as_slice() else { panic!("{jobs:?}") };
    assert_eq!((of_free.tenant, of_free.tenant_name.as_str(), of_free.tier), (free, "free", Tier::Free));
    assert!(of_free.not_before > of_free.created_at + 3_000_000 && of_free.crashes == 1);
    assert_eq!((of_pro.weight, of_pro.attempt, of_pro.worker.as_deref()), (4, 1, Some("worker 1")));
    let until = of_pro.lease_until.expect("a lease");
    assert!((0..60_000).contains(&(until - of_pro.created_at - 60_000)), "{of_pro:?}");
    assert!((0..60_000).contains(&of_pro.age), "{of_pro:?}");
    assert_eq!(jobs[2].leader, Some(leased));

    let second = db.jobs(Some(leased), 1).await.expect("jobs");
    assert_eq!(second.iter().map(|job| job.build).collect::<Vec<_>>(), [following]);
    let given_up = db.dead_jobs(10).await.expect("jobs");
    let [job] = given_up.as_slice() else { panic!("{given_up:?}") };
    assert_eq!((job.build, job.crashes, job.attempt), (dead, MAX_CRASHES, MAX_CRASHES));
    assert_eq!(job.failure, Some(json!({ "category": "machine" })));

    let counts = db.job_counts().await.expect("counts");
    let expected = Counts { ready: 1, delayed: 1, following: 1, leased: 1, dead: 1, oldest: counts.oldest };
    assert_eq!(counts, expected);
    assert!((0..60_000).contains(&counts.oldest), "{counts:?}");
    db.requeue(dead).await.expect("an answer").expect("it was dead");
    let counts = db.job_counts().await.expect("counts");
    assert_eq!((counts.ready, counts.dead), (2, 0));
}

async fn an_empty_queue_counts_nothing(db: &Database) {
    assert_eq!(db.job_counts().await.expect("counts"), Counts::default());
    assert_eq!(db.jobs(None, 10).await.expect("jobs"), []);
}

async fn the_builds_of_everybody_are_listed_and_filtered(db: &Database) {
    let (one, two) = (tenant(db, "one", Tier::Pro).await, tenant(db, "two", Tier::Pro).await);
    let first = submit(db, one, "a").await.build.id;
    let second = submit(db, two, "a").await.build.id;
    let third = submit(db, one, "b").await.build.id;
    db.cancel(one, third).await.expect("an answer");
    let list = async |tenant, filter: Filter| {
        let found = db.all_builds(tenant, &filter, 10).await.expect("builds");
        found.into_iter().map(|owned| (owned.tenant_name, owned.build.id)).collect::<Vec<_>>()
    };
    let named = |name: &str, id| (name.to_owned(), id);
    let all = [named("one", third), named("two", second), named("one", first)];
    assert_eq!(list(None, Filter::default()).await, all);
    assert_eq!(list(None, Filter { before: Some(third), ..Filter::default() }).await, all[1..]);
    let cancelled = Filter { status: Some(Status::Cancelled), ..Filter::default() };
    assert_eq!(list(None, cancelled.clone()).await, all[..1]);
    assert_eq!(list(Some(two), cancelled).await, []);
    let debian =
        Filter { base: Some("debian".to_owned()), status: Some(Status::Queued), ..Filter::default() };
    assert_eq!(list(Some(one), debian).await, all[2..]);
}

crate::on_both!(
    the_queue_shows_who_waits_who_works_and_what_was_given_up,
    an_empty_queue_counts_nothing,
    the_builds_of_everybody_are_listed_and_filtered,
);
