//! What every handler shares.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use lbuild_db::audit::Checked;
use lbuild_db::queue::Told;
use lbuild_db::{BuildId, Database};
use lbuild_fetch::Poster;
use tokio::sync::Mutex;

use crate::artifact::Artifacts;
use crate::auth::caller::Callers;
use crate::bus::Bus;
use crate::faults::Faults;
use crate::hooks::courier::Courier;
use crate::inquiry::Inquiries;
use crate::limit::Meter;
use crate::live::hub::Hub;
use crate::metrics::Metrics;
use crate::registry::layout::Images;
use crate::seal::Sealer;
use crate::sign::Signer;
use crate::worker::Pool;

/// The parts of a running service.
pub struct Parts {
    /// Builds, keys, events.
    pub db: Database,
    /// The bytes that builds made.
    pub artifacts: Arc<Artifacts>,
    /// Where the parts of container images lie.
    pub images: Images,
    /// Who was let in a moment ago.
    pub callers: Callers,
    /// Who has used how much.
    pub meter: Meter,
    /// Who watches what.
    pub hub: Hub,
    /// How far the audit log was checked.
    pub audited: Mutex<Checked>,
    /// Seals secrets of tenants.
    pub sealer: Arc<Sealer>,
    /// The way to the other processes of the service.
    pub bus: Arc<Bus>,
    /// Signs addresses of artifacts.
    pub signer: Arc<Signer>,
    /// Numbers about this process.
    pub metrics: Arc<Metrics>,
    /// Tells of faults.
    pub faults: Faults,
    /// Sends messages to other servers.
    pub poster: Arc<Poster>,
    /// Where this process keeps what is its own.
    pub data: PathBuf,
    /// Questions to the engine.
    pub inquiries: Inquiries,
    /// The workers of this process.
    pub pool: Arc<Pool>,
    /// Held, so that no other process uses the data directory.
    pub(crate) _lock: File,
}

impl Parts {
    /// Whoever sends the messages of webhooks.
    pub fn courier(&self) -> Courier {
        let (poster, signer) = (Arc::clone(&self.poster), Arc::clone(&self.signer));
        Courier { db: self.db.clone(), poster, signer }
    }
}

/// The running service.
#[derive(Clone)]
pub struct Service(pub Arc<Parts>);

impl Service {
    /// Hands news to those who watch, here and elsewhere.
    pub fn tell(&self, told: Told) {
        self.bus.news(&told);
        self.hub.tell(told);
    }

    /// There is a build to take, for whoever is idle.
    pub fn work(&self, build: BuildId) {
        self.pool.wake();
        self.bus.work(build);
    }

    /// A build is to stop, whoever works on it.
    pub fn stop(&self, build: BuildId) {
        self.pool.cancel(build);
        self.bus.cancel(build);
    }
}

impl std::ops::Deref for Service {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
