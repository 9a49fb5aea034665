//! The workers of this process: each takes a build, runs the engine on it, and says all the while that it is alive.
//!
//! | module | purpose |
//! |---|---|
//! | [`desk`] | one worker: takes builds, one at a time, and ends them |
//! | [`record`] | from the engine's events to stored ones, without ever losing a line |
//! | [`failure`] | why a build failed, for its owner and for the queue |
//! | [`keep`] | what was built, from the build's directory to the artifacts |
//! | [`push`] | the container image, to a registry |
//! | [`task`] | the spec as the queue keeps it |

pub mod desk;
pub mod failure;
pub mod keep;
pub mod push;
pub mod record;
pub mod task;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lbuild_db::fleet::Enlisted;
use lbuild_db::jump::ClockWatch;
use lbuild_db::queue::{Lease, Told};
use lbuild_db::{BuildId, Database, DbError};
use lbuild_engine::{Cancel, Engine};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::artifact::Artifacts;
use crate::artifact::collect::{Collected, collect};
use crate::bus::Bus;
use crate::faults::Faults;
use crate::metrics::Metrics;
use crate::problem::chain;
use desk::Desk;
use push::Pusher;

/// How long a build is a worker's without a sign of life.
const LEASE: Duration = Duration::from_secs(30);

/// How often it gives one.
const BEAT: Duration = Duration::from_secs(5);

/// How often builds are looked for whose workers are silent.
const SWEEP: Duration = Duration::from_secs(5);

/// How long a build waits after the machine or the network failed it for the first time.
const BACKOFF: Duration = Duration::from_secs(10);

/// How long a process may be silent before nobody counts on it, and before it is struck off.
const SILENCE: (Duration, Duration) = (Duration::from_secs(15), Duration::from_mins(1));

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
    /// Tells of faults.
    pub faults: Faults,
    /// Pushes container images.
    pub pusher: Pusher,
}

/// The workers of one process.
pub struct Pool {
    options: PoolOptions,
    engine: Arc<Engine>,
    wake: Notify,
    running: Mutex<Vec<Running>>,
    stopping: Cancel,
    stopped: Notify,
    /// What was found when this process began.
    sandbox: Result<(), String>,
    /// Typical milliseconds of a build; 0 while none has ended.
    typical: AtomicI64,
    /// Builds that all processes take at the same time.
    slots: AtomicI64,
}

/// What workers do their work with.
#[derive(Clone)]
pub struct Tools {
    /// The queue.
    pub db: Database,
    /// Where they keep what they make.
    pub artifacts: Arc<Artifacts>,
    /// Where they hear of work.
    pub bus: Arc<Bus>,
    /// Where they tell what happens.
    pub tell: Tell,
}

/// A build of this process.
struct Running {
    lease: Lease,
    cancel: Cancel,
    /// It is worth looking whether the build is to stop.
    look: Arc<Notify>,
}

impl Pool {
    /// Workers that have not begun.
    pub fn new(engine: Engine, options: PoolOptions) -> io::Result<Arc<Self>> {
        fs::create_dir_all(&options.scratch)?;
        let sandbox = if options.workers == 0 { Ok(()) } else { engine.preflight() };
        Ok(Arc::new(Self {
            sandbox,
            slots: AtomicI64::new(i64::try_from(options.workers).unwrap_or(i64::MAX)),
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
        let rounds = 1 + ahead / self.slots.load(Ordering::Relaxed).max(1);
        (typical > 0).then_some(typical * rounds)
    }

    /// Asks a build of this process to stop at once, when it is one.
    pub fn cancel(&self, build: BuildId) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running
            .iter()
            .filter(|running| running.lease.build == build)
            .for_each(|running| running.cancel.cancel());
    }

    /// Has a build of this process look at once whether it is to stop, when it is one.
    pub fn look(&self, build: BuildId) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running
            .iter()
            .filter(|running| running.lease.build == build)
            .for_each(|running| running.look.notify_one());
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
                    running.iter().for_each(|running| running.cancel.cancel());
                }
                running.len()
            };
            if running == 0 {
                // those who only count the rest hear of the end
                self.stopped.notify_waiters();
                return;
            }
            let _ = tokio::time::timeout(Duration::from_millis(200), self.stopped.notified()).await;
        }
    }

    /// Works until it is told to stop.
    pub async fn run(self: Arc<Self>, tools: Tools) {
        let mut tasks = JoinSet::new();
        for _ in 0..self.options.workers {
            let desk = Desk::new(Arc::clone(&self), tools.clone());
            tasks.spawn(async move { desk.work().await });
        }
        if self.options.workers > 0 {
            tasks.spawn(Arc::clone(&self).enlist(tools.db.clone()));
        }
        tasks.spawn(Arc::clone(&self).collect(tools.clone()));
        tasks.spawn(Arc::clone(&self).sweep(tools.db, tools.tell));
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
            if let Err(error) = self.measure(&db).await {
                tracing::warn!(error = chain(&error), "cannot see who works");
            }
            let _ = tokio::time::timeout(SWEEP, self.stopped.notified()).await;
        }
    }

    /// Learns what all processes can do together.
    async fn measure(&self, db: &Database) -> Result<(), DbError> {
        let (silent, gone) = SILENCE;
        db.delist_silent(gone).await?;
        let capacity = db.capacity(silent).await?;
        self.slots.store(capacity.slots, Ordering::Relaxed);
        if self.typical.load(Ordering::Relaxed) == 0 {
            self.typical.store(capacity.typical, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Says that this process works, until it has drained.
    async fn enlist(self: Arc<Self>, db: Database) {
        let mut me = Enlisted {
            name: self.options.name.clone(),
            slots: i64::try_from(self.options.workers).unwrap_or(i64::MAX),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            draining: false,
        };
        loop {
            me.draining = self.stopping.is_cancelled();
            if me.draining && self.running.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                break;
            }
            if let Err(error) = db.enlist(&me).await {
                tracing::warn!(error = chain(&error), "cannot enlist");
            }
            let _ = tokio::time::timeout(BEAT, self.stopped.notified()).await;
        }
        if let Err(error) = db.delist(&me.name).await {
            tracing::warn!(error = chain(&error), "cannot be struck off; that happens by itself");
        }
    }

    async fn collect(self: Arc<Self>, tools: Tools) {
        let (interval, grace) = COLLECT;
        let mut next = Instant::now() + interval;
        while !self.stopping.is_cancelled() {
            let _ = tokio::time::timeout(SWEEP, self.stopped.notified()).await;
            if Instant::now() < next {
                continue;
            }
            next = Instant::now() + interval;
            match tools.db.expire().await {
                Ok(told) => told.into_iter().for_each(|told| (tools.tell)(told)),
                Err(error) => tracing::warn!(error = chain(&error), "cannot let images expire yet"),
            }
            match collect(&tools.db, &tools.artifacts, grace).await {
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
