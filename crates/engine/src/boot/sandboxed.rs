//! QEMU from the tools tree, inside the sandbox.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use lbuild_sandbox::{Killer, Launcher, Limits, Mount, Root, Spec, Task};

use super::machine::{Invocation, PROGRAM};
use super::run::{Exit, Guest, RunQemu, StartError};

/// Lines of QEMU's messages that are kept.
const KEPT_LINES: usize = 20;

/// Where QEMU puts the private copies of firmware variables and written disk blocks, and the room it has for them.
const SCRATCH: &str = "/var/tmp";
const SCRATCH_BYTES: u64 = 2 << 30;

/// QEMU in a sandbox whose root is a tools tree.
#[derive(Debug, Clone)]
pub struct SandboxQemu<'a> {
    launcher: &'a Launcher,
    tools: Vec<PathBuf>,
}

impl<'a> SandboxQemu<'a> {
    /// `tools` are the layers of the tools tree, lowest first.
    pub fn new(launcher: &'a Launcher, tools: Vec<PathBuf>) -> Self {
        Self { launcher, tools }
    }
}

impl RunQemu for SandboxQemu<'_> {
    fn start(&self, invocation: Invocation, limit: Duration) -> Result<Box<dyn Guest>, StartError> {
        let mut argv = vec![PROGRAM.to_owned()];
        argv.extend(invocation.arguments);
        let env = [("PATH", "/usr/bin"), ("HOME", SCRATCH), ("TMPDIR", SCRATCH), ("LC_ALL", "C")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        let task = Task::Exec { argv, env: env.to_vec(), cwd: "/".into() };
        let mut spec = Spec::new(Root::ReadOnly { lowers: self.tools.clone() }, task);
        spec.mounts.push(Mount::Tmpfs { target: SCRATCH.into(), size: SCRATCH_BYTES });
        spec.limits = Limits { wall: limit, pids: 256, output_bytes: 1 << 20, ..Limits::default() };
        spec.fds = invocation.descriptors;
        let mut running = self.launcher.spawn(spec).map_err(|error| StartError { source: error.into() })?;
        let killer = running.killer();
        let thread = std::thread::spawn(move || {
            let mut messages = VecDeque::new();
            let finished = running.wait(&mut |_, line| {
                if messages.len() == KEPT_LINES {
                    messages.pop_front();
                }
                messages.push_back(line.to_owned());
            });
            let status = match finished {
                Ok(finished) => finished.outcome.to_string(),
                Err(error) => error.to_string(),
            };
            Exit { status, messages: messages.into() }
        });
        Ok(Box::new(SandboxGuest { killer, thread: Some(thread) }))
    }
}

struct SandboxGuest {
    killer: Killer,
    thread: Option<JoinHandle<Exit>>,
}

impl SandboxGuest {
    fn join(&mut self) -> Exit {
        let exit = self.thread.take().and_then(|thread| thread.join().ok());
        exit.unwrap_or_else(|| Exit { status: "lost".to_owned(), messages: Vec::new() })
    }
}

impl Guest for SandboxGuest {
    fn kill(&self) {
        self.killer.kill();
    }

    fn wait(mut self: Box<Self>) -> Exit {
        self.join()
    }
}

impl Drop for SandboxGuest {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.killer.kill();
            self.join();
        }
    }
}
