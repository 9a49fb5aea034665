//! What was built, from the build's directory to the artifacts.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use lbuild_db::build::Artifact;
use lbuild_db::queue::Ending;
use lbuild_engine::{BuildReport, BuildRequest};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::failure;
use crate::artifact::{ArtifactError, Artifacts};
use crate::problem::chain;

/// Why what was built cannot be kept.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    #[error("cannot read what was built")]
    Read(#[from] io::Error),
}

/// The ending of a build that made something: its artifacts are kept.
pub fn ending(
    artifacts: &Artifacts,
    request: &BuildRequest,
    report: &BuildReport,
    delay: Duration,
) -> Ending {
    let artifacts = match keep(artifacts, request, report) {
        Ok(artifacts) => artifacts,
        Err(error) => return failure::of_machine("artifacts", &chain(&error), delay),
    };
    let warnings: Vec<&str> =
        request.blueprint.warnings.iter().map(|warning| warning.message.as_str()).collect();
    let from_store = report.steps.iter().filter(|step| step.cached).count();
    Ending::Succeeded {
        artifacts,
        cache: json!({ "hit": report.cached, "steps": report.steps.len(), "fromStore": from_store }),
        boot: report.boot.as_ref().and_then(|boot| serde_json::to_value(boot).ok()),
        warnings: json!(warnings),
    }
}

fn keep(
    artifacts: &Artifacts,
    request: &BuildRequest,
    report: &BuildReport,
) -> Result<Vec<Artifact>, KeepError> {
    let mut kept = Vec::new();
    for made in &report.artifacts {
        let sha256 = made.sha256.to_string();
        artifacts.adopt(&request.out.join(&made.name), &sha256)?;
        let size = i64::try_from(made.size).unwrap_or(i64::MAX);
        kept.push(Artifact { name: made.name.clone(), media_type: made.media_type.clone(), size, sha256 });
    }
    // the manifest, the checksums and the proof of a boot are about the artifacts and not among them
    for entry in fs::read_dir(&request.out)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let (Ok(name), true) = (entry.file_name().into_string(), metadata.is_file()) else { continue };
        let bytes = fs::read(entry.path())?;
        let (sha256, size) = (hex::encode(Sha256::digest(&bytes)), bytes.len());
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        artifacts.adopt(&entry.path(), &sha256)?;
        kept.push(Artifact { media_type: media_type(&name).to_owned(), name, size, sha256 });
    }
    Ok(kept)
}

fn media_type(name: &str) -> &'static str {
    match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("json") => "application/json",
        Some("png") => "image/png",
        _ => "text/plain; charset=utf-8",
    }
}
