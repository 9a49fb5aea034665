//! What was built, from the build's directory to the artifacts.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use lbuild_db::Database;
use lbuild_db::blob::UploadId;
use lbuild_db::build::Artifact;
use lbuild_db::queue::{Ending, Lease, LeaseError};
use lbuild_engine::{BuildReport, BuildRequest, Cancel};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::push::Outcome;
use crate::artifact::{ArtifactError, Artifacts, Made, Upload};
use crate::problem::chain;

/// How long to wait for a database that is away.
const AGAIN: Duration = Duration::from_secs(1);

/// Why what was built cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The store.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The build's directory.
    #[error("cannot read what was built")]
    Read(#[from] io::Error),
    /// Nobody wants it any more, or somebody else makes it.
    #[error("the build was stopped")]
    Stopped,
}

/// Stores what one build made, by the right of its lease.
pub struct Keeper<'a> {
    /// Where artifacts are kept.
    pub artifacts: &'a Artifacts,
    /// Grants uploads.
    pub db: &'a Database,
    /// The right to work on the build.
    pub lease: &'a Lease,
    /// The build is to stop.
    pub cancel: &'a Cancel,
}

impl Keeper<'_> {
    /// Stores everything that the build wrote. Nobody sees it before the build has ended.
    pub async fn keep(
        &self,
        request: &BuildRequest,
        report: &BuildReport,
    ) -> Result<Vec<Artifact>, KeepError> {
        let files = tokio::task::block_in_place(|| files(&request.out, report))?;
        let mut kept = Vec::with_capacity(files.len());
        for (artifact, made) in files {
            let id = self.granted(&made.sha256).await?;
            let upload = Upload { db: self.db, id, cancel: self.cancel };
            match self.artifacts.keep(&made, &upload).await {
                Err(ArtifactError::Stopped) => return Err(KeepError::Stopped),
                other => other?,
            }
            kept.push(artifact);
        }
        Ok(kept)
    }

    /// The right to store bytes. A database that is away is waited for, as long as the lease can be kept.
    async fn granted(&self, sha256: &str) -> Result<UploadId, KeepError> {
        loop {
            if self.cancel.is_cancelled() {
                return Err(KeepError::Stopped);
            }
            match self.db.want_blob(self.lease, sha256).await {
                Ok(id) => return Ok(id),
                Err(LeaseError::Lost) => return Err(KeepError::Stopped),
                Err(LeaseError::Db(error)) => {
                    tracing::warn!(build = %self.lease.build, error = chain(&error), "cannot store artifacts yet");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}

/// The ending of a build whose artifacts are kept.
pub fn ending(
    artifacts: Vec<Artifact>,
    request: &BuildRequest,
    report: &BuildReport,
    outcome: Option<Outcome>,
) -> Ending {
    let warnings = request.blueprint.warnings.iter().map(|warning| warning.message.as_str());
    let of_push = outcome.as_ref().and_then(|outcome| outcome.warning.as_deref());
    let warnings: Vec<&str> = warnings.chain(of_push).collect();
    let from_store = report.steps.iter().filter(|step| step.cached).count();
    Ending::Succeeded {
        artifacts,
        cache: json!({ "hit": report.cached, "steps": report.steps.len(), "fromStore": from_store }),
        boot: report.boot.as_ref().and_then(|boot| serde_json::to_value(boot).ok()),
        warnings: json!(warnings),
        pushed: outcome.map(|outcome| outcome.shown),
    }
}

/// Everything that a build wrote.
fn files(out: &Path, report: &BuildReport) -> io::Result<Vec<(Artifact, Made)>> {
    let mut found: Vec<(Artifact, Made)> = Vec::new();
    for made in &report.artifacts {
        let sha256 = made.sha256.to_string();
        found.push(artifact(out, made.name.clone(), &made.media_type, made.size, sha256));
    }
    // the manifest, the checksums and the proof of a boot are about the artifacts and not among them
    for entry in fs::read_dir(out)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let (Ok(name), true) = (entry.file_name().into_string(), metadata.is_file()) else { continue };
        if found.iter().any(|(artifact, _)| artifact.name == name) {
            continue;
        }
        let bytes = fs::read(entry.path())?;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let media_type = media_type(&name);
        found.push(artifact(out, name, media_type, bytes.len() as u64, sha256));
    }
    Ok(found)
}

fn artifact(out: &Path, name: String, media_type: &str, size: u64, sha256: String) -> (Artifact, Made) {
    let made = Made { path: out.join(&name), sha256: sha256.clone(), size };
    let length = i64::try_from(size).unwrap_or(i64::MAX);
    (Artifact { name, media_type: media_type.to_owned(), size: length, sha256 }, made)
}

fn media_type(name: &str) -> &'static str {
    match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("json") => "application/json",
        Some("png") => "image/png",
        _ => "text/plain; charset=utf-8",
    }
}
