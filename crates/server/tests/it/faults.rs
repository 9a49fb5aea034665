//! Faults of the service, as a receiver in Sentry's place gets them: what they say, and what they never say.

use std::time::{Duration, Instant};

use axum::body::Body;
use lbuild_server::faults::watch::watch_panics;
use lbuild_server::faults::{Dsn, Fault, Faults};
use lbuild_testkit::receiver::{Receiver, Reply};
use serde_json::Value;

use crate::support::{SPEC, fixture_like};

/// How long a message may take to arrive.
const PATIENCE: Duration = Duration::from_mins(1);

fn dsn(receiver: &Receiver) -> Dsn {
    let url = receiver.url().replace("http://", "http://publickey@");
    format!("{url}/7").parse().expect("a DSN")
}

/// The events that came, once one of them is as wanted.
fn events(receiver: &Receiver, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let until = Instant::now() + PATIENCE;
    loop {
        let all = receiver.received();
        let events: Vec<Value> = all.iter().map(|message| event(&message.body)).collect();
        if events.iter().any(&wanted) {
            return events;
        }
        assert!(Instant::now() < until, "it does not come: {events:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Reads an envelope as its specification says: a line of JSON, then items of a line of JSON and so many bytes.
fn event(body: &[u8]) -> Value {
    let line = |bytes: &[u8]| bytes.iter().position(|byte| *byte == b'\n').expect("a line");
    let (head, rest) = body.split_at(line(body));
    let (item, rest) = rest[1..].split_at(line(&rest[1..]));
    let item: Value = serde_json::from_slice(item).expect("JSON");
    assert_eq!(item["type"], "event");
    let length = usize::try_from(item["length"].as_u64().expect("a length")).expect("a length");
    let event: Value = serde_json::from_slice(&rest[1..=length]).expect("JSON");
    assert_eq!(&rest[1 + length..], b"\n");
    let head: Value = serde_json::from_slice(head).expect("JSON");
    assert_eq!(head["event_id"], event["event_id"]);
    assert_eq!(event["event_id"].as_str().map(str::len), Some(32));
    event
}

#[tokio::test]
async fn a_fault_of_a_request_is_told_with_its_id_and_nothing_that_was_sent() {
    let receiver = Receiver::start(&[]);
    let fixture = fixture_like(|options| options.sentry_dsn = Some(dsn(&receiver))).await;
    let refused =
        fixture.send("POST", "/api/v1/builds", &fixture.admin, "application/toml", "x".to_owned()).await;
    assert_eq!(refused.status, 422, "the caller's own mistake, which is not told");
    // the first request finds the callers, which are remembered
    assert_eq!(fixture.get("/api/v1/builds").await.status, 200);
    fixture.service.db.clone().close().await.expect("the database closes");
    let spec = SPEC.replace("small", "hush-hush");
    let failed =
        fixture.send("POST", "/api/v1/builds?secret=hidden", &fixture.admin, "application/toml", spec).await;
    let problem = failed.problem(503, "database");
    let events = events(&receiver, |event| event["tags"]["request_id"] == problem["trace_id"]);
    assert_eq!(events.len(), 1, "{events:?}");
    let event = &events[0];
    assert_eq!(event["exception"]["values"][0]["type"], "database");
    assert_eq!(event["transaction"], "/api/v1/builds");
    assert_eq!(event["tags"]["method"], "POST");
    let message = &receiver.received()[0];
    assert_eq!(message.target, "/api/7/envelope/");
    assert_eq!(message.headers["content-type"], "application/x-sentry-envelope");
    assert!(message.headers["x-sentry-auth"].contains("sentry_key=publickey"));
    let text = String::from_utf8_lossy(&message.body);
    for secret in ["hush-hush", "hidden", &fixture.admin, "authorization", "Bearer"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    // the same again is not told at once
    fixture
        .send("POST", "/api/v1/builds", &fixture.admin, "application/toml", SPEC.to_owned())
        .await
        .problem(503, "database");
    fixture.service.faults.flush(PATIENCE);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn nobody_is_told_unless_the_operator_says_whom() {
    let fixture = fixture_like(|_| {}).await;
    fixture.service.db.clone().close().await.expect("the database closes");
    let answer = fixture.send("GET", "/api/v1/builds", &fixture.admin, "", Body::empty()).await;
    answer.problem(503, "database");
    fixture.service.faults.flush(PATIENCE);
}

#[test]
fn a_panic_is_told_by_its_place_and_not_by_its_words() {
    let receiver = Receiver::start(&[]);
    let faults = Faults::to(dsn(&receiver)).expect("a client");
    watch_panics(faults);
    let panicked = std::thread::spawn(|| panic!("hunter2")).join();
    assert!(panicked.is_err());
    let is_ours = |event: &Value| {
        let place = event["transaction"].as_str().unwrap_or_default();
        event["exception"]["values"][0]["type"] == "panic" && place.contains("tests/it/faults.rs:")
    };
    let events = events(&receiver, is_ours);
    assert!(!format!("{events:?}").contains("hunter2"), "{events:?}");
}

#[test]
fn a_receiver_that_wants_quiet_gets_it() {
    let receiver = Receiver::start(&[Reply::Header(429, "retry-after: 3600".to_owned())]);
    let faults = Faults::to(dsn(&receiver)).expect("a client");
    for place in ["a", "b", "c"] {
        let (kind, cause) = ("internal".to_owned(), "x".to_owned());
        faults.tell(Fault { kind, place: place.to_owned(), cause, tags: Vec::new() });
    }
    faults.flush(PATIENCE);
    assert_eq!(receiver.received().len(), 1);
}
