//! Runs jobs side by side and adds up what passed.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::suites::Job;
use crate::command::{CommandError, output};

/// What passed and what failed so far.
#[derive(Default)]
pub struct Tally {
    /// Tests and checks that passed.
    pub passed: usize,
    /// Names of tests and checks that failed.
    pub failures: Vec<String>,
}

impl Tally {
    /// Counts one check, and shows what it said when it failed.
    pub fn add(&mut self, name: &str, passed: bool, started: Instant, text: &str) {
        let seconds = started.elapsed().as_secs_f64();
        println!("{:<28} {:>7.1} s  {}", name, seconds, if passed { "ok" } else { "FAILED" });
        if passed {
            self.passed += 1;
        } else {
            println!("{}", text.trim_end());
            self.failures.push(name.to_owned());
        }
    }

    /// Runs a program as one check.
    pub fn add_command(&mut self, name: &str, command: &mut Command) -> Result<(), CommandError> {
        let started = Instant::now();
        let output = output(command)?;
        let text = [output.stdout, output.stderr].concat();
        self.add(name, output.status.success(), started, &String::from_utf8_lossy(&text));
        Ok(())
    }

    fn add_report(&mut self, job: &Job, report: &Report, seconds: f64) {
        println!(
            "{:<28} {seconds:>7.1} s  {} passed, {} failed",
            job.name,
            report.passed,
            report.failures.len()
        );
        self.passed += report.passed;
        self.failures.extend(report.failures.iter().map(|test| format!("{} {test}", job.name)));
        if !report.failures.is_empty() {
            println!("{}", report.text.trim_end());
        }
    }
}

/// Processors of this machine.
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Runs every job, `width` at a time.
pub fn run(jobs: &[Job], width: usize, logs: &Path, tally: &mut Tally) {
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(tally);
    thread::scope(|scope| {
        for _ in 0..width.max(1) {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let started = Instant::now();
                    let report = run_job(job, logs);
                    let mut tally = tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    tally.add_report(job, &report, started.elapsed().as_secs_f64());
                }
            });
        }
    });
}

/// What one job came to.
struct Report {
    passed: usize,
    failures: Vec<String>,
    text: String,
}

fn run_job(job: &Job, logs: &Path) -> Report {
    let log = logs.join(format!("{}.log", job.name.replace(['/', ' '], "-")));
    let ended = start(job, &log).and_then(|()| std::fs::read_to_string(&log));
    let text = ended.unwrap_or_else(|problem| format!("cannot run {}: {problem}", job.binary.path.display()));
    let passed = |test: &&String| text.lines().any(|line| says_passed(line, test));
    // a test counts as passed only when its own line says so: a crash, a time-out or an ignored test does not
    let (passed, failed): (Vec<&String>, Vec<&String>) = job.tests.iter().partition(passed);
    Report { passed: passed.len(), failures: failed.into_iter().cloned().collect(), text }
}

fn start(job: &Job, log: &Path) -> std::io::Result<()> {
    let file = File::create(log)?;
    let mut child = Command::new(&job.binary.path)
        .arg("--exact")
        .args(&job.tests)
        .args(["--test-threads", &job.threads.to_string(), "--color", "never"])
        .current_dir(&job.binary.directory)
        .env("CARGO_MANIFEST_DIR", &job.binary.directory)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()?;
    let started = Instant::now();
    while child.try_wait()?.is_none() {
        if started.elapsed() > job.limit {
            child.kill()?;
            child.wait()?;
            return Err(std::io::Error::other(format!(
                "no end after {} s; see {}",
                job.limit.as_secs(),
                log.display()
            )));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Whether a line of the test harness says that this test passed.
fn says_passed(line: &str, test: &str) -> bool {
    let rest = line.strip_prefix("test ").and_then(|line| line.strip_prefix(test));
    // libtest-mimic aligns the results with spaces
    rest.is_some_and(|rest| {
        rest == " - should panic ... ok" || rest.starts_with(' ') && rest.trim_start_matches(' ') == "... ok"
    })
}

#[cfg(test)]
mod tests {
    use super::says_passed;

    #[test]
    fn only_the_tests_own_line_counts() {
        assert!(says_passed("test a::b ... ok", "a::b"));
        assert!(says_passed("test a::b - should panic ... ok", "a::b"));
        assert!(says_passed("test a::b    ... ok", "a::b"));
        for line in ["test a::bc ... ok", "test a::b ... FAILED", "test a::b ... ignored", "a::b ... ok"] {
            assert!(!says_passed(line, "a::b"), "{line}");
        }
    }
}
