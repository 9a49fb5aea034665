//! Questions to the engine that are answered while the client waits: what a spec resolves to, which packages there are.
//!
//! Each takes a processor for up to seconds, so only as many are worked on as the machine has processors, and one tenant
//! has at most half of them. A question whose client has gone away is given up; its place is free when its thread has
//! really ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use axum::http::StatusCode;
use lbuild_db::TenantId;
use lbuild_engine::{Cancel, Engine, Observer};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::problem::Problem;
use crate::request::carry;

/// How long a question may take, the time that it waits for its turn included.
const LONGEST: Duration = Duration::from_mins(1);

/// Questions of one tenant that wait or are worked on.
const MOST: usize = 16;

/// Seconds after which a refused question may be asked again.
const RETRY_SECONDS: u64 = 2;

/// Works questions off.
pub struct Inquiries {
    engine: Engine,
    places: Arc<Semaphore>,
    /// Places that one tenant has.
    share: usize,
    lines: Arc<Lines>,
    given_up: AtomicU64,
}

/// The lines in which tenants wait; a line without anybody is not kept.
#[derive(Default)]
struct Lines(Mutex<HashMap<TenantId, Line>>);

struct Line {
    places: Arc<Semaphore>,
    length: usize,
}

/// Somebody in a line.
struct Waiting {
    lines: Arc<Lines>,
    tenant: TenantId,
    places: Arc<Semaphore>,
}

/// Gives the question up when nobody waits for the answer any more.
struct GiveUp<'a> {
    cancel: Cancel,
    given_up: &'a AtomicU64,
    is_answered: bool,
}

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.cancel.cancel();
            self.given_up.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a tenant join its line; not when it is too long.
    fn join(self: &Arc<Self>, tenant: TenantId, share: usize) -> Option<Waiting> {
        let mut lines = self.lock();
        let new = || Line { places: Arc::new(Semaphore::new(share)), length: 0 };
        let line = lines.entry(tenant).or_insert_with(new);
        if line.length >= MOST {
            return None;
        }
        line.length += 1;
        Some(Waiting { lines: Arc::clone(self), tenant, places: Arc::clone(&line.places) })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut lines = self.lines.lock();
        if let Some(line) = lines.get_mut(&self.tenant) {
            line.length -= 1;
            if line.length == 0 {
                lines.remove(&self.tenant);
            }
        }
    }
}

impl Inquiries {
    /// With as many places as there are processors, and two at least, so that one tenant never has all.
    pub fn new(engine: Engine) -> Self {
        let places = available_parallelism().map_or(2, |count| count.get().max(2));
        let (lines, given_up) = (Arc::default(), AtomicU64::new(0));
        Self { engine, places: Arc::new(Semaphore::new(places)), share: places / 2, lines, given_up }
    }

    /// Questions that wait or are worked on.
    pub fn under_way(&self) -> usize {
        self.lines.lock().values().map(|line| line.length).sum()
    }

    /// Questions that were given up, because they took too long or nobody waited for the answer.
    pub fn given_up(&self) -> u64 {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Asks the engine, in a thread of its own.
    pub async fn ask<T: Send + 'static>(
        &self,
        tenant: TenantId,
        question: impl FnOnce(&Engine, &Observer<'_>) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let waiting = self.lines.join(tenant, self.share).ok_or_else(too_many)?;
        let cancel = Cancel::new();
        let mut waits = GiveUp { cancel: cancel.clone(), given_up: &self.given_up, is_answered: false };
        let answered = timeout(LONGEST, self.answer(waiting, cancel, question)).await;
        waits.is_answered = answered.is_ok();
        answered.map_err(|_| too_long())?
    }

    async fn answer<T: Send + 'static>(
        &self,
        waiting: Waiting,
        cancel: Cancel,
        question: impl FnOnce(&Engine, &Observer<'_>) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let places = self.take(&waiting).await.map_err(|error| Problem::internal(&error))?;
        let engine = self.engine.clone();
        let work = move || {
            let answer = question(&engine, &Observer { events: &|_| {}, cancel: &cancel });
            drop((places, waiting));
            answer
        };
        tokio::task::spawn_blocking(carry(work)).await.map_err(|error| Problem::internal(&error))
    }

    /// A place of the tenant's share, then one of all.
    async fn take(&self, waiting: &Waiting) -> Result<[OwnedSemaphorePermit; 2], AcquireError> {
        let own = Arc::clone(&waiting.places).acquire_owned().await?;
        let place = Arc::clone(&self.places).acquire_owned().await?;
        Ok([own, place])
    }
}

fn too_many() -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-questions", "Too many questions at once")
        .detail(format!("{MOST} requests of this tenant are being worked on; wait for an answer"))
        .retry_after(RETRY_SECONDS)
}

fn too_long() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-long", "The answer takes too long")
        .detail(format!("it was given up after {} seconds", LONGEST.as_secs()))
        .retry_after(RETRY_SECONDS)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use lbuild_engine::{EngineOptions, Reach};

    use super::*;

    fn inquiries(directory: &std::path::Path) -> Arc<Inquiries> {
        let options = EngineOptions {
            store: directory.to_owned(),
            offline: true,
            force: Vec::new(),
            reach: Reach::Public,
        };
        let engine = Engine::open(&options, &Cancel::new()).expect("an engine");
        Arc::new(Inquiries::new(engine))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn t34_one_tenant_leaves_places_to_others_and_those_who_leave_free_theirs() {
        let directory = tempfile::tempdir().expect("a directory");
        let inquiries = inquiries(directory.path());
        let (greedy, other) = (TenantId::new(), TenantId::new());
        let (sender, stopped) = mpsc::channel();
        let tasks: Vec<_> = (0..MOST)
            .map(|_| {
                let (inquiries, sender) = (Arc::clone(&inquiries), sender.clone());
                tokio::spawn(async move {
                    let endless = move |_: &Engine, observer: &Observer<'_>| {
                        while !observer.cancel.is_cancelled() {
                            std::thread::sleep(Duration::from_millis(5));
                        }
                        let _ = sender.send(());
                    };
                    inquiries.ask(greedy, endless).await
                })
            })
            .collect();
        while inquiries.under_way() < MOST {
            tokio::task::yield_now().await;
        }
        let refused = inquiries.ask(greedy, |_, _| ()).await.expect_err("the line is full");
        assert_eq!((refused.status, refused.retry_after), (429, Some(RETRY_SECONDS)));
        let began = Instant::now();
        assert_eq!(inquiries.ask(other, |_, _| 7).await.ok(), Some(7));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());

        tasks.iter().for_each(tokio::task::JoinHandle::abort);
        assert!(stopped.recv_timeout(Duration::from_secs(5)).is_ok(), "work that nobody waits for stops");
        assert_eq!(inquiries.ask(greedy, |_, _| 8).await.ok(), Some(8), "its places are free again");
        assert_eq!(inquiries.given_up(), u64::try_from(MOST).expect("few"));
        while inquiries.under_way() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
