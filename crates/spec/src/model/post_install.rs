//! What runs or is set at the end.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What runs or is set at the end of the build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostInstall {
    /// Scripts that run inside the finished tree, in order, as its root, without network.
    #[serde(default)]
    #[schemars(extend("x-key" = "name", "maxItems" = 100))]
    pub scripts: Vec<Script>,
    /// Kernel settings by their `sysctl` name, for example `{"vm.swappiness": "10"}`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"format": "sysctl-name"}, "additionalProperties" = {"type": "string", "format": "sysctl-value"}, "maxProperties" = 1000))]
    pub system_tuning: BTreeMap<String, String>,
    /// Services to enable after the scripts ran.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "service"}, "maxItems" = 1000))]
    pub services: Vec<String>,
}

/// A script that runs inside the finished tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Script {
    /// Name for the log.
    #[schemars(extend("format" = "word"))]
    pub name: String,
    /// The script. A first line with `#!` names the interpreter, which must be installed; else `/bin/sh -e` runs it.
    #[schemars(extend("format" = "script"))]
    pub script: String,
}

/// Small system-wide settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Defaults {
    /// `vm.swappiness`, 0 to 200.
    #[schemars(range(min = 0, max = 200))]
    pub swappiness: Option<u32>,
    /// Trim file systems on flash storage every week.
    pub trim: Option<bool>,
    /// Further kernel parameters, put before the ones of `kernel.parameters`.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "kernel-parameter"}, "maxItems" = 256))]
    pub kernel_params: Vec<String>,
    /// Resolve names over HTTPS.
    pub dns_over_https: Option<bool>,
    /// Use random MAC addresses.
    pub mac_randomization: Option<bool>,
}
