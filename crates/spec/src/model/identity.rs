//! How the system introduces itself to the person in front of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A keyboard: the name of a layout, or a table with more detail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum KeyboardChoice {
    /// XKB layout, for example `de`.
    Layout(#[schemars(extend("format" = "keyboard"))] String),
    /// Layout with variant, model and options.
    Table(Keyboard),
}

/// A keyboard in the words of XKB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Keyboard {
    /// Layout, for example `us`; several are separated by commas.
    #[schemars(extend("format" = "keyboard"))]
    pub layout: String,
    /// Variant of the layout, for example `nodeadkeys`.
    #[schemars(extend("format" = "keyboard"))]
    pub variant: Option<String>,
    /// Keyboard model. Default: `pc105`.
    #[schemars(extend("format" = "keyboard"))]
    pub model: Option<String>,
    /// XKB options, for example `ctrl:nocaps`.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "keyboard-option"}))]
    pub options: Vec<String>,
}
