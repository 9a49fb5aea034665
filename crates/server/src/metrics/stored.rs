//! Numbers about what is stored: looked up when they are asked for, and not more often than makes sense.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use lbuild_db::figures::Figures;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::{Metrics, Word};
use crate::problem::{Problem, chain};
use crate::state::Service;

/// How long what the database says is good for.
const ROWS: Duration = Duration::from_secs(5);

/// How long the size of the store is good for: finding it reads every directory.
const STORE: Duration = Duration::from_mins(1);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    base: Word,
    status: Word,
}

/// Gauges of what is stored.
pub struct Stored {
    builds: Family<Build, Gauge>,
    queued: Gauge,
    oldest: Gauge,
    artifacts: Gauge,
    messages: Gauge,
    free: Gauge,
    store: Gauge,
    workers: Gauge,
    rows_at: Option<Instant>,
    store_at: Option<Instant>,
}

impl Stored {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let builds = Family::default();
        registry.register("builds", "Builds by base and status", builds.clone());
        let mut gauge = |name: &str, help: &str, unit: Option<Unit>| {
            let gauge = Gauge::default();
            match unit {
                Some(unit) => registry.register_with_unit(name, help, unit, gauge.clone()),
                None => registry.register(name, help, gauge.clone()),
            }
            gauge
        };
        Self {
            queued: gauge("queue_depth", "Builds that wait for a worker", None),
            oldest: gauge("queue_age", "How long the oldest of them waits", Some(Unit::Seconds)),
            artifacts: gauge("artifacts", "Size of what builds made", Some(Unit::Bytes)),
            messages: gauge("webhook_messages", "Messages of webhooks that wait", None),
            free: gauge("disk_free", "Room where artifacts are kept", Some(Unit::Bytes)),
            store: gauge("store", "Size of the store of packages and steps", Some(Unit::Bytes)),
            workers: gauge("workers", "Builds that this process makes at the same time", None),
            builds,
            rows_at: None,
            store_at: None,
        }
    }

    fn set(&mut self, figures: &Figures) {
        // a status that no build has any more counts none
        self.builds.clear();
        for row in &figures.builds {
            let labels = Build { base: Word(row.base.clone()), status: Word(row.status.clone()) };
            self.builds.get_or_create(&labels).set(row.count);
        }
        self.queued.set(figures.queued);
        self.oldest.set(figures.oldest_queued / 1000);
        self.artifacts.set(figures.artifact_bytes);
        self.messages.set(figures.messages);
    }
}

fn is_old(at: Option<Instant>, good: Duration) -> bool {
    at.is_none_or(|at| at.elapsed() > good)
}

impl Metrics {
    /// Everything, as text. A database that is away leaves its numbers as they were.
    pub async fn report(&self, service: &Service) -> Result<String, Problem> {
        let (rows, store) = {
            let stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
            (is_old(stored.rows_at, ROWS), is_old(stored.store_at, STORE))
        };
        let figures = if rows { service.db.figures().await.map(Some) } else { Ok(None) };
        let size = if store { size(service).await } else { None };
        {
            let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
            match figures {
                Ok(Some(figures)) => {
                    stored.set(&figures);
                    stored.rows_at = Some(Instant::now());
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(error = chain(&error), "the database gives no numbers"),
            }
            if let Some(size) = size {
                stored.store.set(size);
                stored.store_at = Some(Instant::now());
            }
            stored
                .free
                .set(i64::try_from(crate::artifact::free(&service.data).unwrap_or(0)).unwrap_or(i64::MAX));
            stored.workers.set(i64::try_from(service.pool.workers()).unwrap_or(i64::MAX));
        }
        self.text().map_err(|error| Problem::internal(&error))
    }
}

async fn size(service: &Service) -> Option<i64> {
    let engine = Arc::clone(service.pool.engine());
    let usage = tokio::task::spawn_blocking(move || engine.store().usage()).await.ok()?;
    let usage = usage.inspect_err(|error| tracing::warn!(error = chain(error), "the store has no size"));
    i64::try_from(usage.ok()?.bytes()).ok()
}
