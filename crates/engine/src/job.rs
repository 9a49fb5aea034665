//! One sandboxed job of a step: follows its log, stops it on request, and says in one error why it failed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use lbuild_sandbox::{Channel, Finished, Isolation, Killer, Launcher, Outcome, Running, Spec};
use lbuild_store::Cancel;

use crate::engine::JobLimits;
use crate::error::BuildError;
use crate::event::{Event, Observer};
use crate::plan::Step;

/// Lines of log that an error shows.
const TAIL: usize = 20;

/// How often a running job looks whether somebody asked to stop.
const CANCEL_POLL: Duration = Duration::from_millis(50);

/// Starts the jobs of one step.
#[derive(Clone, Copy)]
pub(crate) struct Jobs<'a> {
    pub(crate) launcher: &'a Launcher,
    pub(crate) limits: JobLimits,
    pub(crate) step: Step,
    pub(crate) observer: &'a Observer<'a>,
    /// Raised on request and when another step of the build failed.
    pub(crate) cancel: &'a Cancel,
    /// What held the jobs so far.
    pub(crate) witness: &'a Witness,
}

/// What the sandbox says that it applied to the jobs of a step.
#[derive(Debug, Default)]
pub(crate) struct Witness(Mutex<Option<Isolation>>);

impl Witness {
    fn see(&self, isolation: &Isolation) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Some(match seen.take() {
            Some(before) => before.weakest(isolation),
            None => isolation.clone(),
        });
    }

    /// What held all jobs; `None` when there was none.
    pub(crate) fn isolation(self) -> Option<Isolation> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What runs beside a job and talks to its agent.
pub(crate) trait Talk: Send {
    /// Talks until it has nothing more to say; an error ends the job.
    fn talk(self, channel: &Channel) -> Result<(), BuildError>;
}

/// No conversation.
pub(crate) struct Silent;

impl Talk for Silent {
    fn talk(self, _: &Channel) -> Result<(), BuildError> {
        Ok(())
    }
}

impl Jobs<'_> {
    /// Runs a job to its end.
    pub(crate) fn run(&self, spec: Spec) -> Result<(), BuildError> {
        self.run_with(spec, Silent, &mut |_| {})
    }

    /// Runs a job to its end, with a conversation beside it and every line of its log shown to `on_line`.
    pub(crate) fn run_with(
        &self,
        mut spec: Spec,
        talk: impl Talk,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<(), BuildError> {
        self.check_cancel()?;
        (spec.limits.wall, spec.limits.disk) = (self.limits.time, self.limits.disk);
        let running = self.launcher.spawn(spec).map_err(|error| self.sandbox(error))?;
        self.witness.see(running.isolation());
        let mut log = Log { jobs: self, tail: VecDeque::new(), on_line };
        let (finished, talked) = self.follow(running, talk, &mut log)?;
        let tail = log.tail.into();
        self.check_cancel()?;
        // A conversation that broke because the job died says less than the job's own end.
        match (finished.outcome, talked) {
            (Outcome::Exited(0), talked) => talked,
            (Outcome::Killed | Outcome::AgentFailed(_), Err(error)) => Err(with_log(error, tail)),
            (outcome, _) => Err(self.failed(&outcome, tail)),
        }
    }

    fn follow(
        &self,
        mut running: Running,
        talk: impl Talk,
        log: &mut Log<'_, '_>,
    ) -> Result<(Finished, Result<(), BuildError>), BuildError> {
        let over = Arc::new(AtomicBool::new(false));
        let killer = running.killer();
        let channel = running.channel();
        thread::scope(|scope| {
            let watch = scope.spawn(|| self.watch(&killer, &over));
            let talking = channel.map(|channel| {
                let killer = running.killer();
                scope.spawn(move || talk.talk(&channel).inspect_err(|_| killer.kill()))
            });
            let finished = running.wait(&mut |_, line| log.line(line));
            over.store(true, Ordering::Release);
            let talked =
                talking.map_or(Ok(()), |thread| thread.join().unwrap_or_else(|_| Err(self.panicked())));
            watch.thread().unpark();
            finished.map(|finished| (finished, talked)).map_err(|error| self.sandbox(error))
        })
    }

    fn watch(&self, killer: &Killer, over: &AtomicBool) {
        while !over.load(Ordering::Acquire) {
            if self.cancel.is_cancelled() {
                killer.kill();
                return;
            }
            thread::park_timeout(CANCEL_POLL);
        }
    }

    fn check_cancel(&self) -> Result<(), BuildError> {
        if self.cancel.is_cancelled() { Err(BuildError::Cancelled) } else { Ok(()) }
    }

    fn panicked(&self) -> BuildError {
        self.sandbox(std::io::Error::other("a thread of the step panicked"))
    }

    /// The job could not be started or followed.
    pub(crate) fn sandbox(&self, source: impl std::error::Error + Send + Sync + 'static) -> BuildError {
        BuildError::Sandbox { step: self.step.name().to_owned(), source: Box::new(source) }
    }

    fn failed(&self, outcome: &Outcome, log: Vec<String>) -> BuildError {
        let script = log.iter().rev().find_map(|line| failed_script(line));
        BuildError::Step {
            step: self.step.name().to_owned(),
            reason: script.as_ref().map_or_else(|| outcome.to_string(), |(_, what)| what.clone()),
            package: script.map(|(package, _)| package),
            log,
        }
    }
}

/// Adds what was printed to a failure that was told over the channel.
fn with_log(error: BuildError, lines: Vec<String>) -> BuildError {
    match error {
        BuildError::Step { step, reason, package, log } if log.is_empty() => {
            BuildError::Step { step, reason, package, log: lines }
        }
        other => other,
    }
}

/// The package and what went wrong with it, in a line in which dpkg says so.
fn failed_script(line: &str) -> Option<(String, String)> {
    let rest = line.strip_prefix("dpkg: error processing package ")?;
    let (package, mode) = rest.split_once(" (--")?;
    let action = mode.split(')').next().unwrap_or(mode);
    Some((package.to_owned(), format!("package `{package}` could not be set up (dpkg --{action})")))
}

struct Log<'a, 'b> {
    jobs: &'a Jobs<'a>,
    tail: VecDeque<String>,
    on_line: &'b mut dyn FnMut(&str),
}

impl Log<'_, '_> {
    fn line(&mut self, line: &str) {
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line.to_owned());
        (self.on_line)(line);
        self.jobs.observer.emit(Event::Log { step: self.jobs.step.name().to_owned(), line: line.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dpkg_names_the_package_that_failed() {
        let line = "dpkg: error processing package broken:amd64 (--configure):";
        let (package, what) = failed_script(line).unwrap();
        assert_eq!(package, "broken:amd64");
        assert!(what.contains("--configure"), "{what}");
        assert_eq!(failed_script("Setting up bash (5.2) ..."), None);
    }
}
