//! The process that runs one target. It writes every input to a file before it runs it, so that whatever kills the
//! process (an abort, a stack overflow, the memory limit) leaves the input behind for the supervisor.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::mutate::{Random, next_input};
use crate::supervise::Plan;
use crate::targets;

/// Exit code of a worker whose target panicked.
pub const PANICKED: u8 = 101;
/// Exit code of a worker whose target needed more than [`SLOWEST`] for one input.
pub const HUNG: u8 = 102;
/// Longest time one input may take. Inputs are at most 256 KiB.
pub const SLOWEST: Duration = Duration::from_secs(5);
/// Address space of a worker, in bytes.
const MEMORY: u64 = 1 << 30;

/// Runs the plan on one target in this process.
pub fn run(plan: &Plan, name: &str, current: &Path) -> Result<ExitCode, String> {
    let target = targets::find(name)?;
    setrlimit(Resource::As, Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) })
        .map_err(|problem| format!("cannot limit the memory: {problem}"))?;
    let corpus = plan.corpus(name)?;
    let current = Current::create(current)?;
    std::thread::spawn(watch);

    let mut random = Random::new(plan.seed);
    let started = Instant::now();
    let mut count: u64 = 0;
    let mut queue = corpus.iter().cloned();
    while started.elapsed() < plan.limit && (plan.runs == 0 || count < plan.runs) {
        // the corpus itself comes first, as it is
        let input = queue.next().unwrap_or_else(|| next_input(&mut random, &corpus));
        current.write(&input)?;
        count += 1;
        INPUT.store(count, Ordering::Relaxed);
        if catch_unwind(AssertUnwindSafe(|| (target.run)(&input))).is_err() {
            return Ok(ExitCode::from(PANICKED));
        }
    }
    println!("{count}");
    Ok(ExitCode::SUCCESS)
}

/// Runs one target on one file as it is.
pub fn reproduce(name: &str, file: &Path) -> Result<ExitCode, String> {
    let input =
        std::fs::read(file).map_err(|problem| format!("cannot read `{}`: {problem}", file.display()))?;
    (targets::find(name)?.run)(&input);
    Ok(ExitCode::SUCCESS)
}

/// Number of the input being run.
static INPUT: AtomicU64 = AtomicU64::new(0);

/// Ends the process when the number of the input stands still.
fn watch() {
    let mut last = (0, Instant::now());
    loop {
        std::thread::sleep(Duration::from_millis(200));
        let input = INPUT.load(Ordering::Relaxed);
        if input != last.0 {
            last = (input, Instant::now());
        } else if last.1.elapsed() > SLOWEST {
            std::process::exit(i32::from(HUNG));
        }
    }
}

/// The file that holds the input being run: its length as eight bytes, then its bytes.
struct Current(File);

impl Current {
    fn create(path: &Path) -> Result<Self, String> {
        File::create(path)
            .map(Self)
            .map_err(|problem| format!("cannot write `{}`: {problem}", path.display()))
    }

    fn write(&self, input: &[u8]) -> Result<(), String> {
        let length = (input.len() as u64).to_le_bytes();
        self.0
            .write_all_at(&length, 0)
            .and_then(|()| self.0.write_all_at(input, 8))
            .map_err(|problem| format!("cannot keep the input: {problem}"))
    }
}

/// The input that a worker was running when it ended.
pub fn last_input(path: &Path) -> Result<Vec<u8>, String> {
    let bytes =
        std::fs::read(path).map_err(|problem| format!("cannot read `{}`: {problem}", path.display()))?;
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or("the worker ended before its first input")?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    Ok(rest[..length.min(rest.len())].to_vec())
}
