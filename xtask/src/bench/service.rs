//! The service under load: how fast it answers while it builds, what watching clients cost, how fast its queue is.
//!
//! Everything goes over loopback and stops by itself.

use std::io;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Options;
use super::memory::resident_of;
use super::table::{Row, Table, median};
use crate::command::stdout;
use crate::service::{Client, Service};
use crate::workspace::Workspace;

/// Requests per second, half of them submissions and half questions where a build stands.
const RATE: u32 = 200;

/// Connections that they come over.
const CONNECTIONS: u32 = 8;

/// How long they come: a tenant may have a thousand builds in the queue.
const SECONDS: u32 = 9;

/// Clients that watch a build in which nothing happens.
const WATCHERS: usize = 2000;

/// How often the service is started.
const STARTS: usize = 5;

/// Times of the answers to submissions and to questions, in seconds.
#[derive(Default)]
struct Times {
    submit: Vec<f64>,
    status: Vec<f64>,
}

/// What watching clients cost.
struct Watched {
    /// Bytes of memory for all of them.
    memory: u64,
    /// Seconds until the last one had an event.
    told: f64,
}

/// Measures everything.
pub fn measure(
    workspace: &Workspace,
    options: &Options,
    scratch: &Path,
) -> Result<Table, Box<dyn std::error::Error>> {
    let program = std::fs::canonicalize(workspace.root.join("target/release/lbuild"))?;
    let mut starts = Vec::new();
    let mut rest = 0;
    for n in 0..STARTS {
        let service = Service::start(&program, &scratch.join(format!("start-{n}")), 1)?;
        starts.push(service.first_answer);
        thread::sleep(Duration::from_secs(1));
        rest = rest.max(memory(&service)?);
    }
    let spec = std::fs::read_to_string(workspace.root.join(&options.spec))?;
    let mut times = under_load(&program, &scratch.join("load"), &spec)?;
    let watched = watching(&program, &scratch.join("watch"))?;
    let queue = queue(workspace)?;
    let number =
        |name: &str| queue[name].as_f64().ok_or_else(|| format!("the queue's benchmark gave no `{name}`"));
    let rows = vec![
        Row::within("submit, p95", percentile(&mut times.submit), 20),
        Row::within("status, p95", percentile(&mut times.status), 10),
        Row::within("start to first answer", median(&starts), 300),
        Row::memory("memory at rest", rest, 100),
        Row::memory("memory of 2,000 clients that watch", watched.memory, 200),
        Row::within("an event to all of them", watched.told, 1000),
        Row::rate("claims and finishes, SQLite", number("sqliteClaims")?, 500.0),
        Row::rate("claims and finishes, PostgreSQL", number("postgresClaims")?, 1000.0),
        Row::within("a page of a million builds, p95", number("sqliteList")?, 50),
        Row::count("turns that a tenant waits beyond its share", number("turns")?, 0.0),
    ];
    let note = format!(
        "{RATE} requests per second over {CONNECTIONS} connections for {SECONDS} s, half of them submissions, while two \
         builds of a live system run on the same machine. A tenant's share: every tenth turn when ten have builds."
    );
    Ok(Table { mark: "service", rows, note })
}

/// The time under which 95 of 100 are.
fn percentile(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() * 95 / 100).copied().unwrap_or(f64::NAN)
}

/// Answers while two builds run.
fn under_load(program: &Path, data: &Path, spec: &str) -> Result<Times, Box<dyn std::error::Error>> {
    let service = Service::start(program, data, 2)?;
    let mut client = service.client()?;
    let mut running = Vec::new();
    for name in ["one", "two"] {
        running.push(submit(&mut client, &renamed(spec, name)?)?);
    }
    wait_until_running(&mut client, &running)?;
    let began = Instant::now();
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|n| {
            let (client, build) = (service.client()?, running[0].clone());
            Ok(thread::spawn(move || drive(client, n, began, &build)))
        })
        .collect::<io::Result<_>>()?;
    let mut all = Times::default();
    for thread in threads {
        let times = thread.join().map_err(|_| "a client panicked")??;
        all.submit.extend(times.submit);
        all.status.extend(times.status);
    }
    let still = status(&mut client, &running[0])?;
    if still != "running" && still != "succeeded" {
        return Err(format!("the build that ran beside is `{still}`").into());
    }
    Ok(all)
}

/// One connection's part of the requests, each at its time; one that waits for the one before waits on the clock too.
fn drive(mut client: Client, number: u32, began: Instant, build: &str) -> io::Result<Times> {
    let mut times = Times::default();
    let between = Duration::from_secs(1) * CONNECTIONS / RATE;
    for n in 0..RATE * SECONDS / CONNECTIONS {
        let due = began + between * n + between * number / CONNECTIONS;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if n % 2 == 0 {
            submit(&mut client, &small(&format!("b{number}-{n}")))?;
            times.submit.push(due.elapsed().as_secs_f64());
        } else {
            status(&mut client, build)?;
            times.status.push(due.elapsed().as_secs_f64());
        }
    }
    Ok(times)
}

/// Clients that watch a build which nobody takes.
fn watching(program: &Path, data: &Path) -> Result<Watched, Box<dyn std::error::Error>> {
    let service = Service::start(program, data, 0)?;
    let mut client = service.client()?;
    let build = submit(&mut client, &small("watched"))?;
    thread::sleep(Duration::from_secs(1));
    let before = memory(&service)?;
    let path = format!("/api/v1/builds/{build}/events");
    let mut watchers = Vec::with_capacity(WATCHERS);
    for _ in 0..WATCHERS {
        let mut watcher = service.client()?;
        watcher.follow(&path)?;
        watchers.push(watcher);
    }
    let memory = memory(&service)?.saturating_sub(before);
    let began = Instant::now();
    let answer = client.ask("POST", &format!("/api/v1/builds/{build}/cancel"), "application/json", "")?;
    if answer.status >= 300 {
        return Err(format!("the build is not cancelled: {}", answer.status).into());
    }
    for watcher in &mut watchers {
        watcher.wait_for("cancelled")?;
    }
    Ok(Watched { memory, told: began.elapsed().as_secs_f64() })
}

/// Resident memory of a service in bytes, without that of its builds.
fn memory(service: &Service) -> io::Result<u64> {
    resident_of(Path::new(&format!("/proc/{}", service.pid())))
}

/// What the benchmark of the database says.
fn queue(workspace: &Workspace) -> Result<Value, Box<dyn std::error::Error>> {
    let text = stdout(
        Command::new("cargo")
            .args(["bench", "--quiet", "--package", "lbuild-db", "--bench", "queue"])
            .current_dir(&workspace.root),
    )?;
    let line = text.lines().rev().find(|line| line.starts_with('{'));
    Ok(serde_json::from_str(line.ok_or("the queue's benchmark said nothing")?)?)
}

fn submit(client: &mut Client, spec: &str) -> io::Result<String> {
    let answer = client.ask("POST", "/api/v1/builds", "application/toml", spec)?;
    let body: Value = serde_json::from_slice(&answer.body)?;
    match (answer.status, body["id"].as_str()) {
        (202, Some(id)) => Ok(id.to_owned()),
        (status, _) => Err(io::Error::other(format!("a submission got {status}: {body}"))),
    }
}

fn status(client: &mut Client, build: &str) -> io::Result<String> {
    let answer = client.ask("GET", &format!("/api/v1/builds/{build}"), "", "")?;
    let body: Value = serde_json::from_slice(&answer.body)?;
    body["status"].as_str().map(str::to_owned).ok_or_else(|| io::Error::other(format!("no status in {body}")))
}

fn wait_until_running(client: &mut Client, builds: &[String]) -> io::Result<()> {
    for build in builds {
        while status(client, build)? == "queued" {
            thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}

fn small(name: &str) -> String {
    format!("spec = 1\nname = \"{name}\"\nbase = \"debian\"\noutputs = [\"rootfs\"]\n")
}

/// The spec under another name, so that no build waits for another's artifacts.
fn renamed(spec: &str, name: &str) -> Result<String, Box<dyn std::error::Error>> {
    let mut spec: toml::Table = spec.parse()?;
    spec.insert("name".to_owned(), name.into());
    Ok(toml::to_string(&spec)?)
}
