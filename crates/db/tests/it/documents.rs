//! Configurations and templates: versions, stale writes, quotas, and nothing of anybody else.

use lbuild_db::audit::Entry;
use lbuild_db::document::{Document, MAX_BYTES, MAX_CONFIGURATIONS, WriteError};
use lbuild_db::submit::Idempotency;
use lbuild_db::tenant::{TenantChange, Tier};
use lbuild_db::{ConfigurationId, Database};

use crate::on_both;
use crate::support::tenant;

fn document(name: &str, spec: &str) -> Document {
    Document {
        name: name.to_owned(),
        description: String::new(),
        base: "debian".to_owned(),
        spec: spec.to_owned(),
    }
}

fn entry() -> Entry {
    Entry { actor: "test".to_owned(), action: "configuration.write".to_owned(), ..Entry::default() }
}

async fn versions_are_kept_and_stale_writes_change_nothing(db: &Database) {
    let (own, other) = (tenant(db, "own", Tier::Pro).await, tenant(db, "other", Tier::Pro).await);
    let all = db.configurations(own);
    let first = all.create(&document("web", "one"), None, &entry()).await.expect("it is kept").document;
    let id = first.id;
    assert_eq!((first.version, first.name.as_str()), (1, "web"));
    let same = all.replace(id, 1, &document("web", "one"), &entry()).await.expect("nothing to do");
    assert_eq!(same.version, 1, "what is there already makes no version");
    let second = all.replace(id, 1, &document("web", "two"), &entry()).await.expect("a version");
    assert_eq!((second.version, second.created_at), (2, first.created_at));
    let stale = all.replace(id, 1, &document("web", "three"), &entry()).await.expect_err("it is stale");
    assert!(matches!(stale, WriteError::Stale { current: 2 }), "{stale}");
    let spec = async |version| all.get(id, version).await.expect("an answer").map(|found| found.spec);
    assert_eq!((spec(None).await.as_deref(), spec(Some(1)).await.as_deref()), (Some("two"), Some("one")));
    assert_eq!(spec(Some(3)).await, None);
    let versions = all.versions(id, None, 10).await.expect("versions");
    assert_eq!(versions.iter().map(|one| one.version).collect::<Vec<_>>(), [2, 1]);
    let before = all.versions(id, Some(2), 10).await.expect("versions");
    assert_eq!(before.iter().map(|one| one.version).collect::<Vec<_>>(), [1]);

    let foreign = db.configurations(other);
    assert_eq!(foreign.get(id, None).await.expect("an answer"), None);
    assert_eq!(
        (foreign.list(None, 9).await.unwrap(), foreign.versions(id, None, 9).await.unwrap()),
        (vec![], vec![])
    );
    let write = foreign.replace(id, 2, &document("x", "y"), &entry()).await;
    assert!(matches!(write, Err(WriteError::Missing)));
    assert!(matches!(foreign.delete(id, 2, &entry()).await, Err(WriteError::Missing)));
    assert!(matches!(all.delete(id, 1, &entry()).await, Err(WriteError::Stale { current: 2 })));
    all.delete(id, 2, &entry()).await.expect("it is gone");
    assert_eq!(all.get(id, Some(1)).await.expect("an answer"), None);
}

async fn a_request_that_comes_twice_keeps_one(db: &Database) {
    let (own, other) = (tenant(db, "own", Tier::Pro).await, tenant(db, "other", Tier::Pro).await);
    let all = db.configurations(own);
    let request = |sha256: &str| Idempotency { key: "k".to_owned(), request_sha256: sha256.to_owned() };
    let (first, web) = (request("1"), document("web", "one"));
    let kept = all.create(&web, Some(&first), &entry()).await.expect("it is kept");
    assert!(!kept.repeated);
    let again = all.create(&web, Some(&first), &entry()).await.expect("it was kept");
    assert_eq!((again.repeated, &again.document), (true, &kept.document));
    let reused = all.create(&web, Some(&request("2")), &entry()).await;
    assert!(matches!(reused, Err(WriteError::KeyReused)), "{reused:?}");
    let template = db.templates(own).create(&web, Some(&request("2")), &entry()).await.expect("it is kept");
    assert!(!template.repeated, "another kind has keys of its own");
    let foreign = db.configurations(other).create(&web, Some(&first), &entry()).await.expect("it is kept");
    assert!(!foreign.repeated, "another tenant has keys of its own");
    assert_eq!(all.list(None, 9).await.expect("a list").len(), 1);
    all.delete(kept.document.id, 1, &entry()).await.expect("it is gone");
    let anew = all.create(&web, Some(&first), &entry()).await.expect("it is kept");
    assert!(!anew.repeated, "what is gone is made anew");
}

async fn racing_writers_make_one_version(db: &Database) {
    let own = tenant(db, "own", Tier::Pro).await;
    let all = db.configurations(own);
    let id = all.create(&document("web", "0"), None, &entry()).await.expect("it is kept").document.id;
    let tasks: Vec<_> = (1..=8)
        .map(|number| {
            let db = db.clone();
            let text = number.to_string();
            tokio::spawn(async move {
                db.configurations(own).replace(id, 1, &document("web", &text), &entry()).await
            })
        })
        .collect();
    let mut written = 0;
    for task in tasks {
        match task.await.expect("it ends") {
            Ok(configuration) => written += configuration.version - 1,
            Err(WriteError::Stale { current: 2 }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(written, 1, "one writer wins");
}

async fn t34_a_tenant_keeps_no_more_than_its_share(db: &Database) {
    let own = tenant(db, "own", Tier::Pro).await;
    let all = db.configurations(own);
    let large = "x".repeat(usize::try_from(MAX_BYTES / 2).unwrap());
    let first = all.create(&document("large", &large), None, &entry()).await.expect("half of it").document.id;
    let full = all.replace(first, 1, &document("large", &format!("{large}y")), &entry()).await;
    assert!(matches!(full, Err(WriteError::Quota { limit: MAX_BYTES, .. })), "{full:?}");
    let full = db.templates(own).create(&document("large", &large), None, &entry()).await;
    assert!(matches!(full, Err(WriteError::Quota { limit: MAX_BYTES, .. })), "{full:?}");
    all.delete(first, 1, &entry()).await.expect("room again");
    for number in 0..MAX_CONFIGURATIONS {
        all.create(&document(&number.to_string(), "x"), None, &entry()).await.expect("it is kept");
    }
    let full = all.create(&document("more", "x"), None, &entry()).await;
    assert!(matches!(full, Err(WriteError::Quota { limit: MAX_CONFIGURATIONS, .. })), "{full:?}");
    let mut seen: Vec<ConfigurationId> = Vec::new();
    loop {
        let page = all.list(seen.last().copied(), 300).await.expect("a page");
        if page.is_empty() {
            break;
        }
        seen.extend(page.iter().map(|one| one.id));
    }
    assert_eq!(i64::try_from(seen.len()).unwrap(), MAX_CONFIGURATIONS, "pages leave nothing out");
    assert!(seen.is_sorted_by(|a, b| a > b));
}

async fn a_template_is_read_by_its_link_until_that_is_taken_back(db: &Database) {
    let (own, other) = (tenant(db, "own", Tier::Pro).await, tenant(db, "other", Tier::Pro).await);
    let all = db.templates(own);
    let id = all.create(&document("kiosk", "one"), None, &entry()).await.expect("it is kept").document.id;
    let shared =
        async |hash: &str| db.shared_template(hash).await.expect("an answer").map(|found| found.spec);
    assert_eq!(shared("hash").await, None);
    assert!(matches!(db.templates(other).share(id, Some("hash"), &entry()).await, Err(WriteError::Missing)));
    all.share(id, Some("hash"), &entry()).await.expect("it is shared");
    assert!(all.get(id).await.unwrap().is_some_and(|found| found.template.shared));
    assert_eq!(shared("hash").await.as_deref(), Some("one"));
    all.share(id, Some("other"), &entry()).await.expect("another link");
    assert_eq!((shared("hash").await, shared("other").await.as_deref()), (None, Some("one")));
    db.change_tenant(own, TenantChange { suspended: Some(true), ..TenantChange::default() })
        .await
        .expect("an answer");
    assert_eq!(shared("other").await, None, "links of a suspended tenant lead nowhere");
    db.change_tenant(own, TenantChange { suspended: Some(false), ..TenantChange::default() })
        .await
        .expect("an answer");
    all.share(id, None, &entry()).await.expect("it is taken back");
    assert_eq!(shared("other").await, None);

    assert_eq!(db.templates(other).get(id).await.expect("an answer"), None);
    let stale = all.replace(id, 7, &document("kiosk", "two"), &entry()).await;
    assert!(matches!(stale, Err(WriteError::Stale { current: 1 })));
    assert_eq!(all.replace(id, 1, &document("kiosk", "two"), &entry()).await.expect("written").version, 2);
    assert!(matches!(db.templates(other).delete(id, 2, &entry()).await, Err(WriteError::Missing)));
    all.delete(id, 2, &entry()).await.expect("it is gone");
    assert!(all.list(None, 9).await.expect("a page").is_empty());
}

on_both!(
    versions_are_kept_and_stale_writes_change_nothing,
    a_request_that_comes_twice_keeps_one,
    racing_writers_make_one_version,
    t34_a_tenant_keeps_no_more_than_its_share,
    a_template_is_read_by_its_link_until_that_is_taken_back,
);
