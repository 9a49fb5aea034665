//! Clock and memory.

use std::io::{Error, Result};
use std::path::Path;
use std::time::Instant;

use lbuild_repo::index::Index;
use serde_json::{Value, json};

/// Runs of each measurement.
const RUNS: usize = 9;

/// The seconds of each of several runs, and the last result.
pub fn times<T>(mut run: impl FnMut() -> Result<T>) -> Result<(Vec<f64>, T)> {
    let mut seconds = Vec::with_capacity(RUNS);
    loop {
        let start = Instant::now();
        let result = run()?;
        seconds.push(start.elapsed().as_secs_f64());
        if seconds.len() == RUNS {
            return Ok((seconds, result));
        }
    }
}

/// Memory of this process before an index was loaded, with it, and at most.
pub fn memory(cache: &Path) -> Result<Value> {
    let before = status("VmRSS:")?;
    let index = Index::open_cache(std::fs::read(cache)?).map_err(Error::other)?;
    // every page is read, as whoever resolves may do
    let names: usize = index.packages().map(|package| package.name().len() + package.version().len()).sum();
    let (loaded, peak) = (status("VmRSS:")?, status("VmHWM:")?);
    Ok(json!({"packages": index.len(), "names": names, "before": before, "loaded": loaded, "peak": peak}))
}

/// A size in `/proc/self/status`, in bytes.
fn status(field: &str) -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.ok_or_else(|| Error::other(format!("the kernel does not tell {field}")))? * 1024)
}
