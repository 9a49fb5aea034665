//! Images go when their time is over, and not before; what is pinned, shared or being built stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use lbuild_db::build::{Artifact, Status};
use lbuild_db::queue::Ending;
use lbuild_db::retention::{ISO, Pinned, Retention};
use lbuild_db::submit::{NewBuild, SubmitError, Taken};
use lbuild_db::tenant::{TenantChange, Tier};
use lbuild_db::{BuildId, Clock, Database, TenantId};
use serde_json::json;

use crate::support::{new_build, submit, tenant};

const HOUR: i64 = 3_600_000;
const LEASE: Duration = Duration::from_hours(1);
const OCI: &str = "application/vnd.oci.image.layout.v1+tar";

/// A database in a time of its own.
struct World {
    db: Database,
    now: Arc<AtomicI64>,
}

impl World {
    fn of(db: &Database) -> Self {
        let now = Arc::new(AtomicI64::new(1_800_000_000_000));
        Self { db: db.clone().with_clock(Clock::Simulated(Arc::clone(&now))), now }
    }

    async fn pass(&self, milliseconds: i64) -> Vec<BuildId> {
        self.now.fetch_add(milliseconds, Ordering::Relaxed);
        let told = self.db.expire().await.expect("a sweep");
        told.into_iter().map(|told| told.build).collect()
    }

    /// A build that has ended with these artifacts: name, media type, size; the name is the digest too.
    async fn built(&self, tenant: TenantId, artifacts: &[(&str, &str, i64)]) -> BuildId {
        let digest = format!("{artifacts:?}{}", BuildId::new());
        self.end(submit(&self.db, tenant, &digest).await.build.id, artifacts).await
    }

    async fn end(&self, build: BuildId, artifacts: &[(&str, &str, i64)]) -> BuildId {
        let claimed = self.db.claim("w", LEASE).await.expect("a claim").expect("a build");
        assert_eq!(claimed.lease.build, build);
        let artifact = |&(name, media_type, size): &(&str, &str, i64)| Artifact {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            size,
            sha256: name.to_owned(),
        };
        let ending = Ending::Succeeded {
            artifacts: artifacts.iter().map(artifact).collect(),
            cache: json!({}),
            boot: None,
            warnings: json!([]),
            pushed: None,
        };
        self.db.finish(&claimed.lease, &[], &ending).await.expect("it ends");
        build
    }

    async fn status(&self, build: BuildId) -> Status {
        self.db.build(build).await.expect("an answer").expect("the build").status
    }

    /// Names of the artifacts that are left of a build.
    async fn left(&self, build: BuildId) -> Vec<String> {
        let artifacts = self.db.artifacts(build).await.expect("an answer");
        artifacts.into_iter().filter(|artifact| artifact.expired_at.is_none()).map(|a| a.name).collect()
    }

    /// Bytes that nobody needs.
    async fn unnamed(&self) -> Vec<String> {
        let mut unnamed = self.db.unnamed_blobs(Duration::ZERO, 100).await.expect("an answer");
        unnamed.sort();
        unnamed
    }

    async fn stored(&self, tenant: TenantId) -> i64 {
        self.db.tenant(tenant).await.expect("an answer").expect("the tenant").stored_bytes
    }
}

async fn an_iso_goes_after_a_day_and_the_rest_stays(db: &Database) {
    let world = World::of(db);
    let tenant = tenant(db, "a", Tier::Pro).await;
    let only = world.built(tenant, &[("a.iso", ISO, 5), ("a.json", "application/json", 1)]).await;
    let both = world.built(tenant, &[("b.iso", ISO, 5), ("b.oci", OCI, 7)]).await;
    assert_eq!(world.pass(24 * HOUR - 1).await, []);
    assert_eq!((world.left(both).await.len(), world.stored(tenant).await), (2, 18));
    assert_eq!(world.pass(1).await, [only], "a build whose last image went has expired, and says so");
    assert_eq!((world.status(only).await, world.status(both).await), (Status::Expired, Status::Succeeded));
    assert_eq!(
        (world.left(only).await, world.left(both).await),
        (vec!["a.json".to_owned()], vec!["b.oci".to_owned()])
    );
    assert_eq!(
        (world.unnamed().await, world.stored(tenant).await),
        (vec!["a.iso".to_owned(), "b.iso".to_owned()], 8)
    );
    assert_eq!(world.pass(10_000 * HOUR).await, [], "nothing goes that has no term");
    let events = db.events_after(only, 0, 100).await.expect("events");
    let last = events.last().and_then(|chunk| chunk.events.last()).expect("an event");
    assert_eq!(last.event.data["status"], "expired");
}

async fn each_tenant_has_its_own_terms(db: &Database) {
    let world = World::of(db);
    let (long, short) = (tenant(db, "long", Tier::Pro).await, tenant(db, "short", Tier::Pro).await);
    let terms = |iso_hours, other_hours| Retention { iso_hours, other_hours, iso_after_download: false };
    assert!(world.db.set_retention(long, terms(None, None)).await.expect("an answer"));
    assert!(world.db.set_retention(short, terms(Some(1), Some(2))).await.expect("an answer"));
    let made = [("a.iso", ISO, 1), ("a.oci", OCI, 1), ("a.log", "text/plain", 1)];
    let kept = world.built(long, &made).await;
    let gone = world.built(short, &made).await;
    assert_eq!(world.pass(HOUR).await, []);
    assert_eq!(world.left(gone).await, ["a.log", "a.oci"]);
    assert_eq!(world.pass(HOUR).await, [gone]);
    assert_eq!((world.left(gone).await, world.left(kept).await.len()), (vec!["a.log".to_owned()], 3));
    assert_eq!(world.unnamed().await, Vec::<String>::new(), "the other tenant has the same bytes");
}

async fn what_is_pinned_stays(db: &Database) {
    let world = World::of(db);
    let (own, other) = (tenant(db, "a", Tier::Pro).await, tenant(db, "b", Tier::Pro).await);
    let whole = world.built(own, &[("a.iso", ISO, 1)]).await;
    let single = world.built(own, &[("b.iso", ISO, 1), ("c.iso", ISO, 1)]).await;
    let pin = async |pinned| world.db.pin(own, whole, pinned).await.expect("an answer");
    let pin_one =
        async |pinned| world.db.pin_artifact(own, single, "b.iso", pinned).await.expect("an answer");
    assert_eq!(world.db.pin(other, whole, true).await.expect("an answer"), Pinned::Missing);
    let missing = world.db.pin_artifact(own, single, "d.iso", true).await.expect("an answer");
    assert_eq!(missing, Pinned::Missing);
    assert_eq!((pin(true).await, pin_one(true).await), (Pinned::Done, Pinned::Done));
    assert_eq!(world.pass(1000 * HOUR).await, []);
    assert_eq!((world.left(whole).await.len(), world.left(single).await), (1, vec!["b.iso".to_owned()]));
    for build in [whole, single] {
        assert!(!world.db.builds(own).delete(build).await.expect("an answer"), "it is not deleted either");
    }
    assert_eq!((pin(false).await, pin_one(false).await), (Pinned::Done, Pinned::Done));
    assert_eq!(world.pass(0).await.len(), 2);
    assert_eq!((pin(true).await, pin_one(true).await), (Pinned::TooLate, Pinned::TooLate));
    assert!(world.db.builds(own).delete(whole).await.expect("an answer"));
}

async fn an_iso_goes_when_it_was_fetched_whole_if_its_owner_says_so(db: &Database) {
    let world = World::of(db);
    let tenant = tenant(db, "a", Tier::Pro).await;
    let build = world.built(tenant, &[("a.iso", ISO, 100)]).await;
    let fetched = async |first, end| {
        world.db.note_fetched(build, "a.iso", first, end).await.expect("it is noted");
    };
    let retention = Retention { iso_after_download: true, ..Retention::default() };
    world.db.set_retention(tenant, retention).await.expect("an answer");
    fetched(0, 60).await;
    fetched(80, 100).await;
    assert_eq!(world.pass(HOUR).await, [], "a part is missing");
    fetched(50, 80).await;
    fetched(80, 100).await;
    assert_eq!(world.pass(10 * 60_000 - 1).await, [], "the last bytes may have been lost");
    assert_eq!(world.pass(1).await, [build]);
}

async fn answers_are_never_of_what_has_expired(db: &Database) {
    let world = World::of(db);
    let tenant = tenant(db, "a", Tier::Pro).await;
    let same = NewBuild { current: Duration::from_hours(100), ..new_build(tenant, "same") };
    let submit = async || world.db.submit(&same).await.expect("it is taken in");
    let first = submit().await.build.id;
    world.end(first, &[("a.iso", ISO, 1)]).await;
    world.pass(23 * HOUR).await;
    let second = submit().await;
    assert_eq!(second.taken, Taken::Cached);
    assert_eq!(world.pass(HOUR).await, [first]);
    assert_eq!(world.left(second.build.id).await, ["a.iso"], "the answer has a term of its own");
    assert_eq!(world.unnamed().await, Vec::<String>::new());
    assert_eq!(world.pass(23 * HOUR).await, [second.build.id]);
    assert_eq!(world.unnamed().await, ["a.iso"]);
    assert_eq!(submit().await.taken, Taken::Queued);
}

async fn deleting_a_build_frees_what_no_other_has(db: &Database) {
    let world = World::of(db);
    let tenant = tenant(db, "a", Tier::Pro).await;
    let one = world.built(tenant, &[("shared", OCI, 10), ("one", OCI, 1)]).await;
    let two = world.built(tenant, &[("shared", OCI, 10), ("two", OCI, 2)]).await;
    assert_eq!(world.stored(tenant).await, 13, "equal bytes count once");
    assert!(world.db.builds(tenant).delete(one).await.expect("an answer"));
    assert_eq!((world.stored(tenant).await, world.unnamed().await), (12, vec!["one".to_owned()]));
    assert!(world.db.builds(tenant).delete(two).await.expect("an answer"));
    assert_eq!((world.stored(tenant).await, world.unnamed().await.len()), (0, 3));
}

async fn t34_a_storage_quota_is_never_exceeded(db: &Database) {
    let world = World::of(db);
    let tenant = tenant(db, "a", Tier::Enterprise).await;
    let change = TenantChange { storage_bytes: Some(25), ..TenantChange::default() };
    assert!(world.db.change_tenant(tenant, change).await.expect("an answer"));
    let mut leases = Vec::new();
    for n in 0..8 {
        submit(&world.db, tenant, &n.to_string()).await;
        leases.push(world.db.claim("w", LEASE).await.expect("a claim").expect("a build").lease);
    }
    let endings = leases.into_iter().enumerate().map(|(n, lease)| {
        let artifact = Artifact {
            name: "a.oci".to_owned(),
            media_type: OCI.to_owned(),
            size: 10,
            sha256: n.to_string(),
        };
        let (db, artifacts) = (world.db.clone(), vec![artifact]);
        let ending =
            Ending::Succeeded { artifacts, cache: json!({}), boot: None, warnings: json!([]), pushed: None };
        tokio::spawn(async move {
            db.finish(&lease, &[], &ending).await.expect("it ends");
            db.build(lease.build).await.expect("an answer").expect("the build")
        })
    });
    let mut succeeded = Vec::new();
    for ending in endings.collect::<Vec<_>>() {
        let build = ending.await.expect("it ends");
        match build.status {
            Status::Succeeded => succeeded.push(build.id),
            status => {
                assert_eq!(status, Status::Failed);
                assert_eq!(build.failure.expect("a reason")["category"], "quota");
                assert!(db.artifacts(build.id).await.expect("an answer").is_empty());
            }
        }
    }
    assert_eq!((succeeded.len(), world.stored(tenant).await, world.unnamed().await.len()), (2, 20, 6));
    let change = TenantChange { storage_bytes: Some(20), ..TenantChange::default() };
    world.db.change_tenant(tenant, change).await.expect("an answer");
    let full = world.db.submit(&new_build(tenant, "more")).await;
    assert!(matches!(full, Err(SubmitError::Storage { limit: 20 })), "{full:?}");
    assert!(world.db.builds(tenant).delete(succeeded[0]).await.expect("an answer"));
    submit(&world.db, tenant, "more").await;
}

crate::on_both!(
    an_iso_goes_after_a_day_and_the_rest_stays,
    each_tenant_has_its_own_terms,
    what_is_pinned_stays,
    an_iso_goes_when_it_was_fetched_whole_if_its_owner_says_so,
    answers_are_never_of_what_has_expired,
    deleting_a_build_frees_what_no_other_has,
    t34_a_storage_quota_is_never_exceeded,
);
