//! A whole build: lock, plan, run, publish.

use std::path::Path;
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use lbuild_sandbox::Launcher;
use lbuild_spec::model::Output;
use lbuild_store::{Digest, Root};

use crate::disposal::empty_trash_beside;
use crate::engine::{BuildRequest, Engine};
use crate::error::BuildError;
use crate::event::{Event, Observer};
use crate::lock::Lock;
use crate::mirror::Mirrors;
use crate::planner::{self, Planned};
use crate::publish::Publisher;
use crate::report::BuildReport;
use crate::run::Runner;
use crate::steps::{Outlines, Settings, Workshop};
use crate::support;

impl Engine {
    /// Builds an image.
    pub fn build(&self, request: &BuildRequest, observer: &Observer<'_>) -> Result<BuildReport, BuildError> {
        let began = Instant::now();
        let (lock, launcher) = thread::scope(|scope| {
            let launcher = scope.spawn(launcher);
            let lock = self.lock_of(request, observer);
            (lock, launcher.join().unwrap_or(Err(BuildError::Cancelled)))
        });
        // Whatever fails because it was stopped, that is why.
        let why = |error| if observer.cancel.is_cancelled() { BuildError::Cancelled } else { error };
        let (lock, launcher) = (lock.map_err(why)?, launcher.map_err(why)?);
        let work = || self.build_locked(request, lock, &launcher, observer, began);
        empty_trash_beside(&self.store, &launcher, observer, work, |report| report.cached).map_err(why)
    }

    fn build_locked(
        &self,
        request: &BuildRequest,
        lock: Lock,
        launcher: &Launcher,
        observer: &Observer<'_>,
        began: Instant,
    ) -> Result<BuildReport, BuildError> {
        check_clock(&lock)?;
        let BuildRequest { blueprint, spec_dir, boot_check, .. } = request;
        let planned = planner::plan(blueprint, &lock, spec_dir, *boot_check, &self.store, observer.cancel)?;
        planned
            .plan
            .check()
            .map_err(|error| BuildError::Sandbox { step: "plan".to_owned(), source: Box::new(error) })?;
        let steps = planned.plan.steps.iter().map(|step| step.step.name().to_owned()).collect();
        observer.emit(Event::Planned { steps });
        let publisher = Publisher::prepare(&self.store, &request.out, blueprint, &lock)?;
        let Planned { plan, configure, files } = planned;
        let workshop = Workshop {
            engine: self,
            launcher,
            observer,
            settings: Settings::of(blueprint, &lock),
            lock: &lock,
            mirrors: Mirrors::of(Some(blueprint)),
            configure,
            files,
            publisher: &publisher,
            outlines: Outlines::default(),
        };
        let runner =
            Runner { plan: &plan, store: &self.store, observer, spec: &lock.name, execute: &workshop };
        let (done, steps) = runner.run()?;
        let isolation = done.isolation().to_string();
        let artifacts = publisher.publish(blueprint, &lock, &done, &isolation, observer)?;
        let mut objects = done.objects();
        objects.extend(lock.packages().map(|package| package.sha256));
        self.store.roots().put(&Root { spec: lock.name.clone(), objects }).map_err(BuildError::Store)?;
        let boot = crate::steps::boot_report(&done);
        Ok(BuildReport {
            name: lock.name.clone(),
            out: request.out.clone(),
            artifacts,
            cached: steps.iter().all(|step| step.cached),
            steps,
            seconds: began.elapsed().as_secs_f64(),
            isolation,
            boot,
            lock,
        })
    }

    /// The lock that was given, or a new one.
    fn lock_of(&self, request: &BuildRequest, observer: &Observer<'_>) -> Result<Lock, BuildError> {
        let resolve = |error| BuildError::Resolve(Box::new(error));
        let Some(lock) = &request.lock else {
            return self.lock(&request.blueprint, observer).map_err(resolve);
        };
        support::check(&request.blueprint).map_err(resolve)?;
        if lock.spec != Digest(request.blueprint.digest) {
            return Err(BuildError::LockStale);
        }
        let needs_tools = request.blueprint.outputs.contains(&Output::Iso);
        if needs_tools && (lock.tools.is_empty() || lock.boot.is_empty()) {
            return Err(BuildError::LockStale);
        }
        Ok(lock.clone())
    }

    /// Whether this machine can run builds, found by running a job; why not.
    pub fn preflight(&self) -> Result<(), String> {
        preflight(self.store.path())
    }
}

/// Whether this machine can run builds in a store of this directory, which exists, found by running a job there; why
/// not. Nothing stays behind.
///
/// # Errors
/// What keeps jobs from running, and what to do about it.
pub fn preflight(directory: &Path) -> Result<(), String> {
    let launcher = Launcher::new().map_err(|error| error.to_string())?;
    let report = launcher.preflight(directory).map_err(|error| error.to_string())?;
    let fatal = report.findings.iter().find(|finding| finding.fatal);
    fatal.map_or(Ok(()), |finding| Err(format!("{}; {}", finding.what, finding.hint)))
}

/// Starts the sandbox's launcher.
pub(crate) fn launcher() -> Result<Launcher, BuildError> {
    let failed = |source| BuildError::Sandbox { step: "sandbox".to_owned(), source };
    Launcher::new().map_err(|error| failed(Box::new(error)))
}

/// What the build makes is told from what packages bring by its time, so the clock must be past all packages.
fn check_clock(lock: &Lock) -> Result<(), BuildError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    let newest = lock.index.iter().map(|index| index.date).max().unwrap_or(0);
    let ahead = newest.saturating_sub(i64::try_from(now).unwrap_or(i64::MAX));
    if ahead > 0 { Err(BuildError::Clock { ahead }) } else { Ok(()) }
}
