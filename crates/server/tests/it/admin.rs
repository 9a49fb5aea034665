//! What whoever runs the service sees of everybody's builds and of the queue.

use std::time::Duration;

use lbuild_db::queue::{Ending, MAX_CRASHES};
use serde_json::{Value, json};

use crate::support::{Fixture, SPEC, fixture};

const BUILDS: &str = "/api/v1/admin/builds";
const QUEUE: &str = "/api/v1/admin/queue";

/// Submits a spec as somebody else; the build's id.
async fn submit_as(fixture: &Fixture, key: &str, name: &str) -> String {
    let spec = SPEC.replace("small", name);
    let answer = fixture.send("POST", "/api/v1/builds", key, "application/toml", spec).await;
    answer.json()["id"].as_str().expect("an id").to_owned()
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(|entry| entry["id"].as_str()).collect()
}

#[tokio::test]
async fn an_admin_lists_the_builds_of_everybody() {
    let fixture = fixture().await;
    let stranger = fixture.stranger("other", &["build:create"]).await;
    let own = fixture.submit(SPEC).await;
    let foreign = submit_as(&fixture, &stranger, "foreign").await;
    let all = fixture.get(BUILDS).await.json();
    assert_eq!(ids(&all["builds"]), [&foreign, &own]);
    let tenant = &all["builds"][0]["tenant"];
    assert_eq!((&tenant["name"], &all["builds"][0]["name"]), (&json!("other"), &json!("foreign")));
    let of = format!("{BUILDS}?tenant={}", tenant["id"].as_str().expect("an id"));
    assert_eq!(ids(&fixture.get(&of).await.json()["builds"]), [&foreign]);
    assert_eq!(ids(&fixture.get(&format!("{of}&status=running")).await.json()["builds"]), Vec::<&str>::new());

    let page = fixture.get(&format!("{BUILDS}?base=debian&pageSize=1")).await;
    let next = format!("<{BUILDS}?base=debian&cursor={foreign}&pageSize=1>; rel=\"next\"");
    assert_eq!(page.header("link"), next);
    let second = fixture.get(&format!("{BUILDS}?base=debian&cursor={foreign}&pageSize=1")).await;
    assert_eq!((ids(&second.json()["builds"]), second.header("link")), (vec![own.as_str()], ""));
    for query in ["tenant=x", "status=x", "cursor=x", "pageSize=0", "unknown=1"] {
        fixture.get(&format!("{BUILDS}?{query}")).await.problem(400, "malformed-request");
    }
}

#[tokio::test]
async fn an_admin_sees_the_queue_and_gives_the_dead_another_chance() {
    let fixture = fixture().await;
    let dead = fixture.submit(SPEC).await;
    for _ in 0..MAX_CRASHES {
        let failure = json!({ "category": "machine", "message": "it is broken" });
        let ending = Ending::Faulted { failure, delay: Duration::ZERO };
        let lease = fixture.claim().await;
        fixture.service.db.finish(&lease, &[], &ending).await.expect("it ends");
    }
    let leased = fixture.submit(&SPEC.replace("small", "leased")).await;
    fixture.claim().await;
    let stranger = fixture.stranger("other", &["build:create"]).await;
    let waiting = submit_as(&fixture, &stranger, "waiting").await;

    let queue = fixture.get(QUEUE).await.json();
    assert_eq!(ids(&queue["jobs"]), [&leased, &waiting]);
    let (of_worker, of_nobody) = (&queue["jobs"][0], &queue["jobs"][1]);
    assert_eq!((&of_worker["worker"], &of_worker["attempts"]), (&json!("test"), &json!(1)));
    assert!(of_worker["leaseExpiresAt"].is_string() && of_worker["queuePosition"].is_null(), "{of_worker}");
    let expected = json!({ "tier": "pro", "priority": 4, "queuePosition": 0, "attempts": 0, "worker": null });
    for (field, value) in expected.as_object().expect("fields") {
        assert_eq!(&of_nobody[field], value, "{field} of {of_nobody}");
    }
    assert_eq!(of_nobody["tenant"]["name"], "other");
    assert!(of_nobody["ageSeconds"].as_i64().is_some_and(|age| (0..60).contains(&age)), "{of_nobody}");
    let counts = &queue["counts"];
    assert_eq!((&counts["ready"], &counts["leased"], &counts["dead"]), (&json!(1), &json!(1), &json!(1)));
    let letter = &queue["deadLetters"][0];
    assert_eq!((&letter["id"], &letter["crashes"]), (&json!(dead), &json!(MAX_CRASHES)));
    assert_eq!(letter["failure"]["message"], "it is broken");
    let page = fixture.get(&format!("{QUEUE}?pageSize=1")).await;
    assert_eq!(page.header("link"), format!("<{QUEUE}?cursor={leased}&pageSize=1>; rel=\"next\""));
    let rest = fixture.get(&format!("{QUEUE}?cursor={leased}")).await.json();
    assert_eq!(ids(&rest["jobs"]), [&waiting]);

    let requeue = letter["requeue"].as_str().expect("an address").to_owned();
    assert_eq!(fixture.post(&requeue, &json!({})).await.status, 202);
    let queue = fixture.get(QUEUE).await.json();
    assert_eq!(ids(&queue["jobs"]), [&dead, &leased, &waiting]);
    assert_eq!(queue["deadLetters"], json!([]));
    fixture.post(&requeue, &json!({})).await.problem(404, "not-found");
}

#[tokio::test]
async fn nobody_locks_themselves_out() {
    let fixture = fixture().await;
    let own = format!("/api/v1/admin/tenants/{}", fixture.tenant);
    let suspend = json!({ "suspended": true }).to_string();
    let answer = fixture.send("PATCH", &own, &fixture.admin, "application/json", suspend).await;
    answer.problem(409, "conflict");
    let key = fixture.admin.strip_prefix("lb_live_").and_then(|rest| rest.get(..12)).expect("an id");
    let revoke = async |id: &str| {
        fixture.send("DELETE", &format!("/api/v1/admin/keys/{id}"), &fixture.admin, "", "").await
    };
    revoke(key).await.problem(409, "conflict");
    assert_eq!(fixture.get(QUEUE).await.status, 200);
    let other = fixture.key(fixture.tenant, &["admin"]).await;
    assert_eq!(revoke(other.get(8..20).expect("an id")).await.status, 204);
}
