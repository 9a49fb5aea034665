//! Whoever takes too much, or is too slow, is turned away, and the others do not notice (T31, T34).

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use lbuild_db::tenant::Tier;
use lbuild_server::limit::bucket::Quota;
use lbuild_server::limit::proxy::Proxies;
use lbuild_server::limit::{Limits, Pace};
use tokio::task::spawn_blocking;

use crate::support::{SPEC, fixture_with};

const HOUR: Duration = Duration::from_hours(1);

fn by(path: &str, key: &str) -> Request<Body> {
    let request = Request::get(path);
    let request =
        if key.is_empty() { request } else { request.header("authorization", format!("Bearer {key}")) };
    request.body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn t34_a_key_has_the_requests_of_its_tier() {
    let requests = |tier| Quota { requests: if tier == Tier::Free { 3 } else { 100 }, window: HOUR };
    let fixture = fixture_with(Limits { requests, ..Limits::default() }).await;
    let free = fixture.service.db.create_tenant("free", Tier::Free).await.expect("a tenant");
    let key = fixture.key(free.id, &["build:read"]).await;
    let ask = async |key: &str| fixture.call(by("/api/v1/builds", key)).await;
    for left in [2, 1, 0] {
        let answer = ask(&key).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("ratelimit-policy"), "\"key\";q=3;w=3600");
        assert_eq!(answer.header("ratelimit"), format!("\"key\";r={left};t={}", (3 - left) * 1200));
    }
    let refused = ask(&key).await;
    let problem = refused.problem(429, "rate-limited");
    assert_eq!(problem["retry_after"], 1200);
    assert_eq!(refused.header("retry-after"), "1200");
    assert_eq!(refused.header("ratelimit"), "\"key\";r=0;t=3600");
    assert_eq!(ask(&fixture.admin).await.header("ratelimit-policy"), "\"key\";q=100;w=3600");
    let second = fixture.key(free.id, &["build:read"]).await;
    assert_eq!(ask(&second).await.status, StatusCode::OK, "each key has its own");
}

#[tokio::test]
async fn t34_an_address_has_so_many_requests_without_a_key() {
    let address = Quota { requests: 2, window: HOUR };
    let fixture = fixture_with(Limits { address, ..Limits::default() }).await;
    let ask = async |address| fixture.call_from(address, by("/api/v1/schema", "")).await;
    for _ in 0..2 {
        assert_eq!(ask([192, 0, 2, 1]).await.status, StatusCode::OK);
    }
    let refused = ask([192, 0, 2, 1]).await;
    refused.problem(429, "rate-limited");
    assert_eq!(refused.header("ratelimit-policy"), "\"address\";q=2;w=3600");
    assert_eq!(ask([192, 0, 2, 2]).await.status, StatusCode::OK, "another address has its own");
    let known = fixture.call_from([192, 0, 2, 1], by("/api/v1/builds", &fixture.admin)).await;
    assert_eq!(known.status, StatusCode::OK, "a valid key is not counted by its address");
}

#[tokio::test(flavor = "multi_thread")]
async fn t34_clients_behind_a_proxy_are_counted_by_their_own_addresses() {
    let address = Quota { requests: 2, window: HOUR };
    let ask = |at: SocketAddr, forwarded: &'static str| {
        spawn_blocking(move || {
            let mut stream = connect(at);
            let request = format!(
                "GET /api/v1/schema HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {forwarded}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).expect("it is sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer");
            answer.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok()).expect("a status")
        })
    };
    let proxies: Proxies = ["127.0.0.0/8".parse().expect("a network")].into_iter().collect();
    let behind = fixture_with(Limits { address, proxies, ..Limits::default() }).await;
    let at = behind.listen().await;
    for (forwarded, status) in [
        ("192.0.2.1", 200),
        ("192.0.2.1", 200),
        ("192.0.2.1", 429),
        ("192.0.2.9, 192.0.2.1", 429),
        ("192.0.2.2", 200),
    ] {
        assert_eq!(ask(at, forwarded).await.expect("it ends"), status, "{forwarded}");
    }
    let open = fixture_with(Limits { address, ..Limits::default() }).await;
    let at = open.listen().await;
    for (forwarded, status) in [("192.0.2.1", 200), ("192.0.2.2", 200), ("192.0.2.3", 429)] {
        assert_eq!(ask(at, forwarded).await.expect("it ends"), status, "nobody is believed: {forwarded}");
    }
}

#[tokio::test]
async fn t31_guesses_from_one_address_are_cut_off() {
    let failures = Quota { requests: 5, window: HOUR };
    let fixture = fixture_with(Limits { failures, ..Limits::default() }).await;
    let new = fixture.key(fixture.tenant, &["build:read"]).await;
    let mut guess = new.clone();
    guess.replace_range(20..21, if guess.as_bytes()[20] == b'x' { "y" } else { "x" });
    let at = async |last, key: &str| {
        fixture.call_from([192, 0, 2, last], by("/api/v1/builds", key)).await.status.as_u16()
    };
    assert_eq!(at(1, &fixture.admin).await, 200);
    for _ in 0..5 {
        assert_eq!(at(1, &guess).await, 401);
    }
    assert_eq!(at(1, &guess).await, 429);
    assert_eq!(at(1, &new).await, 429, "even the right one is not looked up any more");
    assert_eq!(at(1, &fixture.admin).await, 200, "one that was valid a moment ago is");
    assert_eq!(at(2, &new).await, 200, "elsewhere nothing has happened");
    let open = fixture.call_from([192, 0, 2, 1], by("/api/v1/schema", "")).await;
    assert_eq!(open.status, StatusCode::OK, "without a key it may ask what anybody may");
}

#[tokio::test]
async fn t34_a_key_has_so_many_streams() {
    let fixture = fixture_with(Limits { streams: |_| 2, ..Limits::default() }).await;
    let id = fixture.submit(SPEC).await;
    let open = async || {
        use tower::ServiceExt as _;
        let request = by(&format!("/api/v1/builds/{id}/events"), &fixture.admin);
        fixture.app.clone().oneshot(request).await.expect("an answer")
    };
    let streams = [open().await, open().await];
    assert!(streams.iter().all(|stream| stream.status() == StatusCode::OK));
    assert_eq!(open().await.status(), StatusCode::TOO_MANY_REQUESTS);
    drop(streams);
    assert_eq!(open().await.status(), StatusCode::OK);
}

/// Limits that a test can wait for.
fn hasty() -> Limits {
    let second = Duration::from_secs(1);
    let pace = Pace { least: 64 << 10, patience: second };
    Limits { header: second, body: second, pace, ..Limits::default() }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    stream
}

/// Sends a byte every tenth of a second until the other end hangs up or ten seconds are over; what it said.
fn drip(mut stream: TcpStream, bytes: impl Iterator<Item = u8>) -> (Duration, String) {
    let began = Instant::now();
    stream.set_nonblocking(true).expect("it does not wait");
    let mut answer = Vec::new();
    for byte in bytes {
        let sent = stream.write_all(&[byte]);
        let ended = match stream.read_to_end(&mut answer) {
            Ok(_) => true,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        };
        if sent.is_err() || ended || began.elapsed() > Duration::from_secs(10) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    (began.elapsed(), String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn t34_a_client_that_sends_a_byte_at_a_time_is_cut_off() {
    let fixture = fixture_with(hasty()).await;
    let address = fixture.listen().await;
    let header = "GET /health/live HTTP/1.1\r\nHost: x\r\nX-Long: ".bytes().chain(std::iter::repeat(b'a'));
    let (took, _) = spawn_blocking(move || drip(connect(address), header)).await.expect("it ends");
    assert!(took < Duration::from_secs(4), "a slow header: {took:?}");

    let silent = spawn_blocking(move || {
        let (mut stream, began) = (connect(address), Instant::now());
        assert_eq!(stream.read(&mut [0; 10]).expect("it is closed"), 0);
        began.elapsed()
    });
    assert!(silent.await.expect("it ends") < Duration::from_secs(4), "no header at all");

    let body = format!(
        "POST /api/v1/builds HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/toml\r\nContent-Length: 1000\r\n\r\n",
        fixture.admin
    );
    let slow = spawn_blocking(move || {
        let mut stream = connect(address);
        stream.write_all(body.as_bytes()).expect("it is sent");
        drip(stream, std::iter::repeat(b' '))
    });
    let (took, answer) = slow.await.expect("it ends");
    assert!(took < Duration::from_secs(4), "a slow body: {took:?}");
    assert!(
        answer.starts_with("HTTP/1.1 408") && answer.contains("urn:lbuild:problem:slow-body"),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn t34_a_client_that_reads_a_byte_at_a_time_is_cut_off() {
    const SIZE: usize = 64 << 20;
    let fixture = fixture_with(hasty()).await;
    let address = fixture.listen().await;
    let id = fixture.built(&vec![7; SIZE]).await;
    let request = format!(
        "GET /api/v1/builds/{id}/artifacts/small.iso HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Connection: close\r\n\r\n",
        fixture.admin
    );
    let ask = move || {
        let mut stream = connect(address);
        stream.write_all(request.as_bytes()).expect("it is sent");
        stream
    };
    let again = ask.clone();
    let slow = spawn_blocking(move || {
        let mut stream = ask();
        for _ in 0..30 {
            stream.read_exact(&mut [0]).expect("a byte");
            std::thread::sleep(Duration::from_millis(100));
        }
        let mut rest = Vec::new();
        // what the kernel had taken over is still there, and then the connection ends before its time
        let _ = stream.read_to_end(&mut rest);
        rest.len()
    });
    let got = slow.await.expect("it ends");
    assert!(got < SIZE / 2, "{got} bytes of {SIZE}");
    let fast = spawn_blocking(move || {
        let mut all = Vec::new();
        again().read_to_end(&mut all).expect("an answer");
        all.len()
    });
    assert!(fast.await.expect("it ends") > SIZE, "who reads gets everything");
}

#[tokio::test(flavor = "multi_thread")]
async fn t34_one_address_leaves_connections_to_others() {
    let fixture = fixture_with(Limits { connections: 8, ..Limits::default() }).await;
    let address = fixture.listen().await;
    let held: Vec<TcpStream> = (0..4).map(|_| connect(address)).collect();
    let ask = |mut stream: TcpStream| {
        stream
            .write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    let (refused, other) = spawn_blocking(move || {
        // accepted in order, so that those before have their seats
        let refused = ask(connect(address));
        (refused, ask(connect_from([127, 0, 0, 2], address)))
    })
    .await
    .expect("it ends");
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("retry-after: 1"), "{refused}");
    assert!(refused.contains("urn:lbuild:problem:connections"), "{refused}");
    assert!(other.starts_with("HTTP/1.1 200"), "{other}");
    drop(held);
}

/// A connection that comes from another address of this machine.
fn connect_from(from: [u8; 4], to: SocketAddr) -> TcpStream {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&socket, &SocketAddr::from((from, 0))).expect("an address");
    connect(&socket, &to).expect("a connection");
    TcpStream::from(socket)
}

#[tokio::test]
async fn every_operation_says_what_it_answers_to_too_many_requests() {
    let document = serde_json::to_value(lbuild_server::router::openapi()).expect("JSON");
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let answer = &operation["responses"]["429"];
            assert!(answer["headers"]["RateLimit"].is_object(), "{method} {path}");
        }
    }
}
