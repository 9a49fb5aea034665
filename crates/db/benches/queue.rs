//! How many builds the queue hands out and takes back, and how fast a million of them are listed.
//!
//! Prints one JSON object: rates per second, times in seconds.

use std::time::{Duration, Instant};

use lbuild_db::audit::Entry;
use lbuild_db::build::{Filter, Status};
use lbuild_db::queue::Ending;
use lbuild_db::submit::NewBuild;
use lbuild_db::tenant::Tier;
use lbuild_db::{BuildId, Database, TenantId};
use sea_orm::ConnectionTrait as _;
use serde_json::json;

/// Builds that are handed out and taken back.
const BUILDS: usize = 3000;

/// Workers that ask at the same time.
const WORKERS: usize = 8;

/// Builds that are stored when they are listed.
const STORED: u32 = 1_000_000;

/// Pages that are asked for.
const PAGES: usize = 300;

const LEASE: Duration = Duration::from_mins(5);

#[tokio::main]
async fn main() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let file = format!("sqlite:{}", directory.path().join("lbuild.db").display());
    let sqlite = open(&file).await;
    let postgres = open(&lbuild_testkit::postgres::database()).await;
    let result = json!({
        "sqliteClaims": claims(&sqlite).await,
        "postgresClaims": claims(&postgres).await,
        "sqliteList": listing(&sqlite, &file).await,
        "turns": turns(&open(&format!("{file}-turns")).await).await,
    });
    println!("{result}");
}

async fn open(address: &str) -> Database {
    let db = Database::open(address).await.expect("the database opens");
    db.migrate().await.expect("the schema is made");
    db
}

fn new_build(tenant: TenantId, number: usize) -> NewBuild {
    NewBuild {
        tenant,
        name: "image".to_owned(),
        base: "debian".to_owned(),
        spec: "{}".to_owned(),
        spec_digest: format!("digest {number}"),
        boot_check: false,
        current: Duration::ZERO,
        push: None,
        idempotency: None,
        audit: Entry { actor: "bench".to_owned(), action: "build.create".to_owned(), ..Entry::default() },
    }
}

/// Claims and finishes per second.
async fn claims(db: &Database) -> f64 {
    let mut tenants = Vec::new();
    for n in 0..10 {
        tenants.push(db.create_tenant(&format!("tenant {n}"), Tier::Enterprise).await.expect("a tenant").id);
    }
    for number in 0..BUILDS {
        db.submit(&new_build(tenants[number % tenants.len()], number)).await.expect("it is taken in");
    }
    let began = Instant::now();
    let workers: Vec<_> = (0..WORKERS)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move { work(&db, &format!("worker {n}")).await })
        })
        .collect();
    let mut done = 0;
    for worker in workers {
        done += worker.await.expect("a worker that ends");
    }
    assert_eq!(done, BUILDS, "every build is handed out once");
    rate(done, began.elapsed())
}

async fn work(db: &Database, name: &str) -> usize {
    let mut done = 0;
    // a claim that came between two others finds nothing once in a while
    let mut empty = 0;
    while empty < 20 {
        let Some(claimed) = db.claim(name, LEASE).await.expect("an answer") else {
            empty += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        };
        empty = 0;
        let ending = Ending::Succeeded {
            artifacts: vec![],
            cache: json!({}),
            boot: None,
            warnings: json!([]),
            pushed: None,
        };
        db.finish(&claimed.lease, &[], &ending).await.expect("it ends");
        done += 1;
    }
    done
}

fn rate(count: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(count).expect("not that many")) / took.as_secs_f64()
}

/// The time under which 95 of 100 pages of a million builds are listed, with and without filters, anywhere in the list.
async fn listing(db: &Database, address: &str) -> f64 {
    let tenant = db.create_tenant("large", Tier::Enterprise).await.expect("a tenant").id;
    fill(address, tenant).await;
    let statuses = [None, Some(Status::Succeeded), Some(Status::Failed), Some(Status::Dead)];
    let bases = [None, Some("debian"), Some("arch")];
    let mut times = Vec::with_capacity(PAGES);
    for page in 0..PAGES {
        let place = u128::try_from(page).expect("not that many") * u128::from(STORED) / 300;
        let filter = Filter {
            status: statuses[page % statuses.len()],
            base: bases[page % bases.len()].map(str::to_owned),
            before: Some(BuildId(uuid::Uuid::from_u128((1 << 120) + place))),
        };
        let began = Instant::now();
        db.builds(tenant).list(&filter, 100).await.expect("a page");
        times.push(began.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    times[PAGES * 95 / 100]
}

/// Rows as they would be after years, written at once.
async fn fill(address: &str, tenant: TenantId) {
    let url = format!("{address}?mode=rwc");
    let connection = sea_orm::Database::connect(url).await.expect("the same database");
    let tenant = hex::encode(tenant.0.as_bytes());
    let text = format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {STORED})
         INSERT INTO build (id, tenant_id, name, base, spec, spec_digest, boot_check, status, not_before, created_at)
         SELECT unhex(printf('0100000000000000%016x', i)), unhex('{tenant}'), 'image-' || i,
           CASE i % 4 WHEN 0 THEN 'debian' WHEN 1 THEN 'arch' WHEN 2 THEN 'alpine' ELSE 'fedora' END, '{{}}', 'd' || i,
           FALSE, CASE WHEN i % 1000 = 0 THEN 'dead' WHEN i % 5 = 0 THEN 'failed' ELSE 'succeeded' END, 0, i FROM n"
    );
    connection.execute_unprepared(&text).await.expect("a million rows");
}

/// How many turns a tenant waits at most beyond its share, when 10 tenants of one tier have 10 builds each that one
/// worker drains.
async fn turns(db: &Database) -> usize {
    let mut tenants = Vec::new();
    for n in 0..10 {
        tenants.push(db.create_tenant(&format!("fair {n}"), Tier::Pro).await.expect("a tenant").id);
    }
    // as a burst of each tenant, one after the other: the first has all of its builds in before the last has one
    for (n, tenant) in tenants.iter().enumerate() {
        for build in 0..10 {
            db.submit(&new_build(*tenant, n * 10 + build)).await.expect("it is taken in");
        }
    }
    let mut last: Vec<usize> = vec![0; tenants.len()];
    let mut longest = 0;
    for turn in 1..=100 {
        let claimed = db.claim("one", LEASE).await.expect("an answer").expect("a build");
        let ending = Ending::Cancelled;
        let of = tenants.iter().position(|tenant| *tenant == claimed.tenant).expect("one of them");
        longest = longest.max(turn - last[of]);
        last[of] = turn;
        db.finish(&claimed.lease, &[], &ending).await.expect("it ends");
    }
    longest.saturating_sub(tenants.len())
}
