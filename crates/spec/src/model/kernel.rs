//! The kernel and what it is told at boot.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Kernel package, boot parameters and modules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kernel {
    /// Version or version prefix of the kernel package. Default: the newest of the release.
    #[schemars(extend("format" = "version"))]
    pub version: Option<String>,
    /// Flavour of the base's kernel package, for example `amd64`, `cloud-amd64`, `lts`, `none` for no kernel.
    /// Default: the general one when an output has to boot.
    #[schemars(extend("format" = "word"))]
    pub flavor: Option<String>,
    /// Parameters added to the kernel command line.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "kernel-parameter"}, "maxItems" = 256))]
    pub parameters: Vec<String>,
    /// Modules that are loaded at boot.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "kernel-module"}, "maxItems" = 1024))]
    pub modules: Vec<String>,
    /// Build options of a kernel that is compiled, for example `CONFIG_PREEMPT=y`.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "kernel-config"}, "maxItems" = 4096))]
    pub custom_flags: Vec<String>,
}
