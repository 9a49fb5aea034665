//! What every handler shares.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use lbuild_db::Database;
use lbuild_db::audit::Checked;
use lbuild_fetch::Poster;
use tokio::sync::Mutex;

use crate::artifact::Artifacts;
use crate::auth::caller::Callers;
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
    /// Signs addresses of artifacts.
    pub signer: Arc<Signer>,
    /// Numbers about this process.
    pub metrics: Arc<Metrics>,
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

impl std::ops::Deref for Service {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
