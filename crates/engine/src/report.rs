//! What a finished build says about itself.

use std::path::PathBuf;

use lbuild_store::Digest;
use serde::Serialize;

use crate::lock::Lock;

/// A finished build.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildReport {
    /// Name of the image.
    pub name: String,
    /// The output directory.
    pub out: PathBuf,
    /// The files in it, in the order of the manifest.
    pub artifacts: Vec<ArtifactReport>,
    /// The steps, in the order in which they ended.
    pub steps: Vec<StepReport>,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Every step came from the store.
    pub cached: bool,
    /// What held every job that the artifacts come from, such as `ns, own ids, landlock 6, limits: memory pids`.
    pub isolation: String,
    /// The boot check, where one was asked for.
    pub boot: Option<BootReport>,
    /// The lock that was built.
    #[serde(skip)]
    pub lock: Lock,
}

/// One file in the output directory.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactReport {
    /// File name.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: Digest,
}

/// One step.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// Name of the step.
    pub name: String,
    /// Its output came from the store.
    pub cached: bool,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Why it ran: labels of the inputs that changed since the last build of this name; empty on a hit and on a
    /// first build.
    pub changed: Vec<String>,
    /// Its content key.
    pub key: Digest,
}

/// What the boot check saw.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BootReport {
    /// `bios` or `uefi`.
    pub firmware: String,
    /// The verdict in words.
    pub verdict: String,
    /// Seconds until the verdict.
    pub seconds: f64,
}
