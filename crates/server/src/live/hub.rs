//! Tells those who watch a build that there is news. The database has the truth; whoever missed something reads it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use lbuild_db::BuildId;
use lbuild_db::event::Chunk;
use lbuild_db::queue::Told;
use tokio::sync::broadcast;

/// Chunks that a slow reader may be behind before it reads the database instead.
const BACKLOG: usize = 64;

/// Who watches what.
#[derive(Default)]
pub struct Hub {
    watched: Mutex<HashMap<BuildId, Watched>>,
}

struct Watched {
    sender: broadcast::Sender<Arc<Chunk>>,
    /// Number of the last event that was told.
    told: Option<i64>,
}

impl Hub {
    /// News of one build from now on.
    pub fn watch(&self, build: BuildId) -> broadcast::Receiver<Arc<Chunk>> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, watched| watched.sender.receiver_count() > 0);
        let new = || Watched { sender: broadcast::channel(BACKLOG).0, told: None };
        watched.entry(build).or_insert_with(new).sender.subscribe()
    }

    /// Hands news to those who watch. A chunk without events sends them to the database.
    pub fn tell(&self, told: Told) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watched) = watched.get_mut(&told.build) {
            if let Some(last) = told.chunk.events.last() {
                watched.told = watched.told.max(Some(last.seq));
            }
            // nobody left to hear it is no error
            let _ = watched.sender.send(Arc::new(told.chunk));
        }
    }

    /// Builds that somebody watches.
    pub fn watched(&self) -> Vec<BuildId> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let watched = watched.iter().filter(|(_, watched)| watched.sender.receiver_count() > 0);
        watched.map(|(build, _)| *build).collect()
    }

    /// Number of the last event of a build that was told, when somebody watches it.
    pub fn told(&self, build: BuildId) -> Option<Option<i64>> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let watched = watched.get(&build).filter(|watched| watched.sender.receiver_count() > 0);
        watched.map(|watched| watched.told)
    }

    /// Events up to this number need not be told any more.
    pub fn note(&self, build: BuildId, last: i64) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watched) = watched.get_mut(&build) {
            watched.told = watched.told.max(Some(last));
        }
    }
}
