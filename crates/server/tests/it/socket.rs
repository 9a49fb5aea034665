//! Builds over a WebSocket, from the first to the last event.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use lbuild_db::event::{LOG, NewEvent};
use lbuild_db::queue::{Ending, Lease, Progress};
use lbuild_server::state::Service;
use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use crate::support::{SPEC, fixture};

const LINES: usize = 20_000;

/// Works on a build as a worker does: its lines, in chunks of every size, and its end.
async fn work(service: Service, lease: Lease) {
    let progress = Progress { step: Some("core".to_owned()), done: 0.1, booting: false };
    let (mut n, mut size) = (0, 1);
    while n < LINES {
        let until = (n + size).min(LINES);
        let line = |n| NewEvent { kind: LOG.to_owned(), at: 0, data: json!({ "line": format!("line {n}") }) };
        let events: Vec<NewEvent> = (n..until).map(line).collect();
        service.hub.tell(service.db.report(&lease, &events, &progress).await.expect("it is stored"));
        (n, size) = (until, size % 300 + 7);
    }
    let ending = Ending::Failed { failure: json!({}) };
    for told in service.db.finish(&lease, &[], &ending).await.expect("it ends") {
        service.hub.tell(told);
    }
}

fn connect(address: SocketAddr, path: &str, key: Option<&str>) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a time limit");
    let mut request = format!("ws://{address}{path}").into_client_request().expect("a request");
    if let Some(key) = key {
        let value = format!("Bearer {key}").parse().expect("a header");
        request.headers_mut().insert("authorization", value);
    }
    tungstenite::client(request, stream).expect("a WebSocket").0
}

/// The next message that is text, or why there is none.
fn next(socket: &mut WebSocket<TcpStream>) -> Result<Value, CloseCode> {
    loop {
        match socket.read().expect("a message") {
            Message::Text(text) => return Ok(serde_json::from_str(&text).expect("JSON")),
            Message::Close(frame) => return Err(frame.expect("a reason").code),
            _ => {}
        }
    }
}

/// Every event of every build that the connection follows, in order and without gap, until each has ended.
fn read_all(socket: &mut WebSocket<TcpStream>, builds: usize) -> HashMap<String, Vec<Value>> {
    let (mut seen, mut ended) = (HashMap::<String, Vec<Value>>::new(), 0);
    while ended < builds {
        let message = next(socket).expect("an event");
        let build = message["build"].as_str().expect("a build").to_owned();
        match message["type"].as_str().expect("a type") {
            "heartbeat" => {}
            "end" => ended += 1,
            _ => {
                let of_build = seen.entry(build).or_default();
                assert_eq!(message["id"], of_build.len() + 1, "in order, without gap or repetition");
                of_build.push(message);
            }
        }
    }
    seen
}

/// Queued, running, every line, failed.
fn check(events: &[Value]) {
    assert_eq!(events.len(), LINES + 3);
    let status = |at: usize| events[at]["data"]["status"].as_str().expect("a status");
    assert_eq!([status(0), status(1), status(LINES + 2)], ["queued", "running", "failed"]);
    let lines = events[2..LINES + 2].iter().map(|event| event["data"]["line"].as_str().expect("a line"));
    assert!(lines.enumerate().all(|(n, line)| line == format!("line {n}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_follows_a_whole_build() {
    let fixture = fixture().await;
    let address = fixture.listen().await;
    let id = fixture.submit(SPEC).await;
    let lease = fixture.claim().await;
    let key = fixture.admin.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let mut socket = connect(address, &format!("/ws/builds/{id}"), Some(&key));
        let seen = read_all(&mut socket, 1);
        assert_eq!(next(&mut socket), Err(CloseCode::Normal), "and then it is closed");
        check(&seen[&id]);
    });
    work(fixture.service.clone(), lease).await;
    reading.await.expect("all of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_follows_many_builds_from_where_it_likes() {
    let fixture = fixture().await;
    let address = fixture.listen().await;
    let (mut ids, mut leases) = (Vec::new(), Vec::new());
    for name in ["one", "two"] {
        ids.push(fixture.submit(&SPEC.replace("small", name)).await);
        leases.push(fixture.claim().await);
    }
    let (key, followed) = (fixture.admin.clone(), ids.clone());
    let reading = tokio::task::spawn_blocking(move || {
        let mut socket = connect(address, "/ws", None);
        let mut say = |message: Value| socket.send(Message::text(message.to_string())).expect("it is sent");
        say(json!({ "type": "auth", "key": key }));
        for id in &followed {
            say(json!({ "type": "subscribe", "build": id }));
        }
        let seen = read_all(&mut socket, 2);
        for id in &followed {
            check(&seen[id]);
        }
        let mut say = |message: Value| socket.send(Message::text(message.to_string())).expect("it is sent");
        say(json!({ "type": "subscribe", "build": followed[0], "after": LINES + 1 }));
        let rest = [next(&mut socket), next(&mut socket), next(&mut socket)];
        let ids = rest.map(|message| message.expect("an event")["id"].clone());
        assert_eq!(
            ids,
            [json!(LINES + 2), json!(LINES + 3), json!(null)],
            "the last line, the end of the build, the end"
        );
    });
    let working: Vec<_> =
        leases.into_iter().map(|lease| tokio::spawn(work(fixture.service.clone(), lease))).collect();
    for work in working {
        work.await.expect("it ends");
    }
    reading.await.expect("all of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_nobody_is_closed() {
    let fixture = fixture().await;
    let address = fixture.listen().await;
    let id = fixture.submit(SPEC).await;
    let other = fixture.stranger("other", &["build:read"]).await;
    let closed = tokio::task::spawn_blocking(move || {
        let mut wrong = connect(address, &format!("/ws/builds/{id}"), None);
        wrong
            .send(Message::text(json!({ "type": "auth", "key": "lb_live_x" }).to_string()))
            .expect("it is sent");
        assert_eq!(next(&mut wrong), Err(CloseCode::Policy));
        let mut foreign = connect(address, &format!("/ws/builds/{id}"), Some(&other));
        assert_eq!(next(&mut foreign), Err(CloseCode::Policy));
    });
    closed.await.expect("they are closed");
}
