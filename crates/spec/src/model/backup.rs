//! Backups that the finished system makes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Backups that the finished system makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// Tool.
    pub tool: Option<BackupTool>,
    /// When: `hourly`, `daily`, `weekly`, `monthly`, or a systemd calendar expression.
    #[schemars(extend("format" = "calendar"))]
    pub schedule: Option<String>,
    /// How many backups are kept.
    pub retention: Option<Retention>,
    /// Where they go: absolute paths or URLs.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "backup-destination"}, "maxItems" = 32))]
    pub destinations: Vec<String>,
}

/// Backup tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BackupTool {
    /// restic.
    Restic,
    /// borg.
    Borg,
    /// rsync.
    Rsync,
    /// rclone.
    Rclone,
}

/// How many backups are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// Daily ones.
    #[schemars(range(min = 0, max = 10000))]
    pub daily: Option<u32>,
    /// Weekly ones.
    #[schemars(range(min = 0, max = 10000))]
    pub weekly: Option<u32>,
    /// Monthly ones.
    #[schemars(range(min = 0, max = 10000))]
    pub monthly: Option<u32>,
    /// Yearly ones.
    #[schemars(range(min = 0, max = 10000))]
    pub yearly: Option<u32>,
}
