//! `lbuild serve` as a process: real builds through the API, and what is left of them when it is stopped or killed.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::place::{Place, SMALL};

/// Longest time of a build or of a start.
const PATIENCE: Duration = Duration::from_mins(10);

struct Served {
    process: Child,
    output: BufReader<ChildStdout>,
    address: String,
    key: Option<String>,
}

impl Served {
    fn start(place: &Place) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lbuild"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--json", "--data"]).arg(place.path("data"));
        let log = std::fs::File::options().create(true).append(true).open(place.path("service.log"));
        let mut process =
            command.stdout(Stdio::piped()).stderr(log.expect("a log")).spawn().expect("the program starts");
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let mut greeting = String::new();
        while !greeting.ends_with("}\n") {
            let read = output.read_line(&mut greeting).expect("what it says");
            assert!(read > 0, "the service ended: {greeting}");
        }
        let greeting: Value = serde_json::from_str(&greeting).expect("JSON");
        let address = format!("http://{}", greeting["address"].as_str().expect("an address"));
        Self { process, output, address, key: greeting["adminKey"].as_str().map(str::to_owned) }
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.process.id()).expect("an id")).expect("not 0");
        kill_process(id, signal).expect("it is running");
    }

    /// Its exit code.
    fn wait(&mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().expect("its state") {
                let mut rest = String::new();
                self.output.read_to_string(&mut rest).expect("the rest of what it said");
                return status.code();
            }
            assert!(Instant::now() < until, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // a test that failed leaves no service behind
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Client {
    key: String,
}

impl Client {
    fn submit(&self, served: &Served, spec: &str) -> String {
        let mut answer = ureq::post(format!("{}/api/v1/builds", served.address))
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/toml")
            .send(spec)
            .expect("it is taken in");
        assert_eq!(answer.status(), 202);
        let answer = answer.body_mut().read_to_string().expect("a body");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        answer["id"].as_str().expect("an id").to_owned()
    }

    fn get(&self, served: &Served, path: &str) -> Vec<u8> {
        let mut answer = ureq::get(format!("{}{path}", served.address))
            .header("authorization", format!("Bearer {}", self.key))
            .call()
            .expect("an answer");
        answer.body_mut().with_config().limit(1 << 30).read_to_vec().expect("a body")
    }

    fn build(&self, served: &Served, id: &str) -> Value {
        serde_json::from_slice(&self.get(served, &format!("/api/v1/builds/{id}"))).expect("JSON")
    }

    /// Waits until a build is as `ready` says.
    fn wait(&self, served: &Served, id: &str, ready: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let build = self.build(served, id);
            if ready(&build) {
                return build;
            }
            assert!(Instant::now() < until, "{build}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn ended(build: &Value) -> bool {
    !["queued", "running", "booting"].contains(&build["status"].as_str().unwrap_or_default())
}

/// Every artifact is what its digest says, and the checksums list them.
fn check_artifacts(client: &Client, served: &Served, build: &Value) {
    assert_eq!(build["status"], "succeeded", "{build}");
    let artifacts = build["artifacts"].as_array().expect("artifacts");
    let mut names: Vec<&str> = artifacts.iter().filter_map(|artifact| artifact["name"].as_str()).collect();
    names.sort_unstable();
    let expected =
        ["SHA256SUMS", "lbuild.lock", "manifest.json", "small-amd64.oci.tar", "small-amd64.tar.zst"];
    assert_eq!(names, expected);
    let id = build["id"].as_str().expect("an id");
    for artifact in artifacts {
        let name = artifact["name"].as_str().expect("a name");
        let bytes = client.get(served, &format!("/api/v1/builds/{id}/artifacts/{name}"));
        assert_eq!(bytes.len() as u64, artifact["size"].as_u64().expect("a size"));
        assert_eq!(artifact["sha256"], hex::encode(Sha256::digest(&bytes)), "{name}");
    }
}

#[test]
fn privileged_t35_a_service_builds_is_killed_goes_on_and_drains() {
    let place = Place::new();
    std::fs::create_dir(place.path("data")).expect("a directory");
    std::fs::rename(place.store(), place.path("data/store")).expect("the packages of earlier runs");
    let mut first = Served::start(&place);
    let client = Client { key: first.key.clone().expect("the first start shows a key") };

    let id = client.submit(&first, SMALL);
    client.wait(&first, &id, |build| build["step"] == "base" || ended(build));
    first.signal(Signal::KILL);
    first.wait();

    let mut second = Served::start(&place);
    assert_eq!(second.key, None, "a key is shown once");
    let build = client.wait(&second, &id, ended);
    check_artifacts(&client, &second, &build);
    let events =
        String::from_utf8(client.get(&second, &format!("/api/v1/builds/{id}/events"))).expect("text");
    assert!(events.contains("\"attempt\":2"), "it was begun again: {events}");
    assert_eq!(events.matches("\"status\":\"succeeded\"").count(), 1);

    let again = client.submit(&second, SMALL);
    let again = client.wait(&second, &again, ended);
    assert_eq!(again["cache"]["hit"], true, "{again}");
    check_artifacts(&client, &second, &again);

    let other = client.submit(&second, &SMALL.replace("\"small\"", "\"other\"").replace("de_DE", "fr_FR"));
    client.wait(&second, &other, |build| build["status"] == "running" || ended(build));
    second.signal(Signal::TERM);
    assert_eq!(second.wait(), Some(0), "it drains");
    let third = Served::start(&place);
    let other = client.wait(&third, &other, ended);
    assert_eq!(other["status"], "succeeded", "{other}");
    let left = std::fs::read_dir(place.path("data/work")).expect("the directory of builds").count();
    assert_eq!(left, 0, "builds leave nothing behind");
}
