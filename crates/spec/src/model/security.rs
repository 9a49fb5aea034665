//! Hardening and remote access.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Hardening and remote access.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecurityFeatures {
    /// Mandatory access control. A system has at most one.
    pub mac: Option<MacChoice>,
    /// Packet filter.
    pub firewall: Option<Firewall>,
    /// Ban addresses that fail to log in.
    pub fail2ban: Option<Fail2ban>,
    /// The ssh server.
    pub ssh: Option<Ssh>,
    /// Automatic updates.
    pub updates: Option<Updates>,
    /// Hardening of the kernel.
    pub kernel_hardening: Option<KernelHardening>,
}

/// One or several access control systems; several are an error that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MacChoice {
    /// The one to use.
    One(Mac),
    /// A list with at most one entry.
    Many(Vec<Mac>),
}

/// Mandatory access control systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mac {
    /// `AppArmor`.
    Apparmor,
    /// `SELinux`.
    Selinux,
    /// Smack.
    Smack,
    /// TOMOYO.
    Tomoyo,
    /// None.
    None,
}

/// Packet filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Firewall {
    /// Filter packets.
    #[serde(default)]
    pub enable: bool,
    /// Tool, for example `nftables`, `ufw` or `firewalld`.
    #[schemars(extend("format" = "word"))]
    pub backend: Option<String>,
    /// Ports and services that may be reached, for example `22/tcp` or `https`.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "port"}, "maxItems" = 1000))]
    pub allow: Vec<String>,
}

/// Ban addresses that fail to log in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fail2ban {
    /// Run fail2ban.
    #[serde(default)]
    pub enable: bool,
    /// Attempts before a ban.
    #[schemars(range(min = 1, max = 1000))]
    pub max_retry: Option<u32>,
    /// Length of a ban in seconds.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub ban_seconds: Option<u32>,
}

/// The ssh server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ssh {
    /// Install and start the server. Default: as the packages leave it.
    pub enable: Option<bool>,
    /// Port. Default: 22.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// Whether root may log in. Default: `prohibit-password`.
    pub permit_root_login: Option<PermitRootLogin>,
    /// Whether passwords are accepted. Default: `false` when a user has a key, else as the base leaves it.
    pub password_authentication: Option<bool>,
    /// Whether X11 is forwarded. Default: `false`.
    pub x11_forwarding: Option<bool>,
    /// Only these users may log in.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "user-name"}, "maxItems" = 1000))]
    pub allow_users: Vec<String>,
    /// Only members of these groups may log in.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "group-name"}, "maxItems" = 1000))]
    pub allow_groups: Vec<String>,
}

/// Whether root may log in over ssh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PermitRootLogin {
    /// Never.
    No,
    /// With a key.
    ProhibitPassword,
    /// With a key or a password.
    Yes,
}

/// Automatic updates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Updates {
    /// Install updates without being asked.
    #[serde(default)]
    pub automatic: bool,
    /// Only security updates.
    #[serde(default)]
    pub security_only: bool,
    /// Restart when an update needs it.
    #[serde(default)]
    pub reboot: bool,
}

/// Hardening of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KernelHardening {
    /// Set the hardening parameters.
    #[serde(default)]
    pub enable: bool,
    /// Kernel lockdown mode: `none`, `integrity` or `confidentiality`.
    #[schemars(extend("enum" = ["none", "integrity", "confidentiality"]))]
    pub lockdown: Option<String>,
}
