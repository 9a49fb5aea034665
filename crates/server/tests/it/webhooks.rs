//! Webhooks: what a receiver gets, and what becomes of messages that it does not take (T28).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lbuild_db::Clock;
use lbuild_server::hooks::courier::Courier;
use lbuild_testkit::receiver::{Received, Receiver, Reply};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{Answer, Fixture, SPEC, fixture_like};

/// A service, a receiver that it may reach, and a clock that the test moves.
struct Scene {
    fixture: Fixture,
    receiver: Receiver,
    courier: Courier,
    now: Arc<AtomicI64>,
}

impl Scene {
    async fn new(replies: &[Reply]) -> Self {
        let receiver = Receiver::start(replies);
        let fixture = fixture_like(|options| options.egress = vec![receiver.url()]).await;
        let now = Arc::new(AtomicI64::new(jiff::Timestamp::now().as_millisecond() + 1000));
        let mut courier = fixture.service.courier();
        courier.db = courier.db.with_clock(Clock::Simulated(Arc::clone(&now)));
        Self { fixture, receiver, courier, now }
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.fixture.send("POST", path, &self.fixture.admin, "application/json", body).await
    }

    async fn webhook(&self, format: &str) -> Value {
        let wanted = json!({ "url": format!("{}/hook", self.receiver.url()), "format": format });
        let answer = self.post("/api/v1/webhooks", &wanted).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    async fn look(&self, webhook: &Value) -> Value {
        self.fixture.get(&format!("/api/v1/webhooks/{}", id(webhook))).await.json()
    }

    async fn delivery(&self, webhook: &Value) -> Value {
        let page = self.fixture.get(&format!("/api/v1/webhooks/{}/deliveries", id(webhook))).await.json();
        page["deliveries"][0].clone()
    }

    /// Sends whatever is due; how many attempts that took.
    async fn send(&self) -> usize {
        let mut count = 0;
        while let Some(due) = self.courier.due().await {
            self.courier.send(due).await;
            count += 1;
        }
        count
    }

    fn pass(&self, time: Duration) {
        self.now.fetch_add(i64::try_from(time.as_millis()).expect("not that long"), Ordering::Relaxed);
    }
}

fn id(webhook: &Value) -> &str {
    webhook["id"].as_str().expect("an id")
}

/// Whether one of the signatures of a message is that of a secret, as the specification has it.
fn signed(message: &Received, secret: &Value) -> bool {
    let header = |name: &str| message.headers.get(name).cloned().unwrap_or_default();
    let secret = secret.as_str().and_then(|secret| secret.strip_prefix("whsec_")).expect("a secret");
    let key = BASE64_STANDARD.decode(secret).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&message.body);
    let wanted = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    header("webhook-signature").split(' ').any(|signature| signature == wanted)
}

#[tokio::test(flavor = "multi_thread")]
async fn t28_what_becomes_of_a_build_is_told_and_signed() {
    let scene = Scene::new(&[]).await;
    let webhook = scene.webhook("standard").await;
    let build = scene.fixture.built(b"image").await;
    assert_eq!(scene.send().await, 1, "that it runs is not told unless asked for");
    let [message] = &scene.receiver.received()[..] else { panic!("one message") };
    assert!(signed(message, &webhook["secret"]), "{message:?}");
    let body: Value = serde_json::from_slice(&message.body).expect("JSON");
    assert_eq!((&body["type"], &body["data"]["id"]), (&json!("build.succeeded"), &json!(build)));
    assert_eq!(body["data"]["name"], "small");
    assert!(message.body.len() < 20_000 && body["timestamp"].is_string());
    let delivery = scene.delivery(&webhook).await;
    assert_eq!((&delivery["status"], &delivery["answer"]), (&json!("delivered"), &json!(204)));
    assert!(scene.look(&webhook).await.get("secret").is_none(), "a secret is shown once");
}

#[tokio::test(flavor = "multi_thread")]
async fn t28_a_message_is_tried_again_under_its_id_until_it_is_taken() {
    let replies = [
        Reply::Status(500),
        Reply::Header(302, "location: /elsewhere".to_owned()),
        Reply::Header(503, "retry-after: 7200".to_owned()),
    ];
    let scene = Scene::new(&replies).await;
    let webhook = scene.webhook("standard").await;
    scene.post(&format!("/api/v1/webhooks/{}/test", id(&webhook)), &Value::Null).await;
    assert_eq!(scene.send().await, 1);
    scene.pass(Duration::from_secs(4));
    assert_eq!(scene.send().await, 0, "not at once");
    scene.pass(Duration::from_secs(2));
    assert_eq!(scene.send().await, 1);
    let failure = scene.delivery(&webhook).await["failure"].clone();
    assert_eq!(failure, "the server sent it elsewhere, which is not followed");
    scene.pass(Duration::from_mins(6));
    assert_eq!(scene.send().await, 1);
    scene.pass(Duration::from_mins(50));
    assert_eq!(scene.send().await, 0, "the server asked for two hours");
    scene.pass(Duration::from_hours(2));
    assert_eq!(scene.send().await, 1);
    let received = scene.receiver.received();
    assert_eq!(received.len(), 4);
    assert!(
        received.iter().all(|message| message.headers["webhook-id"] == received[0].headers["webhook-id"])
    );
    assert!(received.iter().all(|message| message.target == "/hook"), "no redirect is followed");
    let times: Vec<&String> = received.iter().map(|message| &message.headers["webhook-timestamp"]).collect();
    assert!(times.is_sorted() && times[0] != times[3], "each attempt has its time: {times:?}");
    assert_eq!(scene.delivery(&webhook).await["attempts"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn t28_a_server_that_never_answers_well_is_given_up_after_days() {
    let scene = Scene::new(&vec![Reply::Status(500); 40]).await;
    let webhook = scene.webhook("standard").await;
    scene.post(&format!("/api/v1/webhooks/{}/test", id(&webhook)), &Value::Null).await;
    let mut hours = 0;
    while scene.look(&webhook).await["enabled"] == true {
        scene.send().await;
        scene.pass(Duration::from_hours(1));
        hours += 1;
        assert!(hours < 200, "it is never given up");
    }
    assert!((72..120).contains(&hours), "{hours} hours");
    let view = scene.look(&webhook).await;
    let reason = view["disabledReason"].as_str().unwrap_or_default();
    assert!(reason.contains("three days") && reason.contains("status 500"), "{reason}");
    assert_eq!(scene.delivery(&webhook).await["status"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn t28_a_server_that_is_gone_gets_nothing_more() {
    let scene = Scene::new(&[Reply::Status(410)]).await;
    let webhook = scene.webhook("standard").await;
    scene.fixture.built(b"one").await;
    scene.send().await;
    assert_eq!(scene.look(&webhook).await["enabled"], false);
    scene.fixture.submit(&SPEC.replace("small", "other")).await;
    let lease = scene.fixture.claim().await;
    scene.fixture.succeed(&lease, b"two").await;
    assert_eq!((scene.send().await, scene.receiver.received().len()), (0, 1));
    let answer = scene.post(&format!("/api/v1/webhooks/{}/test", id(&webhook)), &Value::Null).await;
    answer.problem(409, "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn t28_slow_and_endless_answers_hold_nothing_up() {
    let scene = Scene::new(&[Reply::Endless, Reply::Silence(Duration::from_mins(5))]).await;
    let webhook = scene.webhook("standard").await;
    let test = format!("/api/v1/webhooks/{}/test", id(&webhook));
    scene.post(&test, &Value::Null).await;
    let began = std::time::Instant::now();
    scene.send().await;
    assert_eq!(
        scene.delivery(&webhook).await["status"],
        "delivered",
        "the answer's body is nobody's business"
    );
    scene.post(&test, &Value::Null).await;
    scene.send().await;
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    let failure = scene.delivery(&webhook).await["failure"].clone();
    assert!(failure.as_str().is_some_and(|text| text.contains("within 20 seconds")), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t28_both_secrets_sign_for_a_day_after_a_rotation() {
    let scene = Scene::new(&[]).await;
    let old = scene.webhook("standard").await;
    let new = scene.post(&format!("/api/v1/webhooks/{}/rotate", id(&old)), &Value::Null).await.json();
    assert_ne!(old["secret"], new["secret"]);
    let test = format!("/api/v1/webhooks/{}/test", id(&old));
    scene.post(&test, &Value::Null).await;
    scene.send().await;
    scene.pass(Duration::from_hours(25));
    scene.post(&test, &Value::Null).await;
    scene.send().await;
    let received = scene.receiver.received();
    let by =
        |secret: &Value| -> Vec<bool> { received.iter().map(|message| signed(message, secret)).collect() };
    assert_eq!((by(&new["secret"]), by(&old["secret"])), (vec![true, true], vec![true, false]));
}

#[tokio::test(flavor = "multi_thread")]
async fn t28_a_message_can_be_sent_once_more() {
    let scene = Scene::new(&[]).await;
    let webhook = scene.webhook("standard").await;
    scene.fixture.built(b"image").await;
    let delivery = scene.delivery(&webhook).await;
    let replay = format!("/api/v1/webhooks/{}/deliveries/{}/replay", id(&webhook), id(&delivery));
    scene.post(&replay, &Value::Null).await.problem(409, "conflict");
    scene.send().await;
    assert_eq!(scene.post(&replay, &Value::Null).await.status, 202);
    scene.send().await;
    let received = scene.receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].headers["webhook-id"], received[1].headers["webhook-id"]);
    assert_eq!(received[0].body, received[1].body);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_to_people_are_written_as_their_service_wants_them() {
    let scene = Scene::new(&[]).await;
    for format in ["slack", "discord", "matrix"] {
        scene.webhook(format).await;
    }
    scene.fixture.built(b"image").await;
    scene.send().await;
    let bodies: Vec<Value> = scene
        .receiver
        .received()
        .iter()
        .map(|message| serde_json::from_slice(&message.body).expect("JSON"))
        .collect();
    for member in ["content", "html"] {
        let text = bodies.iter().find_map(|body| body[member].as_str());
        assert!(text.is_some_and(|text| text.contains("small (debian): succeeded")), "{bodies:?}");
    }
    assert_eq!(bodies.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn t27_a_webhook_that_leads_inside_is_refused() {
    let scene = Scene::new(&[]).await;
    let elsewhere = Receiver::start(&[]);
    for url in [
        "http://example.org/hook",
        "https://127.0.0.1/hook",
        "https://127.1/hook",
        "https://0x7f000001/hook",
        "https://[::ffff:10.0.0.1]/hook",
        "https://[64:ff9b::a00:1]/hook",
        "https://100.64.0.1/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://metadata/hook",
        "https://user@example.org/hook",
        "https://example.org:8443/hook",
        "gopher://example.org/hook",
        "file:///etc/passwd",
        "https://example.org/a b",
        &elsewhere.url(),
    ] {
        let answer = scene.post("/api/v1/webhooks", &json!({ "url": url })).await;
        answer.problem(422, "invalid-request");
    }
    assert!(elsewhere.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_only_so_many_webhooks_and_sees_no_others() {
    let scene = Scene::new(&[]).await;
    let first = scene.webhook("slack").await;
    for _ in 1..20 {
        scene.webhook("slack").await;
    }
    let wanted = json!({ "url": scene.receiver.url() });
    scene.post("/api/v1/webhooks", &wanted).await.problem(409, "conflict");
    for (field, value) in
        [("events", json!([])), ("events", json!(["build.exploded"])), ("format", json!("irc"))]
    {
        let mut wanted = wanted.clone();
        wanted[field] = value;
        assert!(scene.post("/api/v1/webhooks", &wanted).await.status.is_client_error());
    }
    let path = format!("/api/v1/webhooks/{}", id(&first));
    let off = json!({ "url": scene.receiver.url(), "enabled": false, "events": ["build.running"] });
    let changed =
        scene.fixture.send("PUT", &path, &scene.fixture.admin, "application/json", off.to_string()).await;
    assert_eq!(
        (&changed.json()["enabled"], &changed.json()["events"]),
        (&json!(false), &json!(["build.running"]))
    );
    let gone = scene.fixture.send("DELETE", &path, &scene.fixture.admin, "", Body::empty()).await;
    assert_eq!(gone.status, 204);
    scene.fixture.get(&path).await.problem(404, "not-found");
}
