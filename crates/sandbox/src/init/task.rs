//! Running the task and waiting for its end, as the process that adopts every orphan of the job.

use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::fstatfs;
use rustix::process::{Pid, PidfdFlags, WaitOptions, WaitStatus, pidfd_open, setsid, wait};

use super::lockdown::close_descriptors;
use super::{Report, report};
use crate::WATCH_INTERVAL;
use crate::agent::{Agent, AgentIo};
use crate::channel::Channel;
use crate::failure::{Failure, Step};
use crate::outcome::Breach;
use crate::preflight;
use crate::spec::Task;
use crate::sys::{self, Side};

/// The agent of the preflight.
const NOTHING: Agent = Agent { name: preflight::NOTHING, run: |_| Ok(()) };

/// The task and the descriptors it gets.
pub(super) struct Launch<'a> {
    pub(super) task: Task,
    pub(super) stdio: [OwnedFd; 3],
    pub(super) channel: Option<OwnedFd>,
    pub(super) fds: Vec<OwnedFd>,
    pub(super) agents: &'a [Agent],
    pub(super) input: Vec<u8>,
    pub(super) report: OwnedFd,
}

impl Launch<'_> {
    /// Every descriptor that must stay open.
    pub(super) fn descriptors(&self) -> Vec<RawFd> {
        let own = self.stdio.iter().chain(&self.channel).chain(&self.fds);
        own.chain([&self.report]).map(AsRawFd::as_raw_fd).collect()
    }

    /// Runs the task and reports, with the interface of `landlock` that holds it, that it runs, and how it ended. Returning ends the job: the kernel kills what is left of it.
    pub(super) fn supervise(self, tmpfs: &[OwnedFd], landlock: i32) -> Result<(), Failure> {
        let report = self.report.try_clone().step("copy a descriptor")?;
        let (started, telling) = std::io::pipe().step("make a pipe")?;
        let main = match sys::fork().step("start the task")? {
            Side::Child => {
                drop(started);
                self.run(telling)
            }
            Side::Parent(main) => main,
        };
        drop(telling);
        drop((self.stdio, self.channel, self.fds));
        let failure = std::io::read_to_string(started).step("start the task")?;
        if let Ok(failure) = serde_json::from_str::<Failure>(&failure) {
            return Err(failure);
        }
        super::report(report.as_fd(), &Report::Started { landlock });
        let end = follow(main, tmpfs)?;
        super::report(report.as_fd(), &end);
        Ok(())
    }

    /// The task's process. Closing `telling` says that it is running; else it carries the reason why it is not.
    fn run(self, mut telling: std::io::PipeWriter) -> ! {
        // A group and a session of its own, so that it can signal its group without reaching init.
        let _ = setsid();
        let failure = match self.task.clone() {
            Task::Exec { argv, env, cwd } => self.execute(&argv, &env, &cwd),
            Task::Agent { name, .. } => {
                match self.agents.iter().chain([&NOTHING]).find(|agent| agent.name == name) {
                    None => Failure::new(format!("find the agent `{name}`"), "it is not registered"),
                    Some(agent) => match self.into_agent() {
                        Ok((io, report)) => run_agent(*agent, io, &report),
                        Err(failure) => failure,
                    },
                }
            }
        };
        let text = serde_json::to_string(&failure).unwrap_or_default();
        // If init cannot be told, it sees the status.
        let _ = telling.write_all(text.as_bytes());
        sys::exit_now(127)
    }

    /// Becomes the program; returns only why it could not.
    fn execute(self, argv: &[String], env: &[(String, String)], cwd: &Path) -> Failure {
        let Some((program, arguments)) = argv.split_first().filter(|(program, _)| program.starts_with('/'))
        else {
            return Failure::new("start the task", "a program is named by its absolute path");
        };
        let placed = place_stdio(&self.stdio).and_then(|()| place_descriptors(&self.fds));
        if let Err(failure) = placed {
            return failure;
        }
        let variables = env.iter().map(|(name, value)| (name, value));
        let error = Command::new(program).args(arguments).env_clear().envs(variables).current_dir(cwd).exec();
        let failed: Result<(), _> = Err(error);
        match failed.step_with(|| format!("execute `{program}` in `{}`", cwd.display())) {
            Err(failure) => failure,
            Ok(()) => Failure::new("execute", "it returned"),
        }
    }

    fn into_agent(self) -> Result<(AgentIo, OwnedFd), Failure> {
        place_stdio(&self.stdio)?;
        let socket = self.channel.ok_or_else(|| Failure::new("start the agent", "its channel is missing"))?;
        drop(self.stdio);
        // What init watches and reports with is not for the agent. Its owners never run again in this process.
        let keep = self.fds.iter().chain([&socket, &self.report]).map(AsRawFd::as_raw_fd);
        close_descriptors(&keep.collect::<Vec<_>>())?;
        Ok((AgentIo { input: self.input, fds: self.fds, channel: Channel::new(socket, true) }, self.report))
    }
}

fn run_agent(agent: Agent, mut io: AgentIo, report_to: &OwnedFd) -> ! {
    let result = catch_unwind(AssertUnwindSafe(|| (agent.run)(&mut io)));
    let error = match result {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(_) => Some(format!("the agent `{}` panicked", agent.name)),
    };
    // A log that nobody reads is no reason to fail.
    let _ = std::io::stdout().flush();
    let Some(mut error) = error else { sys::exit_now(0) };
    error.truncate(error.floor_char_boundary(super::MAX_REPORT / 8));
    report(report_to.as_fd(), &Report::AgentFailed(error));
    sys::exit_now(1)
}

fn place_stdio(stdio: &[OwnedFd; 3]) -> Result<(), Failure> {
    (0..)
        .zip(stdio)
        .try_for_each(|(target, fd)| sys::duplicate_to(fd.as_raw_fd(), target))
        .step("connect the task")
}

/// Gives the task its descriptors as 3 and up, in order. They are first moved out of the way of each other.
fn place_descriptors(fds: &[OwnedFd]) -> Result<(), Failure> {
    let count = RawFd::try_from(fds.len()).map_err(std::io::Error::other).step("connect the task")?;
    let place = || -> std::io::Result<()> {
        let above = fds.iter().map(|fd| rustix::io::fcntl_dupfd_cloexec(fd, 3 + count));
        let above = above.collect::<Result<Vec<_>, _>>()?;
        (3..).zip(&above).try_for_each(|(target, fd)| sys::duplicate_to(fd.as_raw_fd(), target))
    };
    place().step("connect the task")
}

/// Waits for the end of the main process, reaping whatever else ends, and watches the memory file systems.
fn follow(main: Pid, tmpfs: &[OwnedFd]) -> Result<Report, Failure> {
    let handle = pidfd_open(main, PidfdFlags::empty()).step("watch the task")?;
    let interval = Timespec { tv_sec: 0, tv_nsec: WATCH_INTERVAL.subsec_nanos().into() };
    loop {
        let mut fds = [PollFd::new(&handle, PollFlags::IN)];
        match poll(&mut fds, Some(&interval)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno).step("watch the task"),
        }
        let end = reap(main);
        // A task that fails with a full file system failed because of it.
        if end.is_none_or(|status| status.exit_status() != Some(0)) && tmpfs.iter().any(full) {
            return Ok(Report::Breach(Breach::Tmpfs));
        }
        if let Some(status) = end {
            return Ok(ended(status));
        }
    }
}

/// Collects the children that have ended; the status of the main one if it is among them.
fn reap(main: Pid) -> Option<WaitStatus> {
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == main {
            return Some(status);
        }
    }
    None
}

fn ended(status: WaitStatus) -> Report {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Report::Exited(code),
        (None, Some(signal)) => Report::Signaled(signal),
        (None, None) => Report::Exited(255),
    }
}

fn full(mount: &OwnedFd) -> bool {
    fstatfs(mount).is_ok_and(|stat| stat.f_blocks > 0 && (stat.f_bfree == 0 || stat.f_ffree == 0))
}
