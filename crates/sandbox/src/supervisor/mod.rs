//! The supervisor process: one request, one answer.

use crate::agent::Agent;
use crate::channel::Channel;
use crate::wire::{Failure, Reply, Request};

/// Serves the one request that comes over `control`; the status to exit with.
pub(crate) fn serve(control: Channel, _agents: &[Agent]) -> i32 {
    let request =
        control.recv().ok().flatten().and_then(|m| serde_json::from_slice::<Request>(&m.bytes).ok());
    let failure =
        Failure { step: format!("{request:?}"), errno: None, message: "not built yet".into(), hint: None };
    let sent = serde_json::to_vec(&Reply::Failed(failure)).map_err(std::io::Error::other);
    i32::from(sent.and_then(|bytes| control.send(&bytes)).is_err())
}
