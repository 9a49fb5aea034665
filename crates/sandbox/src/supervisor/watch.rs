//! Following a job to its end and stopping it at its limits.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::cgroup::Groups;
use super::disk::Disk;
use super::run::Init;
use crate::WATCH_INTERVAL;
use crate::channel::Channel;
use crate::failure::{Failure, Step};
use crate::init::Report;
use crate::outcome::{Breach, Outcome, Usage};
use crate::spec::Limits;
use crate::sys;

/// What a shell makes of a program that a signal killed.
const SHELL_SIGNALED: i32 = 128;

/// A job that is running.
pub(super) struct Watch<'a> {
    pub(super) init: Init,
    pub(super) control: &'a Channel,
    pub(super) groups: &'a Groups,
    pub(super) disk: Option<Disk>,
    pub(super) limits: &'a Limits,
    pub(super) start: Instant,
}

impl Watch<'_> {
    /// Waits for the end of the job, calling `started` with the interface of landlock once its task runs. Kills it at a limit or when the caller
    /// says so or is gone.
    pub(super) fn follow(
        &mut self,
        started: &mut dyn FnMut(i32) -> Result<(), Failure>,
    ) -> Result<Outcome, Failure> {
        let mut agent_error = None;
        let mut running = false;
        let deadline = self.start.checked_add(self.limits.wall);
        let mut next_look = self.start + WATCH_INTERVAL;
        loop {
            let (reported, stop) =
                self.wait(deadline.map_or(next_look, |deadline| deadline.min(next_look)))?;
            if reported {
                match self.init.next_report()? {
                    Report::Started { landlock } => {
                        running = true;
                        started(landlock)?;
                    }
                    Report::Failed(failure) => return Err(failure),
                    // An agent can fail before init has told that it runs.
                    Report::AgentFailed(error) => agent_error = Some(error),
                    _ if !running => {
                        return Err(Failure::new("start the job", "its first process was killed"));
                    }
                    Report::Breach(breach) => return Ok(Outcome::Limit(breach)),
                    Report::Exited(status) => return Ok(self.exited(status, agent_error)),
                    Report::Signaled(signal) => return Ok(self.signaled(signal)),
                }
            } else if stop {
                return Ok(Outcome::Killed);
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| now >= deadline) {
                return Ok(Outcome::Limit(Breach::Wall));
            }
            if now >= next_look {
                next_look = now + WATCH_INTERVAL;
                if let Some(breach) = self.breach() {
                    return Ok(Outcome::Limit(breach));
                }
            }
        }
    }

    /// Waits until a time; whether there is a report, and whether the caller wants the job stopped.
    fn wait(&self, until: Instant) -> Result<(bool, bool), Failure> {
        let left = until.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
        let timeout = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        let mut fds =
            [PollFd::new(&self.init.report, PollFlags::IN), PollFd::new(self.control, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno).step("watch the job"),
        }
        Ok((!fds[0].revents().is_empty(), !fds[1].revents().is_empty()))
    }

    fn exited(&mut self, status: i32, agent_error: Option<String>) -> Outcome {
        let breach = if status == 0 { self.counted_breach() } else { self.breach() };
        if let Some(breach) = breach {
            return Outcome::Limit(breach);
        }
        match agent_error {
            Some(error) => Outcome::AgentFailed(error),
            None if status == SHELL_SIGNALED + libc::SIGSYS => Outcome::ForbiddenAbi,
            None if status == SHELL_SIGNALED + libc::SIGXFSZ => Outcome::Limit(Breach::FileSize),
            None => Outcome::Exited(status),
        }
    }

    fn signaled(&self, signal: i32) -> Outcome {
        match (self.counted_breach(), signal) {
            (Some(breach), _) => Outcome::Limit(breach),
            (None, libc::SIGSYS) => Outcome::ForbiddenAbi,
            (None, libc::SIGXFSZ) => Outcome::Limit(Breach::FileSize),
            (None, signal) => Outcome::Signaled(signal),
        }
    }

    /// A limit that the kernel enforced and counted.
    fn counted_breach(&self) -> Option<Breach> {
        if self.groups.memory_kills() > 0 {
            Some(Breach::Memory)
        } else if self.groups.refused_pids() > 0 {
            Some(Breach::Pids)
        } else {
            None
        }
    }

    fn breach(&mut self) -> Option<Breach> {
        self.counted_breach().or_else(|| self.disk.as_mut()?.breach(self.limits))
    }

    /// Kills what is left of the job and waits for its end; what it used.
    pub(super) fn end(&self) -> Usage {
        // Frozen processes die only when they are thawed, so the groups come first; init's end is that of its whole
        // process id namespace.
        self.groups.kill();
        self.init.kill();
        let (cpu, peak) = sys::children_usage();
        Usage { wall: self.start.elapsed(), cpu, peak_memory: self.groups.peak_memory().unwrap_or(peak) }
    }
}
