//! One worker: takes builds, one at a time, has the engine build them, and ends them.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use lbuild_db::audit::Entry;
use lbuild_db::queue::{Claimed, Ending, Lease, LeaseError};
use lbuild_db::{Database, TenantId};
use lbuild_engine::{BuildError, BuildReport, BuildRequest, Cancel, Event, Observer};
use lbuild_image::manifest::media_type::OCI_ARCHIVE;
use tokio::sync::Notify;

use super::keep::{self, KeepError, Keeper};
use super::push::{Outcome, Wanted};
use super::record::{Recorder, Recording};
use super::{BACKOFF, BEAT, LEASE, Pool, Running, Tools, failure, task};
use crate::bus::Hint;
use crate::failpoint;
use crate::faults::Fault;
use crate::faults::cause::innermost;
use crate::problem::chain;

/// How long to wait for a database that is away.
const AGAIN: Duration = Duration::from_secs(2);

/// A worker.
pub struct Desk {
    pool: Arc<Pool>,
    tools: Tools,
}

impl Desk {
    /// A worker of this process.
    pub fn new(pool: Arc<Pool>, tools: Tools) -> Self {
        Self { pool, tools }
    }

    /// Takes builds until the process is told to stop.
    pub async fn work(&self) {
        let mut hint = Hint::default();
        while !self.pool.stopping.is_cancelled() {
            let claimed = self.tools.db.claim(&self.pool.options.name, LEASE).await;
            hint.done().await;
            hint = match claimed {
                Ok(Some(claimed)) => {
                    failpoint::reach("claimed");
                    // whoever sleeps beside us may find more
                    self.pool.wake();
                    self.serve(claimed).await;
                    Hint::default()
                }
                Ok(None) => self.rest().await,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "cannot take a build");
                    self.tell_of("claim", &error, Vec::new());
                    self.rest().await
                }
            };
        }
    }

    /// Waits until it is worth looking again.
    async fn rest(&self) -> Hint {
        tokio::select! {
            () = self.pool.wake.notified() => Hint::default(),
            hint = self.tools.bus.wait() => hint,
        }
    }

    async fn serve(&self, claimed: Claimed) {
        let (began, tools) = (Instant::now(), &self.tools);
        let lease = claimed.lease.clone();
        (tools.tell)(claimed.told.clone());
        let (cancel, look) = (Cancel::new(), Arc::new(Notify::new()));
        let running = Running { lease: lease.clone(), cancel: cancel.clone(), look: Arc::clone(&look) };
        self.pool.running.lock().unwrap_or_else(PoisonError::into_inner).push(running);
        let beating = tokio::spawn(beat(tools.db.clone(), lease.clone(), cancel.clone(), look));
        let recording =
            Recorder::start(tools.db.clone(), lease.clone(), Arc::clone(&tools.tell), cancel.clone());
        let scratch = self.pool.options.scratch.join(format!("{}-{}", lease.build, lease.attempt));
        let ending = self.build(claimed, &scratch, recording.recording(), &cancel).await;
        recording.end().await;
        failpoint::reach("stored");
        match self.finish(&lease, &ending).await {
            Ok(()) => {
                failpoint::reach("ended");
                self.pool.note_time(began.elapsed());
            }
            Err(error) => self.fenced(&lease, &error).await,
        }
        beating.abort();
        if let Err(error) = tokio::fs::remove_dir_all(&scratch).await
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(build = %lease.build, error = chain(&error), "cannot remove its directory");
        }
        let mut running = self.pool.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|running| running.lease != lease);
        drop(running);
        self.pool.stopped.notify_waiters();
    }

    /// Somebody else has the build by now, and what this worker made of it changes nothing.
    async fn fenced(&self, lease: &Lease, error: &LeaseError) {
        tracing::warn!(build = %lease.build, error = chain(error), "cannot end a build");
        let entry = Entry {
            actor: self.pool.options.name.clone(),
            action: "build.fenced".to_owned(),
            object: lease.build.to_string(),
            ..Entry::default()
        };
        if let Err(error) = self.tools.db.audit(&entry).await {
            tracing::warn!(build = %lease.build, error = chain(&error), "cannot note that in the audit log");
        }
    }

    /// Ends the build, however long the database is away: until the lease is lost, the result is worth keeping.
    async fn finish(&self, lease: &Lease, ending: &Ending) -> Result<(), LeaseError> {
        loop {
            match self.tools.db.finish(lease, &[], ending).await {
                Ok(told) => {
                    for told in told {
                        (self.tools.tell)(told);
                    }
                    return Ok(());
                }
                Err(LeaseError::Db(error)) => {
                    tracing::warn!(build = %lease.build, error = chain(&error), "cannot end a build yet");
                    tokio::time::sleep(AGAIN).await;
                }
                Err(lost @ LeaseError::Lost) => return Err(lost),
            }
        }
    }

    async fn build(&self, claimed: Claimed, scratch: &Path, recording: Recording, cancel: &Cancel) -> Ending {
        let (engine, cancelled) = (Arc::clone(&self.pool.engine), cancel.clone());
        let (lease, tenant, push) = (claimed.lease.clone(), claimed.tenant, claimed.push.clone());
        let place = scratch.to_owned();
        let metrics = Arc::clone(&self.pool.options.metrics);
        let built = tokio::task::spawn_blocking(move || {
            let request = task::request(&claimed.spec, claimed.boot_check, &place)?;
            let note = |event: Event| {
                if let Event::StepStarted { step, .. } = &event {
                    failpoint::reach(step);
                }
                metrics.event(&event);
                recording.note(event);
            };
            let observer = Observer { events: &note, cancel: &cancelled };
            engine.build(&request, &observer).map(|report| (request, report))
        });
        let ending = match built.await {
            Ok(Ok((request, report))) => {
                let outcome = self.push(tenant, push.as_deref(), &request, &report, cancel).await;
                self.keep(&lease, (&request, &report), outcome, cancel).await
            }
            Ok(Err(BuildError::Cancelled)) => self.stopped(),
            Ok(Err(error)) => {
                if failure::is_of_machine(&error) {
                    self.tell_of("build", &error, about(&lease));
                }
                failure::ending(&error, BACKOFF)
            }
            Err(panic) => {
                self.tell_of("build", &panic, about(&lease));
                failure::panicked(&panic, BACKOFF)
            }
        };
        self.pool.options.metrics.ended(failure::name(&ending));
        tracing::info!(build = %scratch.display(), ending = failure::name(&ending), "build ended");
        ending
    }
}

impl Desk {
    /// Stores what a build made.
    async fn keep(
        &self,
        lease: &Lease,
        (request, report): (&BuildRequest, &BuildReport),
        outcome: Option<Outcome>,
        cancel: &Cancel,
    ) -> Ending {
        failpoint::reach("built");
        let keeper = Keeper { artifacts: &self.tools.artifacts, db: &self.tools.db, lease, cancel };
        match keeper.keep(request, report).await {
            Ok(artifacts) => keep::ending(artifacts, request, report, outcome),
            Err(KeepError::Stopped) => self.stopped(),
            Err(error) => {
                self.tell_of("artifacts", &error, about(lease));
                failure::of_machine("artifacts", &chain(&error), BACKOFF)
            }
        }
    }

    /// Tells whoever runs the service of what the machine did not do.
    fn tell_of(&self, step: &str, error: &(dyn Error + 'static), tags: Vec<(&'static str, String)>) {
        let (kind, place) = ("worker".to_owned(), step.to_owned());
        self.pool.options.faults.tell(Fault { kind, place, cause: innermost(error), tags });
    }

    /// Pushes the container image, when that is wanted and there is one.
    async fn push(
        &self,
        tenant: TenantId,
        wanted: Option<&str>,
        request: &BuildRequest,
        report: &BuildReport,
        cancel: &Cancel,
    ) -> Option<Outcome> {
        let wanted: Wanted = serde_json::from_str(wanted?).ok()?;
        let image = report.artifacts.iter().find(|artifact| artifact.media_type == OCI_ARCHIVE)?;
        let tar = request.out.join(&image.name);
        Some(self.pool.options.pusher.push(tenant, &wanted, tar, cancel).await)
    }

    /// The ending of a build that was stopped: by its owner, or with this process.
    fn stopped(&self) -> Ending {
        if self.pool.stopping.is_cancelled() { Ending::Released } else { Ending::Cancelled }
    }
}

/// Which build a fault is about.
fn about(lease: &Lease) -> Vec<(&'static str, String)> {
    vec![("build_id", lease.build.to_string()), ("attempt", lease.attempt.to_string())]
}

/// Says that the build is being worked on, and stops it when its owner wants that or when the lease cannot be kept.
async fn beat(db: Database, lease: Lease, cancel: Cancel, look: Arc<Notify>) {
    let mut good = Instant::now();
    loop {
        let _ = tokio::time::timeout(BEAT, look.notified()).await;
        match db.heartbeat(&lease, LEASE).await {
            Ok(beat) => {
                good = Instant::now();
                if beat.cancel {
                    cancel.cancel();
                }
            }
            Err(LeaseError::Lost) => {
                tracing::warn!(build = %lease.build, "the lease is lost");
                return cancel.cancel();
            }
            Err(LeaseError::Db(error)) => {
                tracing::warn!(build = %lease.build, error = chain(&error), "cannot keep the lease");
                // somebody else may have it from then on
                if good.elapsed() + BEAT >= LEASE {
                    return cancel.cancel();
                }
            }
        }
    }
}
