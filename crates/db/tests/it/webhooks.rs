//! Messages of webhooks are written with what they tell of, and one at a time may send each.

use std::time::Duration;

use lbuild_db::Database;
use lbuild_db::delivery::Outcome;
use lbuild_db::queue::Ending;
use lbuild_db::tenant::Tier;
use lbuild_db::webhook::{Webhook, WebhookSettings};
use serde_json::{Value, json};

use crate::support::{submit, tenant};

const LEASE: Duration = Duration::from_mins(1);

fn settings(events: &[&str]) -> WebhookSettings {
    WebhookSettings {
        url: "https://example.org/".to_owned(),
        format: "standard".to_owned(),
        events: events.iter().map(|&event| event.to_owned()).collect(),
    }
}

async fn webhook(db: &Database, name: &str, events: &[&str]) -> Webhook {
    let tenant = tenant(db, name, Tier::Pro).await;
    db.create_webhook(tenant, &settings(events), 5).await.expect("an answer").expect("one more")
}

async fn only_the_owner_of_a_build_is_told_and_only_what_it_asked_for(db: &Database) {
    let own = webhook(db, "own", &["build.running", "build.failed"]).await;
    let other = webhook(db, "other", &["build.running", "build.failed"]).await;
    let build = submit(db, own.tenant, "d").await.build.id;
    let claimed = db.claim("w", LEASE).await.expect("a claim").expect("a build");
    let failure = json!({ "category": "package", "message": "no", "logExcerpt": ["secret"] });
    db.finish(&claimed.lease, &[], &Ending::Failed { failure }).await.expect("it ends");
    let told = db.deliveries(own.id, None, 10).await.expect("messages");
    let kinds: Vec<&str> = told.iter().map(|delivery| delivery.kind.as_str()).collect();
    assert_eq!(kinds, ["build.failed", "build.running"]);
    assert!(db.deliveries(other.id, None, 10).await.expect("messages").is_empty());
    db.claim_delivery(LEASE).await.expect("an answer").expect("running");
    let due = db.claim_delivery(LEASE).await.expect("an answer").expect("failed");
    let payload: Value = serde_json::from_str(&due.payload).expect("JSON");
    assert_eq!(payload["data"]["id"], build.to_string());
    assert_eq!(payload["data"]["failure"]["message"], "no");
    assert!(!due.payload.contains("secret"), "the log stays here: {payload}");
}

async fn a_message_is_with_one_sender_at_a_time(db: &Database) {
    let hook = webhook(db, "one", &["build.dead"]).await;
    db.send_to_webhook(hook.id, "webhook.test", &json!({})).await.expect("it is written");
    let first = db.claim_delivery(Duration::ZERO).await.expect("an answer").expect("it is due");
    let second = db.claim_delivery(LEASE).await.expect("an answer").expect("its lease is over");
    assert_eq!((first.id, first.attempts, second.attempts), (second.id, 1, 2));
    assert!(db.claim_delivery(LEASE).await.expect("an answer").is_none(), "it is taken");
    let late = db.end_attempt(&first, &Outcome::Delivered, Some(200), None).await.expect("an answer");
    assert!(!late, "whoever lost it says nothing about it");
    let again = Outcome::Again { delay: Duration::from_hours(1) };
    assert!(db.end_attempt(&second, &again, None, Some("no")).await.expect("an answer"));
    assert!(db.claim_delivery(LEASE).await.expect("an answer").is_none(), "not before its time");
    assert_eq!(db.replay_delivery(hook.id, first.id).await.expect("an answer"), Some(false));
}

async fn one_tenant_does_not_take_every_sender(db: &Database) {
    let (many, few) = (webhook(db, "many", &["build.dead"]).await, webhook(db, "few", &["build.dead"]).await);
    for _ in 0..10 {
        db.send_to_webhook(many.id, "webhook.test", &json!({})).await.expect("it is written");
    }
    db.send_to_webhook(few.id, "webhook.test", &json!({})).await.expect("it is written");
    let mut of_few = 0;
    let mut taken = 0;
    while let Some(due) = db.claim_delivery(LEASE).await.expect("an answer") {
        taken += 1;
        of_few += i32::from(due.webhook == few.id);
    }
    assert_eq!((taken, of_few), (5, 1));
}

async fn a_disabled_webhook_waits_and_a_deleted_one_forgets(db: &Database) {
    let hook = webhook(db, "off", &["build.dead"]).await;
    let off = db.change_webhook(hook.tenant, hook.id, &settings(&["build.dead"]), false).await;
    assert!(off.expect("an answer").expect("the webhook").disabled_at.is_some());
    db.send_to_webhook(hook.id, "webhook.test", &json!({})).await.expect("it is written");
    assert!(db.claim_delivery(LEASE).await.expect("an answer").is_none());
    db.change_webhook(hook.tenant, hook.id, &settings(&["build.dead"]), true).await.expect("an answer");
    let due = db.claim_delivery(LEASE).await.expect("an answer").expect("it has waited");
    assert!(db.delete_webhook(hook.tenant, hook.id).await.expect("an answer"));
    assert!(!db.end_attempt(&due, &Outcome::Delivered, None, None).await.expect("an answer"));
}

crate::on_both!(
    only_the_owner_of_a_build_is_told_and_only_what_it_asked_for,
    a_message_is_with_one_sender_at_a_time,
    one_tenant_does_not_take_every_sender,
    a_disabled_webhook_waits_and_a_deleted_one_forgets,
);
