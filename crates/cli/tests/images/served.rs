//! Processes of a build service, and a client of their API.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::place::Place;

/// Longest time of a build or of a start.
pub const PATIENCE: Duration = Duration::from_mins(10);

/// A process that has said that it is ready.
pub struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
    /// What it said.
    pub greeting: Value,
}

impl Process {
    /// `lbuild serve` with its data in `data` of the place.
    pub fn serve(place: &Place) -> Self {
        Self::start(place, "serve", "data", |command| command.args(["--listen", "127.0.0.1:0"]))
    }

    /// `lbuild COMMAND` with its data in a directory of the place, set up further by `more`.
    pub fn start(
        place: &Place,
        name: &str,
        data: &str,
        more: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lbuild"));
        command.args([name, "--json", "--data"]).arg(place.path(data));
        more(&mut command);
        let log = std::fs::File::options().create(true).append(true).open(place.path(&format!("{data}.log")));
        let mut child =
            command.stdout(Stdio::piped()).stderr(log.expect("a log")).spawn().expect("the program starts");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut greeting = String::new();
        while !greeting.ends_with("}\n") {
            let read = output.read_line(&mut greeting).expect("what it says");
            assert!(read > 0, "`{name}` ended: {greeting}");
        }
        let greeting = serde_json::from_str(&greeting).expect("JSON");
        Self { child, output, greeting }
    }

    /// Where it answers.
    pub fn address(&self) -> String {
        format!("http://{}", self.greeting["address"].as_str().expect("an address"))
    }

    /// The key that it showed.
    pub fn key(&self) -> Option<String> {
        self.greeting["adminKey"].as_str().map(str::to_owned)
    }

    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).expect("an id")).expect("not 0");
        kill_process(id, signal).expect("it is running");
    }

    /// Kills it, and waits until it is gone.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_some()
    }

    /// Whether it is halted.
    pub fn is_halted(&self) -> bool {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its state");
        state.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
    }

    /// Its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        until("it does not end", || self.has_ended());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("the rest of what it said");
        self.child.wait().expect("its state").code()
    }

    /// Tells it to stop; it drains.
    pub fn drain(&mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.wait(), Some(0), "it drains");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // a test that failed leaves no service behind
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client of the API, at whichever process it is asked.
#[derive(Clone)]
pub struct Client {
    pub key: String,
}

impl Client {
    /// Submits a spec; the build's id.
    pub fn submit(&self, served: &Process, spec: &str) -> String {
        let mut answer = self.post(served, "/api/v1/builds", spec).expect("it is taken in");
        assert_eq!(answer.status(), 202);
        let answer = answer.body_mut().read_to_string().expect("a body");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        answer["id"].as_str().expect("an id").to_owned()
    }

    pub fn post(
        &self,
        served: &Process,
        path: &str,
        body: &str,
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        ureq::post(format!("{}{path}", served.address()))
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/toml")
            .send(body)
    }

    pub fn cancel(&self, served: &Process, id: &str) {
        let answer = self.post(served, &format!("/api/v1/builds/{id}/cancel"), "").expect("an answer");
        assert_eq!(answer.status(), 202);
    }

    /// What an API answers; one whose database is slow for a moment is asked again, as it wants.
    pub fn get(&self, served: &Process, path: &str) -> Vec<u8> {
        let address = format!("{}{path}", served.address());
        let mut answer = None;
        until("the API has no database", || {
            let asked = ureq::get(&address).header("authorization", format!("Bearer {}", self.key)).call();
            answer = match asked {
                Err(ureq::Error::StatusCode(503)) => None,
                asked => Some(asked.expect("an answer")),
            };
            answer.is_some()
        });
        let mut answer = answer.expect("an answer");
        answer.body_mut().with_config().limit(1 << 30).read_to_vec().expect("a body")
    }

    pub fn build(&self, served: &Process, id: &str) -> Value {
        serde_json::from_slice(&self.get(served, &format!("/api/v1/builds/{id}"))).expect("JSON")
    }

    /// Every event of a build that has ended.
    pub fn events(&self, served: &Process, id: &str) -> String {
        String::from_utf8(self.get(served, &format!("/api/v1/builds/{id}/events"))).expect("text")
    }

    /// Waits until a build is as `ready` says.
    pub fn wait(&self, served: &Process, id: &str, ready: impl Fn(&Value) -> bool) -> Value {
        let mut build = Value::Null;
        until("the build does not get there", || {
            build = self.build(served, id);
            ready(&build)
        });
        build
    }

    /// Waits until a build has succeeded, and downloads what it made: every artifact is what its digest says.
    pub fn success(&self, served: &Process, id: &str) -> Value {
        let build = self.wait(served, id, ended);
        assert_eq!(build["status"], "succeeded", "{build}");
        for artifact in build["artifacts"].as_array().expect("artifacts") {
            let name = artifact["name"].as_str().expect("a name");
            let bytes = self.get(served, &format!("/api/v1/builds/{id}/artifacts/{name}"));
            assert_eq!(bytes.len() as u64, artifact["size"].as_u64().expect("a size"));
            assert_eq!(artifact["sha256"], hex::encode(Sha256::digest(&bytes)), "{name}");
        }
        build
    }
}

/// Whether a build will never change any more.
pub fn ended(build: &Value) -> bool {
    !["queued", "running", "booting"].contains(&build["status"].as_str().unwrap_or_default())
}

/// Waits until something holds; `why` says what is wrong when it never does.
pub fn until(why: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{why}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
