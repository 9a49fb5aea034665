//! This binary as another process: a caller of the sandbox that can be killed, or a program inside.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lbuild_sandbox::{Launcher, Root, Spec};

use crate::fixture::shell;
use crate::{probe, user};

/// The first argument of these processes.
const ARGUMENT: &str = "__role";

/// Plays the role that the arguments name, if they name one.
pub(crate) fn play() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [ARGUMENT, "foreign", kind] => probe::foreign(kind).expect("a kind"),
        [ARGUMENT, "user", home] => user::play(Path::new(home)),
        [ARGUMENT, "call", system, script] => call(Path::new(system), script),
        _ => return,
    }
    std::process::exit(0);
}

/// Runs a script in the small system and prints its output.
fn call(system: &Path, script: &str) {
    let root = Root::ReadOnly { lowers: vec![system.to_owned()] };
    let mut running =
        Launcher::new().expect("a launcher").spawn(Spec::new(root, shell(script))).expect("a job");
    let finished = running.wait(&mut |_, line| println!("{line}"));
    println!("{finished:?}");
}

/// A caller in a process of its own.
pub(crate) fn spawn(system: &Path, script: &str, variables: &[(&str, &str)]) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args([ARGUMENT, "call"])
        .arg(system)
        .arg(script)
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a caller")
}

/// A process of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    pub(crate) uid: u32,
}

pub(crate) fn processes() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| {
            status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
        };
        Some(Process { pid, parent: i32::try_from(field("PPid:")?).ok()?, uid: field("Uid:")? })
    })
    .collect()
}

/// The processes with an id of the range that starts at `first`.
pub(crate) fn of_range(first: u32) -> Vec<Process> {
    processes().into_iter().filter(|process| (first..first + 65_536).contains(&process.uid)).collect()
}

/// Waits until a condition holds.
pub(crate) fn eventually(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
