//! Points at which tests kill or halt this process, to see what the others make of it. Release builds have none.

#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicBool, Ordering};

/// The variable that names a point: `NAME` kills the process there, `NAME:stop` halts it the first time.
#[cfg(debug_assertions)]
const VARIABLE: &str = "LBUILD_FAILPOINT";

/// The process has come to the point called `name`.
#[cfg(debug_assertions)]
pub fn reach(name: &str) {
    use rustix::process::{Signal, getpid, kill_process};

    static HALTED: AtomicBool = AtomicBool::new(false);
    let Ok(wanted) = std::env::var(VARIABLE) else { return };
    let (point, signal) = match wanted.strip_suffix(":stop") {
        Some(point) => (point, Signal::STOP),
        None => (wanted.as_str(), Signal::KILL),
    };
    if point == name && !HALTED.swap(true, Ordering::Relaxed) {
        // it is this very process, so the signal arrives
        let _ = kill_process(getpid(), signal);
    }
}

/// The process has come to the point called `name`.
#[cfg(not(debug_assertions))]
pub fn reach(_name: &str) {}
