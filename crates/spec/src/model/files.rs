//! Files that are placed into the system.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One file, given as text, as base64, or as a path beside the spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileEntry {
    /// Absolute path in the system, without `.` and `..`.
    #[schemars(extend("format" = "overlay-path"))]
    pub path: String,
    /// Owner: a user name or a number. Default: `root`.
    #[schemars(extend("format" = "owner"))]
    pub owner: Option<String>,
    /// Group: a group name or a number. Default: `root`.
    #[schemars(extend("format" = "owner"))]
    pub group: Option<String>,
    /// Permissions as octal text, for example `"0644"`. Default: `0644`.
    #[schemars(extend("format" = "file-mode"))]
    pub mode: Option<String>,
    /// Content as text. Give exactly one of `text`, `base64` and `source`.
    #[schemars(extend("maxLength" = 8_000_000))]
    pub text: Option<String>,
    /// Content as base64.
    #[schemars(extend("format" = "base64"))]
    pub base64: Option<String>,
    /// Path of a file beside the spec, relative and without `..`.
    #[schemars(extend("format" = "source-path"))]
    pub source: Option<String>,
    /// How the content meets the same file of a lower layer. Default: `replace`.
    pub merge: Option<MergeStrategy>,
    /// Format for `merge: deep`. Default: guessed from the extension of `path`.
    pub format: Option<FileFormat>,
}

/// How a value meets the one of a lower layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MergeStrategy {
    /// The higher value alone counts.
    Replace,
    /// The higher list, table or text follows the lower one.
    Append,
    /// Tables merge by key at every depth, keyed lists by their key.
    Deep,
}

/// Formats that `merge: deep` understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// TOML.
    Toml,
    /// INI: `[section]` and `key=value`.
    Ini,
    /// Lines of `key=value`.
    #[serde(rename = "keyvalue")]
    KeyValue,
}
