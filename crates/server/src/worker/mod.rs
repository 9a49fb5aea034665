//! The workers of this process: each takes a build, runs the engine on it, and says all the while that it is alive.
//!
//! | module | purpose |
//! |---|---|
//! | [`record`] | from the engine's events to stored ones, without ever losing a line |
//! | [`failure`] | why a build failed, for its owner and for the queue |
//! | [`keep`] | what was built, from the build's directory to the artifacts |
//! | [`push`] | the container image, to a registry |
//! | [`task`] | the spec as the queue keeps it |

pub mod failure;
pub mod keep;
pub mod push;
pub mod record;
pub mod task;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lbuild_db::jump::ClockWatch;
use lbuild_db::queue::{Claimed, Ending, Lease, LeaseError, Told};
use lbuild_db::{Database, TenantId};
use lbuild_engine::{BuildError, BuildReport, BuildRequest, Cancel, Engine, Event, Observer};
use lbuild_image::manifest::media_type::OCI_ARCHIVE;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::artifact::Artifacts;
use crate::artifact::collect::{Collected, collect};
use crate::metrics::Metrics;
use crate::problem::chain;
use keep::{KeepError, Keeper};
use push::{Outcome, Pusher, Wanted};
use record::{Recorder, Recording};

/// How long a build is a worker's without a sign of life.
const LEASE: Duration = Duration::from_secs(30);

/// How often it gives one.
const BEAT: Duration = Duration::from_secs(5);

/// How often an idle worker looks for work that nobody told it of.
const LOOK: Duration = Duration::from_secs(2);

/// How often builds are looked for whose workers are silent.
const SWEEP: Duration = Duration::from_secs(5);

/// How long a build waits after the machine or the network failed it for the first time.
const BACKOFF: Duration = Duration::from_secs(10);

/// How often, and how long after somebody asked for it, what nobody needs is removed from the artifacts.
const COLLECT: (Duration, Duration) = (Duration::from_mins(1), Duration::from_mins(10));

/// Part of the typical time that the newest build makes up: one in so many.
const SMOOTH: i64 = 4;

/// Hands news to those who watch.
pub type Tell = Arc<dyn Fn(Told) + Send + Sync>;

/// What a pool of workers needs.
pub struct PoolOptions {
    /// Builds at the same time.
    pub workers: usize,
    /// Where builds write what they make.
    pub scratch: PathBuf,
    /// What this process is called in the queue.
    pub name: String,
    /// Numbers about this process.
    pub metrics: Arc<Metrics>,
    /// Pushes container images.
    pub pusher: Pusher,
}

/// The workers of one process.
pub struct Pool {
    options: PoolOptions,
    engine: Arc<Engine>,
    wake: Notify,
    running: Mutex<Vec<(Lease, Cancel)>>,
    stopping: Cancel,
    stopped: Notify,
    /// What was found when this process began.
    sandbox: Result<(), String>,
    /// Typical milliseconds of a build; 0 while none has ended.
    typical: AtomicI64,
}

/// What a worker does its work with.
struct Desk {
    pool: Arc<Pool>,
    db: Database,
    artifacts: Arc<Artifacts>,
    tell: Tell,
}

impl Pool {
    /// Workers that have not begun.
    pub fn new(engine: Engine, options: PoolOptions) -> io::Result<Arc<Self>> {
        fs::create_dir_all(&options.scratch)?;
        let sandbox = if options.workers == 0 { Ok(()) } else { engine.preflight() };
        Ok(Arc::new(Self {
            sandbox,
            options,
            engine: Arc::new(engine),
            wake: Notify::new(),
            running: Mutex::default(),
            stopping: Cancel::new(),
            stopped: Notify::new(),
            typical: AtomicI64::new(0),
        }))
    }

    /// The engine that builds.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Builds at the same time.
    pub fn workers(&self) -> usize {
        self.options.workers
    }

    /// Whether builds can run here; why not.
    pub fn sandbox_ready(&self) -> Result<(), String> {
        self.sandbox.clone()
    }

    /// There is something to do.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Milliseconds until a build has ended that so many are ahead of, as far as that can be told.
    pub fn eta(&self, ahead: i64) -> Option<i64> {
        let typical = self.typical.load(Ordering::Relaxed);
        let rounds = 1 + ahead / i64::try_from(self.options.workers.max(1)).unwrap_or(1);
        (typical > 0).then_some(typical * rounds)
    }

    /// Asks a build of this process to stop at once, when it is one.
    pub fn cancel(&self, build: lbuild_db::BuildId) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, cancel) in running.iter().filter(|(lease, _)| lease.build == build) {
            cancel.cancel();
        }
    }

    /// Takes no more builds; gives those that are not done after `patience` back to the queue.
    pub async fn drain(&self, patience: Duration) {
        self.stopping.cancel();
        self.wake.notify_waiters();
        let until = Instant::now() + patience;
        loop {
            let running = {
                let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
                if Instant::now() >= until {
                    running.iter().for_each(|(_, cancel)| cancel.cancel());
                }
                running.len()
            };
            if running == 0 {
                return;
            }
            let _ = tokio::time::timeout(Duration::from_millis(200), self.stopped.notified()).await;
        }
    }

    /// Works until it is told to stop.
    pub async fn run(self: Arc<Self>, db: Database, artifacts: Arc<Artifacts>, tell: Tell) {
        let mut tasks = JoinSet::new();
        for _ in 0..self.options.workers {
            let desk = Desk {
                pool: Arc::clone(&self),
                db: db.clone(),
                artifacts: Arc::clone(&artifacts),
                tell: Arc::clone(&tell),
            };
            tasks.spawn(async move { desk.work().await });
        }
        tasks.spawn(Arc::clone(&self).collect(db.clone(), artifacts, Arc::clone(&tell)));
        tasks.spawn(Arc::clone(&self).sweep(db, tell));
        while tasks.join_next().await.is_some() {}
    }

    async fn sweep(self: Arc<Self>, db: Database, tell: Tell) {
        let (mut watch, mut looked) = (ClockWatch::default(), Instant::now());
        while !self.stopping.is_cancelled() {
            let passed = looked.elapsed();
            match db.follow_clock(&mut watch, passed, LEASE).await {
                Ok(set) => {
                    looked += passed;
                    if let Some(milliseconds) = set {
                        tracing::warn!(milliseconds, "the database's clock was set");
                    }
                }
                Err(error) => tracing::warn!(error = chain(&error), "cannot look at the database's clock"),
            }
            match db.sweep(BACKOFF).await {
                Ok(told) => told.into_iter().for_each(|told| tell(told)),
                Err(error) => tracing::warn!(error = chain(&error), "cannot look for lost builds"),
            }
            let _ = tokio::time::timeout(SWEEP, self.stopped.notified()).await;
        }
    }

    async fn collect(self: Arc<Self>, db: Database, artifacts: Arc<Artifacts>, tell: Tell) {
        let (interval, grace) = COLLECT;
        let mut next = Instant::now() + interval;
        while !self.stopping.is_cancelled() {
            let _ = tokio::time::timeout(SWEEP, self.stopped.notified()).await;
            if Instant::now() < next {
                continue;
            }
            next = Instant::now() + interval;
            match db.expire().await {
                Ok(told) => told.into_iter().for_each(|told| tell(told)),
                Err(error) => tracing::warn!(error = chain(&error), "cannot let images expire yet"),
            }
            match collect(&db, &artifacts, grace).await {
                Ok(collected) if collected != Collected::default() => {
                    tracing::info!(uploads = collected.uploads, blobs = collected.blobs, "artifacts removed");
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(error = chain(&error), "cannot remove old artifacts yet"),
            }
        }
    }

    fn note_time(&self, took: Duration) {
        let took = i64::try_from(took.as_millis()).unwrap_or(i64::MAX).max(1);
        let typical = self.typical.load(Ordering::Relaxed);
        let next = if typical == 0 { took } else { typical + (took - typical) / SMOOTH };
        self.typical.store(next.max(1), Ordering::Relaxed);
    }
}

impl Desk {
    async fn work(&self) {
        while !self.pool.stopping.is_cancelled() {
            match self.db.claim(&self.pool.options.name, LEASE).await {
                Ok(Some(claimed)) => {
                    // whoever sleeps beside us may find more
                    self.pool.wake();
                    self.serve(claimed).await;
                }
                Ok(None) => self.rest().await,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "cannot take a build");
                    self.rest().await;
                }
            }
        }
    }

    async fn rest(&self) {
        let _ = tokio::time::timeout(LOOK, self.pool.wake.notified()).await;
    }

    async fn serve(&self, claimed: Claimed) {
        let began = Instant::now();
        let lease = claimed.lease.clone();
        (self.tell)(claimed.told.clone());
        let cancel = Cancel::new();
        self.pool
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((lease.clone(), cancel.clone()));
        let beating = tokio::spawn(beat(self.db.clone(), lease.clone(), cancel.clone()));
        let recording =
            Recorder::start(self.db.clone(), lease.clone(), Arc::clone(&self.tell), cancel.clone());
        let scratch = self.pool.options.scratch.join(format!("{}-{}", lease.build, lease.attempt));
        let ending = self.build(claimed, &scratch, recording.recording(), &cancel).await;
        recording.end().await;
        match self.finish(&lease, &ending).await {
            Ok(()) => self.pool.note_time(began.elapsed()),
            Err(error) => tracing::warn!(build = %lease.build, error = chain(&error), "cannot end a build"),
        }
        beating.abort();
        if let Err(error) = tokio::fs::remove_dir_all(&scratch).await
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(build = %lease.build, error = chain(&error), "cannot remove its directory");
        }
        self.pool.running.lock().unwrap_or_else(PoisonError::into_inner).retain(|(held, _)| *held != lease);
        self.pool.stopped.notify_waiters();
    }

    /// Ends the build, however long the database is away: until the lease is lost, the result is worth keeping.
    async fn finish(&self, lease: &Lease, ending: &Ending) -> Result<(), LeaseError> {
        loop {
            match self.db.finish(lease, &[], ending).await {
                Ok(told) => {
                    for told in told {
                        (self.tell)(told);
                    }
                    return Ok(());
                }
                Err(LeaseError::Db(error)) => {
                    tracing::warn!(build = %lease.build, error = chain(&error), "cannot end a build yet");
                    tokio::time::sleep(LOOK).await;
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
            Ok(Err(error)) => failure::ending(&error, BACKOFF),
            Err(panic) => failure::panicked(&panic, BACKOFF),
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
        let keeper = Keeper { artifacts: &self.artifacts, db: &self.db, lease, cancel };
        match keeper.keep(request, report).await {
            Ok(artifacts) => keep::ending(artifacts, request, report, outcome),
            Err(KeepError::Stopped) => self.stopped(),
            Err(error) => failure::of_machine("artifacts", &chain(&error), BACKOFF),
        }
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

/// Says that the build is being worked on, and stops it when its owner wants that or when the lease cannot be kept.
async fn beat(db: Database, lease: Lease, cancel: Cancel) {
    let mut good = Instant::now();
    loop {
        tokio::time::sleep(BEAT).await;
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
