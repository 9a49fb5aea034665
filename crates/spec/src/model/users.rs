//! Accounts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An account of the finished system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Login name.
    #[schemars(extend("format" = "user-name"))]
    pub name: String,
    /// Hash of the password in the form of crypt(5), as `openssl passwd -6` prints it. Never the password itself.
    /// Without it the account has no password and can only be entered with a key.
    #[schemars(extend("format" = "password-hash", "x-sensitive" = true))]
    pub password: Option<String>,
    /// Public keys that may log in over ssh, one `authorized_keys` line each.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "ssh-key"}, "maxItems" = 100))]
    pub ssh_keys: Vec<String>,
    /// Supplementary groups. They must exist once the packages are installed.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "group-name"}, "maxItems" = 100))]
    pub groups: Vec<String>,
    /// May become root with `sudo`. Without a password the user is not asked for one.
    #[serde(default)]
    pub sudo: bool,
    /// Login shell. Default: `/bin/bash` where the base has it.
    #[schemars(extend("format" = "absolute-path"))]
    pub shell: Option<String>,
    /// Numeric id, 1000 to 59999. Default: the next free one.
    #[schemars(range(min = 1000, max = 59999))]
    pub uid: Option<u32>,
    /// Full name or remark, the GECOS field.
    #[schemars(extend("format" = "gecos"))]
    pub comment: Option<String>,
    /// Home directory. Default: `/home/` and the name.
    #[schemars(extend("format" = "absolute-path"))]
    pub home: Option<String>,
}
