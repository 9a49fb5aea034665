//! Taking builds in: idempotency keys, quotas, and work that is done already.

use std::time::Duration;

use lbuild_db::Database;
use lbuild_db::build::{Artifact, Filter, Status};
use lbuild_db::queue::{Ending, MAX_CRASHES};
use lbuild_db::submit::{Idempotency, NewBuild, SubmitError, Taken};
use lbuild_db::tenant::Tier;
use serde_json::json;

use crate::support::{new_build, submit, tenant};

const LEASE: Duration = Duration::from_mins(1);

fn succeeded() -> Ending {
    let artifact = Artifact {
        name: "image.iso".to_owned(),
        media_type: "application/x-iso9660-image".to_owned(),
        size: 7,
        sha256: "00".repeat(32),
    };
    Ending::Succeeded {
        artifacts: vec![artifact],
        cache: json!({ "hit": false }),
        boot: None,
        warnings: json!([]),
        pushed: None,
    }
}

async fn the_same_request_is_done_once(db: &Database) {
    let tenant = tenant(db, "a", Tier::Pro).await;
    let keyed = |request: &str| NewBuild {
        idempotency: Some(Idempotency { key: "k".to_owned(), request_sha256: request.to_owned() }),
        ..new_build(tenant, request)
    };
    let requests = (0..20).map(|_| {
        let (db, new) = (db.clone(), keyed("one"));
        tokio::spawn(async move { db.submit(&new).await })
    });
    let mut ids = Vec::new();
    for request in requests.collect::<Vec<_>>() {
        ids.push(request.await.expect("it ends").expect("it is taken in").build.id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "twenty requests at once make one build");
    assert!(matches!(db.submit(&keyed("two")).await, Err(SubmitError::KeyReused)));
}

async fn t34_a_quota_is_never_exceeded(db: &Database) {
    let tenant = tenant(db, "a", Tier::Free).await;
    let limit = Tier::Free.monthly_builds().expect("a limit");
    let requests = (0..limit + 20).map(|n| {
        let (db, new) = (db.clone(), new_build(tenant, &n.to_string()));
        tokio::spawn(async move { db.submit(&new).await })
    });
    let mut taken = 0;
    for request in requests.collect::<Vec<_>>() {
        match request.await.expect("it ends") {
            Ok(_) => taken += 1,
            Err(SubmitError::Quota { limit: said }) => assert_eq!(said, limit),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(taken, limit);
}

async fn what_is_built_is_not_built_again(db: &Database) {
    let (a, b) = (tenant(db, "a", Tier::Pro).await, tenant(db, "b", Tier::Pro).await);
    let first = submit(db, a, "same").await;
    assert_eq!(first.taken, Taken::Queued);
    let second = submit(db, a, "same").await;
    assert_eq!((second.taken, second.build.leader), (Taken::Shared, Some(first.build.id)));
    assert_eq!(submit(db, b, "same").await.taken, Taken::Queued, "another tenant learns nothing of it");

    let claimed = db.claim("w", LEASE).await.expect("a claim").expect("a build");
    assert_eq!(claimed.lease.build, first.build.id);
    let told = db.finish(&claimed.lease, &[], &succeeded()).await.expect("it ends");
    assert_eq!(told.len(), 2, "both builds have ended");
    let second = db.builds(a).get(second.build.id).await.expect("an answer").expect("the build");
    assert_eq!((second.status, second.leader), (Status::Succeeded, None));
    assert_eq!(second.cache, Some(json!({ "hit": true, "of": first.build.id.to_string() })));
    assert_eq!(db.artifacts(second.id).await.expect("artifacts").len(), 1);

    let lately = NewBuild { current: LEASE, ..new_build(a, "same") };
    let third = db.submit(&lately).await.expect("it is taken in");
    assert_eq!((third.taken, third.build.status), (Taken::Cached, Status::Succeeded));
    assert_eq!(submit(db, a, "same").await.taken, Taken::Queued, "it may be of older indexes");
}

async fn those_that_waited_go_on_when_the_first_fails(db: &Database) {
    let tenant = tenant(db, "a", Tier::Pro).await;
    let first = submit(db, tenant, "same").await.build.id;
    let second = submit(db, tenant, "same").await.build.id;
    let claimed = db.claim("w", LEASE).await.expect("a claim").expect("a build");
    assert_eq!(claimed.lease.build, first);
    assert!(db.claim("w", LEASE).await.expect("a claim").is_none(), "the second waits");
    let failed = Ending::Failed { failure: json!({ "category": "package" }) };
    db.finish(&claimed.lease, &[], &failed).await.expect("it ends");
    let claimed = db.claim("w", LEASE).await.expect("a claim").expect("a build");
    assert_eq!(claimed.lease.build, second);
}

async fn a_build_that_fails_through_the_machine_is_given_up_in_the_end(db: &Database) {
    let tenant = tenant(db, "a", Tier::Pro).await;
    let id = submit(db, tenant, "d").await.build.id;
    for attempt in 1..=MAX_CRASHES {
        let claimed = db.claim("w", LEASE).await.expect("a claim").expect("a build");
        assert_eq!(claimed.lease.attempt, attempt);
        let faulted = Ending::Faulted { failure: json!({ "category": "disk" }), delay: Duration::ZERO };
        db.finish(&claimed.lease, &[], &faulted).await.expect("it ends");
    }
    let build = db.build(id).await.expect("an answer").expect("the build");
    assert_eq!((build.status, build.failure), (Status::Dead, Some(json!({ "category": "disk" }))));
    assert!(db.claim("w", LEASE).await.expect("a claim").is_none());
    db.requeue(id).await.expect("an answer").expect("it was dead");
    assert_eq!(db.claim("w", LEASE).await.expect("a claim").map(|claimed| claimed.lease.build), Some(id));
}

async fn lists_show_what_is_asked_for_and_nothing_foreign(db: &Database) {
    let (a, b) = (tenant(db, "a", Tier::Pro).await, tenant(db, "b", Tier::Pro).await);
    let mut own = Vec::new();
    for n in 0..7 {
        own.push(submit(db, a, &n.to_string()).await.build.id);
        submit(db, b, &n.to_string()).await;
    }
    own.reverse();
    let mut listed = Vec::new();
    loop {
        let filter =
            Filter { before: listed.last().copied(), base: Some("debian".to_owned()), ..Filter::default() };
        let page = db.builds(a).list(&filter, 3).await.expect("a page");
        if page.is_empty() {
            break;
        }
        listed.extend(page.iter().map(|build| build.id));
        // what comes while somebody turns pages neither repeats nor hides anything
        submit(db, a, &format!("late {}", listed.len())).await;
    }
    assert_eq!(listed, own);
    let filter = Filter { status: Some(Status::Failed), ..Filter::default() };
    assert!(db.builds(a).list(&filter, 10).await.expect("a page").is_empty());
    assert!(db.builds(b).get(own[0]).await.expect("an answer").is_none(), "a foreign build is not there");
    assert!(!db.builds(b).delete(own[0]).await.expect("an answer"));
    assert!(!db.builds(a).delete(own[0]).await.expect("an answer"), "a build that waits is not deleted");
    db.cancel(a, own[0]).await.expect("it is stopped");
    assert!(db.builds(a).delete(own[0]).await.expect("an answer"));
}

crate::on_both!(
    the_same_request_is_done_once,
    t34_a_quota_is_never_exceeded,
    what_is_built_is_not_built_again,
    those_that_waited_go_on_when_the_first_fails,
    a_build_that_fails_through_the_machine_is_given_up_in_the_end,
    lists_show_what_is_asked_for_and_nothing_foreign,
);
