//! The memory of our own processes: the program, its supervisors and its agents, which all are the same executable.
//! What runs beside them in the sandbox (dpkg, mksquashfs) costs the reference the same.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often the processes are looked at.
const INTERVAL: Duration = Duration::from_millis(20);

/// Looks at the processes until it is asked for the result.
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Sampler {
    /// Starts to look at every process of this executable.
    pub fn start(executable: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, executable) = (Arc::clone(&stop), executable.to_owned());
        let thread = thread::spawn(move || {
            let peak = AtomicU64::new(0);
            while !stopped.load(Ordering::Relaxed) {
                peak.fetch_max(resident(&executable), Ordering::Relaxed);
                thread::sleep(INTERVAL);
            }
            peak.into_inner()
        });
        Self { stop, thread }
    }

    /// The most that they had resident at once, in bytes. Pages that forked processes share count for each.
    pub fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

/// What one process has resident now, in bytes; its directory is below `/proc`.
pub fn resident_of(process: &Path) -> io::Result<u64> {
    Ok(anonymous(&fs::read_to_string(process.join("status"))?))
}

fn resident(executable: &Path) -> u64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ours = processes
        .filter(|process| fs::read_link(process.path().join("exe")).is_ok_and(|exe| exe == executable));
    // a process may end while it is looked at
    ours.filter_map(|process| resident_of(&process.path()).ok()).sum()
}

/// Anonymous and shared memory in the text of `/proc/<pid>/status`, in bytes. Mapped files, such as the executable
/// and the package index, are the page cache's.
fn anonymous(status: &str) -> u64 {
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    (kib("RssAnon:").unwrap_or_default() + kib("RssShmem:").unwrap_or_default()) * 1024
}

#[cfg(test)]
mod tests {
    use super::{Sampler, anonymous};

    #[test]
    fn the_status_is_read() {
        assert_eq!(
            anonymous("VmRSS:\t   9 kB\nRssAnon:\t    120 kB\nRssFile:\t 7 kB\nRssShmem:\t      8 kB\n"),
            128 * 1024
        );
    }

    #[test]
    fn our_own_memory_is_seen() {
        let executable = std::env::current_exe().expect("an executable");
        let sampler = Sampler::start(&executable);
        let block = vec![1_u8; 40 << 20];
        std::thread::sleep(std::time::Duration::from_millis(300));
        std::hint::black_box(&block);
        assert!(sampler.finish() > 40 << 20);
    }
}
