//! APIs and workers as processes on PostgreSQL, S3 and NATS, which are one service.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::{SystemTime, UNIX_EPOCH};

use lbuild_testkit::link::Link;
use lbuild_testkit::nats::Nats;
use lbuild_testkit::postgres;
use lbuild_testkit::s3::{BUCKET, S3};
use serde_json::Value;

use crate::place::Place;
use crate::served::{Client, Process, ended};

/// A system that is quick to build. Its name makes it another one.
const TINY: &str = r#"
name = "NAME"
base = "debian"
release = "trixie"
outputs = ["rootfs"]
hostname = "NAME"

[kernel]
flavor = "none"

[repositories]
priority = "required"

[packages]
base = ["systemd-sysv"]
"#;

/// What the processes of a service share.
pub struct Fleet {
    pub place: Place,
    pub s3: S3,
    pub nats: Nats,
    /// The way to the database.
    pub link: Link,
    database: String,
}

impl Fleet {
    /// A service without processes. Its workers share what builds are made of with the other tests.
    pub fn new() -> Self {
        let database = postgres::database();
        let (head, name) = database.rsplit_once('/').expect("a name");
        let target: SocketAddr = head.rsplit_once('@').expect("a host").1.parse().expect("an address");
        let link = Link::to(target);
        let database = format!("postgres://test@127.0.0.1:{}/{name}", link.port());
        Self { place: Place::shared(), s3: S3::start(), nats: Nats::start(), link, database }
    }

    fn surround<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("DATABASE_URL", &self.database)
            .env("LBUILD_NATS", self.nats.address())
            .env("LBUILD_STORE", format!("s3://{BUCKET}/fleet"))
            .envs(self.s3.environment())
    }

    /// An API without workers.
    pub fn api(&self, name: &str) -> Process {
        Process::start(&self.place, "serve", name, |command| {
            self.surround(command).args(["--listen", "127.0.0.1:0", "--workers", "0"])
        })
    }

    /// The first API, and its client.
    pub fn begun(&self) -> (Process, Client) {
        let api = self.api("api");
        let client = Client { key: api.key().expect("the first start shows a key") };
        (api, client)
    }

    /// A worker, which may come to an end at a point of its work.
    pub fn worker(&self, name: &str, failpoint: Option<&str>) -> Process {
        self.worker_with(self.place.store(), name, failpoint)
    }

    /// The same with another store: one that is halted holds what it is at in its own.
    pub fn worker_with(&self, store: &Path, name: &str, failpoint: Option<&str>) -> Process {
        let data = self.place.path(name);
        if std::fs::create_dir(&data).is_ok() {
            std::os::unix::fs::symlink(store, data.join("store")).expect("a link");
        }
        Process::start(&self.place, "worker", name, |command| {
            self.surround(command).envs(failpoint.map(|point| ("LBUILD_FAILPOINT", point)))
        })
    }

    /// Whether nothing of a build is in the directory of this worker.
    pub fn is_clean(&self, worker: &str) -> bool {
        std::fs::read_dir(self.place.path(worker).join("work")).expect("a directory").count() == 0
    }

    /// What this process has logged.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.place.path(&format!("{name}.log"))).expect("its log")
    }

    /// Processes that were started with the way to this service, their sandboxes included.
    pub fn processes(&self) -> Vec<String> {
        let entries = std::fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path());
        let ours = |environment: &[u8]| {
            environment.split(|&byte| byte == 0).any(|variable| {
                variable.strip_prefix(b"DATABASE_URL=").is_some_and(|url| url == self.database.as_bytes())
            })
        };
        entries
            .filter(|process| std::fs::read(process.join("environ")).is_ok_and(|found| ours(&found)))
            .map(|process| process.display().to_string())
            .collect()
    }
}

/// A small system of this name.
pub fn tiny(name: &str) -> String {
    TINY.replace("NAME", name)
}

/// Whether somebody works, or has worked, on a build.
pub fn begun(build: &Value) -> bool {
    build["status"] == "running" || ended(build)
}

/// Everybody who works, as an admin sees it.
pub fn workers(client: &Client, api: &Process) -> Vec<Value> {
    let list: Value = serde_json::from_slice(&client.get(api, "/api/v1/admin/workers")).expect("JSON");
    list.as_array().expect("a list").clone()
}

fn milliseconds_now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time");
    i64::try_from(now.as_millis()).expect("a number")
}

/// Follows a build to its end; how long after each event it was heard of, in milliseconds.
pub fn follow(client: &Client, api: &Process, id: &str) -> mpsc::Receiver<Vec<i64>> {
    let address = format!("{}/api/v1/builds/{id}/events", api.address());
    let answer = ureq::get(address).header("authorization", format!("Bearer {}", client.key)).call();
    let body = answer.expect("a stream").into_body().into_reader();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(body).lines().map_while(Result::ok);
        let data = lines.filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
        let late = data.filter_map(|event| Some(milliseconds_now() - event["at"].as_i64()?)).collect();
        // a test that failed waits for nothing
        let _ = sender.send(late);
    });
    receiver
}

/// The log of a build is the lines of its events, each once, whichever API is asked, and it succeeded once.
pub fn assert_exact(client: &Client, apis: [&Process; 2], id: &str) {
    let [one, other] = apis.map(|api| client.events(api, id));
    assert_eq!(one, other);
    let numbers: Vec<u64> = one.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect();
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "{numbers:?}");
    let data =
        one.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let lines: String = data.filter_map(|event| Some(format!("{}\n", event["line"].as_str()?))).collect();
    let log = String::from_utf8(client.get(apis[0], &format!("/api/v1/builds/{id}/log"))).expect("text");
    assert!(log == lines, "the log has {} bytes and its events {}", log.len(), lines.len());
    assert_eq!(one.matches("\"status\":\"succeeded\"").count(), 1);
}
