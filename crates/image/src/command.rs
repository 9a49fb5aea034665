//! A program of the tools tree to run: data only, the caller runs it in its sandbox.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One program with its arguments and the whole of its environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCommand {
    /// Program and arguments; the program is an absolute path inside the tools tree.
    pub argv: Vec<String>,
    /// Every variable that the program sees.
    pub env: BTreeMap<String, String>,
}

impl ToolCommand {
    /// A command whose tool knows `SOURCE_DATE_EPOCH` (seconds since 1970) and sees neither locale nor time zone.
    pub(crate) fn at(epoch: u64, argv: Vec<String>) -> Self {
        let env = [
            ("LC_ALL", "C".to_owned()),
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
            ("SOURCE_DATE_EPOCH", epoch.to_string()),
            ("TZ", "UTC0".to_owned()),
        ];
        Self { argv, env: env.map(|(key, value)| (key.to_owned(), value)).into() }
    }
}

/// Arguments from pieces that are written apart by spaces, which no piece contains.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split_whitespace().map(str::to_owned)
}
