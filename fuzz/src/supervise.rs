//! Starts one worker per target and says how it ended; an input that broke one is saved and printed.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::targets::{TARGETS, find};
use crate::worker::{HUNG, PANICKED, SLOWEST, last_input};

/// What to run each target with.
pub struct Plan {
    /// Holds `corpus/<target>/`; `artifacts/<target>/` is written beside it.
    pub directory: PathBuf,
    /// Longest time for one target.
    pub limit: Duration,
    /// Most inputs for one target; 0 is no limit.
    pub runs: u64,
    /// Start of the sequence of inputs.
    pub seed: u64,
}

impl Plan {
    /// The corpus of one target, in the order of the file names. A target without a corpus is an error: from
    /// nothing, mutation reaches nothing.
    pub fn corpus(&self, target: &str) -> Result<Vec<Vec<u8>>, String> {
        let directory = self.directory.join("corpus").join(target);
        let failed = |problem| format!("cannot read the corpus `{}`: {problem}", directory.display());
        let mut files: Vec<PathBuf> = std::fs::read_dir(&directory)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .map_err(failed)?;
        files.sort();
        let corpus: Vec<Vec<u8>> =
            files.iter().map(std::fs::read).collect::<Result<_, _>>().map_err(failed)?;
        if corpus.is_empty() {
            return Err(format!("the corpus `{}` is empty", directory.display()));
        }
        Ok(corpus)
    }
}

/// Runs every target whose name contains `filter`, and prints one line for each.
pub fn run_all(plan: &Plan, filter: &str) -> Result<ExitCode, String> {
    let mut names: Vec<&str> =
        TARGETS.iter().map(|target| target.name).filter(|name| name.contains(filter)).collect();
    if names.is_empty() {
        names.push(find(filter)?.name);
    }
    let mut failed = 0;
    for name in &names {
        let started = Instant::now();
        let broken = run_one(plan, name)?;
        failed += usize::from(broken.is_some());
        let seconds = started.elapsed().as_secs_f64();
        match broken {
            Some(text) => println!("fuzz {name}: FAILED after {seconds:.1} s\n{text}"),
            None => println!("fuzz {name}: ok in {seconds:.1} s"),
        }
    }
    println!("fuzz: {} passed, {failed} failed", names.len() - failed);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs one target; the text of what broke it, if anything did.
fn run_one(plan: &Plan, name: &str) -> Result<Option<String>, String> {
    let artifacts = plan.directory.join("artifacts").join(name);
    let failed = |what: &str, problem: std::io::Error| format!("cannot {what}: {problem}");
    std::fs::create_dir_all(&artifacts)
        .map_err(|problem| failed("create the artifact directory", problem))?;
    let current = artifacts.join(format!("current-{}", std::process::id()));
    let executable = std::env::current_exe().map_err(|problem| failed("find this program", problem))?;
    let output = Command::new(executable)
        .args(["--seconds", &plan.limit.as_secs().to_string()])
        .args(["--runs", &plan.runs.to_string(), "--seed", &plan.seed.to_string()])
        .arg("--directory")
        .arg(&plan.directory)
        .arg("worker")
        .arg(name)
        .arg(&current)
        .env("RUST_BACKTRACE", "0")
        .output()
        .map_err(|problem| failed("start the worker", problem))?;
    let broken = match cause(output.status) {
        None if output.status.success() => None,
        None => {
            return Err(format!("target `{name}`: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        Some(cause) => Some(keep(name, &artifacts, &last_input(&current)?, &cause, &output.stderr)?),
    };
    std::fs::remove_file(&current).map_err(|problem| failed("remove the current input", problem))?;
    Ok(broken)
}

/// Why a worker ended before its time, when it was the target that ended it.
fn cause(status: ExitStatus) -> Option<String> {
    if let Some(signal) = status.signal() {
        return Some(format!("killed by signal {signal} (abort, stack overflow or the memory limit)"));
    }
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(PANICKED) => Some("panicked".to_owned()),
        Some(HUNG) => Some(format!("one input took more than {} s", SLOWEST.as_secs())),
        _ => None,
    }
}

fn keep(name: &str, artifacts: &Path, input: &[u8], cause: &str, stderr: &[u8]) -> Result<String, String> {
    let digest = hex::encode(Sha256::digest(input));
    let path = artifacts.join(format!("crash-{}", &digest[..16]));
    std::fs::write(&path, input).map_err(|problem| format!("cannot save `{}`: {problem}", path.display()))?;
    let text = String::from_utf8_lossy(stderr);
    let tail: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let tail = tail[tail.len().saturating_sub(6)..].join("\n    ");
    let shown = input[..input.len().min(256)].escape_ascii();
    Ok(format!(
        "  {cause}\n    {tail}\n  input ({} bytes): b\"{shown}\"{}\n  saved as {}\n  again: cargo run -p lbuild-fuzz -- reproduce {name} {}",
        input.len(),
        if input.len() > 256 { "..." } else { "" },
        path.display(),
        path.display(),
    ))
}
