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
    watched: Mutex<HashMap<BuildId, broadcast::Sender<Arc<Chunk>>>>,
}

impl Hub {
    /// News of one build from now on.
    pub fn watch(&self, build: BuildId) -> broadcast::Receiver<Arc<Chunk>> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, sender| sender.receiver_count() > 0);
        watched.entry(build).or_insert_with(|| broadcast::channel(BACKLOG).0).subscribe()
    }

    /// Hands news to those who watch.
    pub fn tell(&self, told: Told) {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = watched.get(&told.build) {
            // nobody left to hear it is no error
            let _ = sender.send(Arc::new(told.chunk));
        }
    }
}
