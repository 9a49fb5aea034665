//! Watches one program and its sandboxes, and finds what they leave behind: processes, mounts, cgroups, loop devices,
//! temporary files.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long the kernel may take to end what a killed program leaves.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running program under a path of its own, so that its processes can be told from those of other tests.
pub struct Watched {
    child: Child,
    stdout: Heard,
    stderr: Heard,
    executable: PathBuf,
    /// Every process of the executable that was seen: the program and its supervisors, which name their cgroups.
    seen: BTreeSet<u32>,
}

impl Watched {
    /// Starts `command` as a copy of its program in `directory`.
    pub fn start(command: &Command, directory: &Path) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("lbuild-under-test-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let executable = fs::canonicalize(directory).expect("a directory").join(name);
        // a link and not a copy where that is possible: a file that is being written cannot be run
        fs::hard_link(command.get_program(), &executable)
            .or_else(|_| fs::copy(command.get_program(), &executable).map(drop))
            .expect("a copy of the program");
        let mut copy = Command::new(&executable);
        copy.args(command.get_args()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        copy.current_dir(command.get_current_dir().unwrap_or(directory));
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => copy.env(name, value),
                None => copy.env_remove(name),
            };
        }
        let mut child = copy.spawn().expect("the program starts");
        let stdout = Heard::listen(child.stdout.take().expect("a pipe"));
        let stderr = Heard::listen(child.stderr.take().expect("a pipe"));
        Self { child, stdout, stderr, executable, seen: BTreeSet::new() }
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Looks at the processes for so long, or until the program has ended; whether it has.
    pub fn look(&mut self, time: Duration) -> bool {
        self.look_until(time, |_| false)
    }

    /// The same, or until it has said something on standard error.
    pub fn look_until(&mut self, time: Duration, said: impl Fn(&str) -> bool) -> bool {
        let started = Instant::now();
        while started.elapsed() < time && !said(&self.said()) {
            self.seen.extend(processes_of(&self.executable));
            if self.child.try_wait().expect("a state").is_some() {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// What it has said on standard error so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&self.stderr.so_far()).into_owned()
    }

    /// Waits for its end, which must come within `limit`; nothing of it may be left then.
    pub fn end(mut self, limit: Duration, directory: &Path) -> Output {
        let output = self.wait(limit);
        self.assert_nothing_left(directory);
        output
    }

    /// Waits for its end, without a look at what is left.
    pub fn wait(&mut self, limit: Duration) -> Output {
        let ended = self.look(limit);
        if !ended {
            self.child.kill().expect("killed");
        }
        let status = self.child.wait().expect("a status");
        let output = Output { status, stdout: self.stdout.all(), stderr: self.stderr.all() };
        assert!(ended, "no end after {limit:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn assert_nothing_left(&self, directory: &Path) {
        let started = Instant::now();
        loop {
            let left = self.left(directory);
            if left.is_empty() {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "left behind: {left:#?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn left(&self, directory: &Path) -> Vec<String> {
        let directory = fs::canonicalize(directory).expect("a directory").display().to_string();
        let mut left: Vec<String> = processes_of(&self.executable)
            .iter()
            .map(|pid| format!("process {pid} of the program"))
            .collect();
        let groups: Vec<String> = self.seen.iter().map(|pid| format!("lbuild-{pid}-")).collect();
        let ours = |text: &str| groups.iter().any(|group| text.contains(group));
        left.extend(cgroups().into_iter().filter(|path| ours(path)).map(|path| format!("cgroup {path}")));
        let in_group =
            |pid: &u32| ours(&fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default());
        left.extend(
            processes().into_iter().filter(in_group).map(|pid| format!("process {pid} of a sandbox")),
        );
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("the mounts");
        // a test's own file system lies in the directory itself, what a sandbox mounts below the store
        let store = format!("{directory}/store/");
        left.extend(mounts.lines().filter(|line| line.contains(&store)).map(|line| format!("mount {line}")));
        left.extend(loop_devices().into_iter().filter(|file| file.starts_with(&directory)));
        left
    }
}

/// What comes out of a pipe. It is read beside everything else, so that a full one does not stop the program.
struct Heard {
    bytes: Arc<Mutex<Vec<u8>>>,
    reading: Option<thread::JoinHandle<()>>,
}

impl Heard {
    fn listen(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes: Arc<Mutex<Vec<u8>>> = Arc::default();
        let shared = Arc::clone(&bytes);
        let reading = thread::spawn(move || {
            let mut buffer = [0; 8 << 10];
            loop {
                let count = pipe.read(&mut buffer).expect("a readable pipe");
                shared.lock().unwrap_or_else(PoisonError::into_inner).extend(&buffer[..count]);
                if count == 0 {
                    return;
                }
            }
        });
        Self { bytes, reading: Some(reading) }
    }

    fn so_far(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn all(&mut self) -> Vec<u8> {
        if let Some(reading) = self.reading.take() {
            reading.join().expect("it was read to its end");
        }
        self.so_far()
    }
}

fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    entries.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok()).collect()
}

fn processes_of(executable: &Path) -> Vec<u32> {
    let runs = |pid: &u32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == executable);
    processes().into_iter().filter(runs).collect()
}

/// Cgroups that a sandbox may have made, in every hierarchy.
fn cgroups() -> Vec<String> {
    fn below(directory: &Path, depth: usize, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().starts_with("lbuild-") {
                    found.push(entry.path().display().to_string());
                }
                if depth > 0 {
                    below(&entry.path(), depth - 1, found);
                }
            }
        }
    }
    let mut found = Vec::new();
    below(Path::new("/sys/fs/cgroup"), 5, &mut found);
    found
}

fn loop_devices() -> Vec<String> {
    let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    devices.filter_map(|device| fs::read_to_string(device.path().join("loop/backing_file")).ok()).collect()
}

/// Fails when a directory holds other files than these.
pub fn assert_only(directory: &Path, expected: &[&str]) {
    let mut found: Vec<String> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, expected, "in {}", directory.display());
}

/// Fails when the store holds temporary files of a process that has ended.
pub fn assert_store_is_tidy(store: &Path) {
    assert_only_trash(store);
    assert_only(&store.join("trash"), &[]);
}

/// The same for a build that was stopped: it leaves its half-made trees to the next one.
pub fn assert_only_trash(store: &Path) {
    for directory in ["tmp", "drafts"] {
        assert_only(&store.join(directory), &[]);
    }
}
