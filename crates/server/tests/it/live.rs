//! Live streams and the log, over real connections.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use lbuild_db::event::{LOG, NewEvent};
use lbuild_db::queue::{Ending, Lease, Progress};
use lbuild_server::state::Service;
use serde_json::json;

use crate::support::{SPEC, fixture};

const LINES: usize = 100_000;
const DISCONNECTS: usize = 50;

fn line(n: usize) -> String {
    format!("line {n} of the build, with <b>text</b> and \u{1b}[31mcolour\u{1b}[0m")
}

/// Writes the log of a build in chunks of every size, as a worker does.
async fn write(service: &Service, lease: &Lease) {
    let progress = Progress { step: Some("core".to_owned()), done: 0.1, booting: false };
    let (mut n, mut size) = (0, 1);
    while n < LINES {
        let until = (n + size).min(LINES);
        let event =
            |n| NewEvent { kind: LOG.to_owned(), at: 0, data: json!({ "step": "core", "line": line(n) }) };
        let events: Vec<NewEvent> = (n..until).map(event).collect();
        let told = service.db.report(lease, &events, &progress).await.expect("it is stored");
        service.hub.tell(told);
        (n, size) = (until, size % 500 + 7);
    }
    let told = service.db.finish(lease, &[], &Ending::Failed { failure: json!({}) }).await.expect("it ends");
    for told in told {
        service.hub.tell(told);
    }
}

struct Reader {
    address: SocketAddr,
    path: String,
    key: String,
    last: usize,
    lines: Vec<String>,
    ended: bool,
}

impl Reader {
    /// Reads events of one connection until so many came, the build ended, or the connection did.
    fn read(&mut self, events: usize) {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a time limit");
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nLast-Event-ID: {}\r\nConnection: close\r\n\r\n",
            self.path, self.key, self.last
        );
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut kind = String::new();
        let mut seen = 0;
        for line in BufReader::new(stream).lines() {
            let line = line.expect("a line");
            if let Some(id) = line.strip_prefix("id: ") {
                let id: usize = id.parse().expect("a number");
                assert_eq!(id, self.last + 1, "events come in order, without gap or repetition");
                self.last = id;
            } else if let Some(name) = line.strip_prefix("event: ") {
                name.clone_into(&mut kind);
                self.ended |= kind == "end";
            } else if let Some(data) = line.strip_prefix("data: ")
                && kind == LOG
            {
                let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
                self.lines.push(data["line"].as_str().expect("a line").to_owned());
            } else if line.is_empty() {
                seen += 1;
                if seen > events || self.ended {
                    return;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_disconnects_lose_and_repeat_no_line_of_a_hundred_thousand() {
    let fixture = fixture().await;
    let address = fixture.listen().await;
    let id = fixture.submit(SPEC).await;
    let lease = fixture.service.db.claim("test", Duration::from_mins(10)).await.expect("a claim");
    let lease = lease.expect("a build").lease;
    let service = fixture.service.clone();
    let writing = tokio::spawn(async move { write(&service, &lease).await });
    let mut reader = Reader {
        address,
        path: format!("/api/v1/builds/{id}/events"),
        key: fixture.admin.clone(),
        last: 0,
        lines: Vec::new(),
        ended: false,
    };
    let reading = tokio::task::spawn_blocking(move || {
        for n in 0..DISCONNECTS {
            reader.read(LINES / DISCONNECTS / 2 + n * 37 % 400);
        }
        let before = reader.lines.len();
        while !reader.ended {
            reader.read(usize::MAX);
        }
        (before, reader)
    });
    writing.await.expect("all is written");
    let (before, reader) = reading.await.expect("all is read");
    assert!(before < LINES, "the disconnections happened during the build");
    assert_eq!(reader.lines.len(), LINES);
    assert!(reader.lines.iter().enumerate().all(|(n, text)| *text == line(n)));
    assert_eq!(reader.last, LINES + 3, "queued, running, every line, failed");

    let text = fixture.get(&format!("/api/v1/builds/{id}/log")).await;
    let whole: String = (0..LINES).flat_map(|n| [line(n), "\n".to_owned()]).collect();
    assert!(text.body == whole.as_bytes(), "the log is what was told");
    for (first, last) in [(0, 0), (7, 4_000_000), (whole.len() - 3, whole.len() - 1)] {
        let mut stream = TcpStream::connect(address).expect("a connection");
        let request = format!(
            "GET /api/v1/builds/{id}/log HTTP/1.0\r\nHost: test\r\nAuthorization: Bearer {}\r\n\
             Range: bytes={first}-{last}\r\n\r\n",
            fixture.admin
        );
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let last = last.min(whole.len() - 1);
        assert!(answer.ends_with(&whole.as_bytes()[first..=last]), "bytes {first} to {last}");
        assert!(answer.starts_with(b"HTTP/1.0 206"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_ends_its_open_stream() {
    let fixture = fixture().await;
    let address = fixture.listen().await;
    let id = fixture.submit(SPEC).await;
    let key = fixture.key(fixture.tenant, &["build:read"]).await;
    let mut reader = Reader {
        address,
        path: format!("/api/v1/builds/{id}/events"),
        key: key.clone(),
        last: 0,
        lines: Vec::new(),
        ended: false,
    };
    let began = std::time::Instant::now();
    let reading = tokio::task::spawn_blocking(move || reader.read(usize::MAX));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let key_id = key.strip_prefix("lb_live_").and_then(|rest| rest.get(..12)).expect("an id");
    assert!(fixture.service.db.revoke_key(key_id).await.expect("an answer"));
    reading.await.expect("the stream ends");
    assert!(began.elapsed() < Duration::from_millis(6500), "within five seconds of the revocation");
}
