//! The artifact store, on the disk and in a bucket: bytes are there whole and right or not at all, and go when nobody
//! needs them.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use lbuild_db::audit::Entry;
use lbuild_db::build::Artifact;
use lbuild_db::queue::{Ending, Lease};
use lbuild_db::submit::NewBuild;
use lbuild_db::tenant::Tier;
use lbuild_db::{BuildId, Database, TenantId};
use lbuild_engine::Cancel;
use lbuild_server::artifact::collect::{Collected, collect};
use lbuild_server::artifact::{ArtifactError, Artifacts, Location, Made, Upload};
use lbuild_testkit::s3::{BUCKET, S3};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

const LEASE: Duration = Duration::from_mins(1);

/// A store, and a database with a build that a worker has taken.
struct Place {
    artifacts: Artifacts,
    db: Database,
    tenant: TenantId,
    lease: Lease,
    s3: Option<S3>,
    directory: TempDir,
}

async fn place(s3: Option<S3>) -> Place {
    let directory = tempfile::tempdir().expect("a directory");
    let location = match &s3 {
        Some(s3) => bucket(s3, "some/where"),
        None => Location::Disk(directory.path().join("artifacts")),
    };
    let artifacts = Artifacts::open(&location).await.expect("it opens");
    let address = format!("sqlite:{}", directory.path().join("lbuild.db").display());
    let db = Database::open(&address).await.expect("it opens");
    db.migrate().await.expect("a schema");
    let tenant = db.create_tenant("one", Tier::Pro).await.expect("a tenant").id;
    let mut place =
        Place { artifacts, db, tenant, lease: Lease { build: BuildId::new(), attempt: 0 }, s3, directory };
    place.lease = place.claim("a").await;
    place
}

fn bucket(s3: &S3, prefix: &str) -> Location {
    let address = format!("s3://{BUCKET}/{prefix}").parse().expect("an address");
    Location::Bucket(
        address,
        s3.environment().map(|(name, value)| (name.to_owned(), value)).into_iter().collect(),
    )
}

impl Place {
    /// Submits a build and takes it.
    async fn claim(&self, digest: &str) -> Lease {
        let new = NewBuild {
            tenant: self.tenant,
            name: "image".to_owned(),
            base: "debian".to_owned(),
            spec: "{}".to_owned(),
            spec_digest: digest.to_owned(),
            boot_check: false,
            current: Duration::ZERO,
            push: None,
            idempotency: None,
            audit: Entry::default(),
        };
        self.db.submit(&new).await.expect("it is taken in");
        self.db.claim("worker", LEASE).await.expect("an answer").expect("a build").lease
    }

    /// A file that a build made.
    fn made(&self, bytes: &[u8]) -> Made {
        let path: PathBuf = self.directory.path().join("made");
        std::fs::write(&path, bytes).expect("it is written");
        Made { path, sha256: digest(bytes), size: bytes.len() as u64 }
    }

    async fn keep(&self, lease: &Lease, made: &Made, cancel: &Cancel) -> Result<(), ArtifactError> {
        let id = self.db.want_blob(lease, &made.sha256).await.expect("it is granted");
        self.artifacts.keep(made, &Upload { db: &self.db, id, cancel }).await
    }

    async fn store(&self, bytes: &[u8]) -> String {
        let made = self.made(bytes);
        self.keep(&self.lease, &made, &Cancel::new()).await.expect("it is kept");
        made.sha256
    }

    async fn read(&self, sha256: &str, range: Range<u64>) -> Result<Vec<u8>, ArtifactError> {
        let content = self.artifacts.read(sha256, range).await?;
        let parts: Vec<_> = content.try_collect().await.expect("all of it");
        Ok(parts.concat())
    }

    async fn collect(&self) -> Collected {
        tokio::time::sleep(Duration::from_millis(5)).await;
        collect(&self.db, &self.artifacts, Duration::from_millis(1)).await.expect("it is collected")
    }

    /// Ends the build with artifacts of these digests.
    async fn succeed(&self, lease: &Lease, digests: &[&str]) -> Result<(), lbuild_db::queue::LeaseError> {
        let artifact = |(number, sha256): (usize, &&str)| Artifact {
            name: format!("{number}.iso"),
            media_type: "application/octet-stream".to_owned(),
            size: 1,
            sha256: (*sha256).to_owned(),
        };
        let artifacts = digests.iter().enumerate().map(artifact).collect();
        let ending =
            Ending::Succeeded { artifacts, cache: json!({}), boot: None, warnings: json!([]), pushed: None };
        self.db.finish(lease, &[], &ending).await.map(drop)
    }
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Bytes without a pattern, so that parts in a wrong order would show.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    next.take(length).collect()
}

macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_disk {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name(super::place(None).await).await; })+
        }
        mod in_a_bucket {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name(super::place(Some(super::S3::start())).await).await; })+
        }
    };
}

on_both!(
    bytes_come_back_whole_and_in_part,
    what_nobody_names_goes_and_what_is_named_or_under_way_stays,
    a_worker_without_its_lease_stores_and_names_nothing,
);

async fn bytes_come_back_whole_and_in_part(place: Place) {
    for bytes in [Vec::new(), b"few".to_vec(), noise(20 << 20)] {
        let sha256 = place.store(&bytes).await;
        let end = bytes.len() as u64;
        assert!(place.read(&sha256, 0..end).await.expect("all") == bytes);
        let (from, to) = (end / 3, end / 2);
        let part = place.read(&sha256, from..to).await.expect("a part");
        assert!(part == bytes[usize::try_from(from).expect("few")..usize::try_from(to).expect("few")]);
        place.store(&bytes).await;
        place.artifacts.remove(&sha256).await.expect("it goes");
        place.artifacts.remove(&sha256).await.expect("that it is gone is no error");
        assert!(end == 0 || place.read(&sha256, 0..end).await.is_err());
    }
    place.artifacts.check().await.expect("it is well");
}

async fn what_nobody_names_goes_and_what_is_named_or_under_way_stays(place: Place) {
    let (named, other) = (place.store(b"named").await, place.store(b"other").await);
    assert_eq!(place.collect().await, Collected::default(), "a worker has a lease");
    place.succeed(&place.lease, &[&named]).await.expect("it ends");
    assert_eq!(place.collect().await, Collected { uploads: 0, blobs: 1 });
    assert_eq!(place.collect().await, Collected::default());
    assert_eq!(place.read(&named, 0..5).await.expect("all"), b"named");
    assert!(place.read(&other, 0..5).await.is_err());

    let next = place.claim("b").await;
    let made = place.made(b"named");
    place.keep(&next, &made, &Cancel::new()).await.expect("the same bytes");
    assert!(place.db.builds(place.tenant).delete(place.lease.build).await.expect("an answer"));
    assert_eq!(place.collect().await, Collected::default(), "another build is about to name it");
    place.succeed(&next, &[&named]).await.expect("it ends");
    assert_eq!(place.collect().await, Collected::default());
    assert!(place.db.builds(place.tenant).delete(next.build).await.expect("an answer"));
    assert_eq!(place.collect().await, Collected { uploads: 0, blobs: 1 });
    assert!(place.read(&named, 0..5).await.is_err());
}

async fn a_worker_without_its_lease_stores_and_names_nothing(place: Place) {
    let sha256 = place.store(b"late").await;
    let late = Lease { attempt: 0, ..place.lease.clone() };
    assert!(place.db.want_blob(&late, &sha256).await.is_err());
    assert!(place.succeed(&late, &[&sha256]).await.is_err());
    assert!(place.db.artifacts(late.build).await.expect("an answer").is_empty());
    let ending = Ending::Released;
    place.db.finish(&place.lease, &[], &ending).await.expect("it goes back");
    assert_eq!(place.collect().await, Collected { uploads: 1, blobs: 1 });
    assert!(place.read(&sha256, 0..4).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_shows_nothing_that_is_not_whole_and_right() {
    let place = place(Some(S3::start())).await;
    let s3 = place.s3.as_ref().expect("a bucket");
    let before = s3.objects();
    for size in [3, 20 << 20] {
        let made = Made { sha256: digest(b"something else"), ..place.made(&noise(size)) };
        let error = place.keep(&place.lease, &made, &Cancel::new()).await.expect_err("it lies");
        assert!(matches!(error, ArtifactError::Digest { .. }), "{error}");
    }
    let cancel = Cancel::new();
    cancel.cancel();
    let made = place.made(&noise(20 << 20));
    let error = place.keep(&place.lease, &made, &cancel).await.expect_err("it is stopped");
    assert!(matches!(error, ArtifactError::Stopped), "{error}");
    assert_eq!(s3.objects(), before);
    assert_eq!(s3.parts(), 0, "uploads that failed leave nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn t38_a_bucket_that_is_away_is_said_so_and_used_again() {
    let mut place = place(Some(S3::start())).await;
    let sha256 = place.store(b"kept").await;
    let mut s3 = place.s3.take().expect("a bucket");
    s3.stop();
    let error = place.artifacts.check().await.expect_err("it is away");
    assert!(error.to_string().contains("s3://images/some/where"), "{error}");
    assert!(place.read(&sha256, 0..4).await.is_err());
    s3.resume();
    place.artifacts.check().await.expect("it is back");
    assert_eq!(place.read(&sha256, 0..4).await.expect("all"), b"kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_cannot_be_used_is_refused_at_the_start() {
    let s3 = S3::start();
    let wrong = s3.environment().map(|(name, value)| {
        let value = if name == "AWS_SECRET_ACCESS_KEY" { "wrong".to_owned() } else { value };
        (name.to_owned(), value)
    });
    let stranger = Location::Bucket("s3://images".parse().expect("an address"), wrong.into_iter().collect());
    let error = Artifacts::open(&stranger).await.err().expect("it is refused");
    assert!(error.to_string().contains("s3://images"), "{error}");
    assert!(s3.objects().is_empty());
}
