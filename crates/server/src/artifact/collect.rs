//! Removes what nobody needs: uploads whose workers lost their leases, and bytes that no artifact names.

use std::time::Duration;

use lbuild_db::Database;

use super::{ArtifactError, Artifacts};
use crate::problem::chain;

/// Uploads and bytes that are looked at in one go.
const TOGETHER: u32 = 500;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Uploads that nobody would have ended.
    pub uploads: usize,
    /// Bytes that no artifact named.
    pub blobs: usize,
}

/// Removes what nobody has asked for since `grace`. Any number of processes may do this at the same time.
pub async fn collect(
    db: &Database,
    artifacts: &Artifacts,
    grace: Duration,
) -> Result<Collected, ArtifactError> {
    let mut collected = Collected::default();
    for upload in db.abandoned_uploads(TOGETHER).await? {
        if let Some(multipart) = &upload.multipart
            && let Err(error) = artifacts.abort(&upload.sha256, multipart).await
        {
            tracing::warn!(error = chain(&error), "cannot end an upload yet");
            continue;
        }
        db.forget_upload(upload.id).await?;
        collected.uploads += 1;
    }
    for sha256 in db.unnamed_blobs(grace, TOGETHER).await? {
        let gone = db.forget_blob(&sha256, grace, artifacts.remove(&sha256)).await??;
        collected.blobs += usize::from(gone);
    }
    Ok(collected)
}
