//! The fields of a spec, one module per concern.
//!
//! These types are the single description of the format: the JSON Schema, the reference page and the
//! checks of written text are all derived from them. Every field is optional here, because a layer is a
//! partial spec; [`crate::Blueprint`] is what remains once layers are merged and defaults are filled in.

mod appearance;
mod backup;
mod choices;
mod files;
mod filesystem;
mod identity;
mod kernel;
mod network;
mod packages;
mod post_install;
mod repositories;
mod security;
mod services;
mod users;

pub use appearance::{Bootloader, Compositor, Customization, Display, DisplayServer};
pub use backup::{Backup, BackupTool, Retention};
pub use choices::{Architecture, Base, Init, Output};
pub use files::{FileEntry, FileFormat, MergeStrategy};
pub use filesystem::{Encryption, Filesystem, Lvm, Partition, Raid, RootFilesystem, Snapshots};
pub use identity::{Keyboard, KeyboardChoice};
pub use kernel::Kernel;
pub use network::{Interface, Method, Network, NetworkManager};
pub use packages::{CategoryOrSwitch, PackageEntry, PackageTable, Packages};
pub use post_install::{Defaults, PostInstall, Script};
pub use repositories::{Mirrors, Pin, Priority, Repositories, RepositorySource, Suites};
pub use security::{
    Fail2ban, Firewall, KernelHardening, Mac, MacChoice, PermitRootLogin, SecurityFeatures, Ssh, Updates,
};
pub use services::Services;
pub use users::User;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a spec, or one layer of it, can say about the system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fields {
    /// The distribution that the system is built from.
    pub base: Option<Base>,
    /// Release of the base: a codename (`trixie`) or an alias such as `stable`.
    #[schemars(extend("format" = "release"))]
    pub release: Option<String>,
    /// Processor architecture of the system. Default: `x86_64`.
    pub architecture: Option<Architecture>,
    /// What to make of the system. Default: `rootfs`.
    #[schemars(extend("x-merge" = "replace", "minItems" = 1))]
    pub outputs: Option<Vec<Output>>,
    /// Host name, with or without a domain. Default: derived from `name`.
    #[schemars(extend("format" = "hostname"))]
    pub hostname: Option<String>,
    /// Language of the system, for example `en_GB.UTF-8`. Default: `C.UTF-8`.
    #[schemars(extend("format" = "locale"))]
    pub locale: Option<String>,
    /// Time zone from the tz database, for example `Europe/Berlin`. Default: `Etc/UTC`.
    #[schemars(extend("format" = "timezone"))]
    pub timezone: Option<String>,
    /// Keyboard layout: a layout name, or a table. Default: `us`.
    pub keyboard: Option<KeyboardChoice>,
    /// Accounts of people. `root` may be listed to give it a password or keys.
    #[schemars(extend("x-key" = "name", "maxItems" = 1000))]
    pub users: Option<Vec<User>>,
    /// Addresses and name servers. Default: DHCP on every wired interface.
    pub network: Option<Network>,
    /// Kernel package, boot parameters and modules.
    pub kernel: Option<Kernel>,
    /// The init system. Default: what the base uses.
    pub init: Option<Init>,
    /// File systems of disk images, and compression.
    pub filesystem: Option<Filesystem>,
    /// Graphical session.
    pub display: Option<Display>,
    /// Packages to install, besides the ones that the base and the outputs need.
    pub packages: Option<Packages>,
    /// Packages that must not be in the system.
    #[schemars(extend("items" = {"type": "string", "format": "package-name"}, "maxItems" = 20000))]
    pub remove: Option<Vec<String>>,
    /// Hardening and remote access.
    pub security_features: Option<SecurityFeatures>,
    /// Services to install, enable and disable.
    pub services: Option<Services>,
    /// Backups that the finished system makes.
    pub backup: Option<Backup>,
    /// Shell, boot loader and dot files.
    pub customization: Option<Customization>,
    /// What runs or is set at the end of the build.
    pub post_install: Option<PostInstall>,
    /// Small system-wide settings.
    pub defaults: Option<Defaults>,
    /// Files to place into the system.
    #[schemars(extend("x-key" = "path", "maxItems" = 10000))]
    pub files: Option<Vec<FileEntry>>,
    /// Where packages are downloaded from, while building and in the finished system.
    pub mirrors: Option<Mirrors>,
    /// Suites, components, further sources, pins and how packages are chosen.
    pub repositories: Option<Repositories>,
}

/// One layer: a partial spec and how its values meet the ones of the layers below.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LayerHeader {
    /// Merge strategy per value, by its dotted path: `{"packages": "replace", "kernel.parameters": "append"}`.
    /// Without an entry tables merge by key, lists of packages, users, files and the like are appended,
    /// and single values and `outputs` are replaced.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"format": "field-path"}))]
    pub merge: BTreeMap<String, MergeStrategy>,
}

/// What only the top level of a spec has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Version of the format; this is version 1.
    #[schemars(extend("const" = 1))]
    #[serde(default = "first_version")]
    pub spec: u32,
    /// Name of the system: also the name of its artifacts and of its output directory.
    #[schemars(extend("format" = "spec-name"))]
    pub name: String,
}

const fn first_version() -> u32 {
    1
}
