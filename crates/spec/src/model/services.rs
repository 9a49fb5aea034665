//! Services.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Services to install, enable and disable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Services {
    /// Databases to install and start, for example `postgresql`.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "word"}, "maxItems" = 100))]
    pub databases: Vec<String>,
    /// Monitoring to install and start, for example `prometheus-node-exporter`.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "word"}, "maxItems" = 100))]
    pub monitoring: Vec<String>,
    /// Services for machine learning to install and start, for example `ollama`.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "word"}, "maxItems" = 100))]
    pub ai: Vec<String>,
    /// Services that start at boot.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "service"}, "maxItems" = 1000))]
    pub enable: Vec<String>,
    /// Services that do not start at boot.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "service"}, "maxItems" = 1000))]
    pub disable: Vec<String>,
}
