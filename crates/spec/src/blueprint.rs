//! The effective system: layers merged, defaults filled in, names and relations taken apart.

mod build;
mod digest;
mod files;
mod packages;

pub(crate) use build::build;
pub(crate) use packages::Collected;

use serde::Serialize;

use crate::Diagnostic;
use crate::model::{
    Architecture, Backup, Base, Customization, Defaults, Display, Encryption, Init, Keyboard, Lvm, Mac,
    Mirrors, Network, Output, Partition, Pin, Priority, Raid, RepositorySource, RootFilesystem, Snapshots,
    User,
};
use crate::origin::{SetField, Sourced};
use crate::request::PackageRequest;

/// The system that a spec describes, ready to be resolved and built.
///
/// Serialises as the effective spec without origins; that form is what [`Blueprint::digest`] covers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Blueprint {
    /// Name of the system and of its artifacts: `[a-z0-9][a-z0-9._-]*`.
    pub name: String,
    /// The distribution.
    pub base: Base,
    /// Release as written (`trixie`, `stable`); `None` leaves the choice to the data of the base.
    pub release: Option<String>,
    /// Processor architecture.
    pub architecture: Architecture,
    /// What to make, sorted and without duplicates; never empty.
    pub outputs: Vec<Output>,
    /// Host name.
    pub hostname: String,
    /// Locale, for example `C.UTF-8`.
    pub locale: String,
    /// Time zone, for example `Etc/UTC`.
    pub timezone: String,
    /// Keyboard.
    pub keyboard: Keyboard,
    /// Accounts, in order.
    pub users: Vec<Sourced<User>>,
    /// Network; without interfaces it means DHCP on every wired one.
    pub network: Network,
    /// Kernel.
    pub kernel: Kernel,
    /// Init system.
    pub init: Init,
    /// File systems and compression.
    pub filesystem: Filesystem,
    /// Graphical session.
    pub display: Display,
    /// Packages that were asked for, lowest layer first, without duplicates.
    pub packages: Vec<Sourced<PackageRequest>>,
    /// Packages that must not be in the system.
    pub remove: Vec<Sourced<String>>,
    /// Hardening and remote access.
    pub security_features: SecurityFeatures,
    /// Services.
    pub services: Services,
    /// Backups.
    pub backup: Backup,
    /// Shell, boot loader and dot files.
    pub customization: Customization,
    /// What runs or is set at the end.
    pub post_install: PostInstall,
    /// Small system-wide settings.
    pub defaults: Defaults,
    /// Overlay files by ascending path; same-path entries of lower layers are merged in or dropped.
    pub files: Vec<Sourced<File>>,
    /// Mirrors.
    pub mirrors: Mirrors,
    /// Sources and the choice of packages.
    pub repositories: Repositories,
    /// SHA-256 of the canonical encoding of all of the above.
    #[serde(skip)]
    pub digest: [u8; 32],
    /// Every field that the spec set, with its origin, by ascending pointer. The engine refuses what it cannot
    /// do yet by comparing this with what it supports.
    #[serde(skip)]
    pub set: Vec<SetField>,
    /// Advice that does not stop a build.
    #[serde(skip)]
    pub warnings: Vec<Diagnostic>,
}

/// Kernel package, command line and modules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kernel {
    /// Version or version prefix.
    pub version: Option<String>,
    /// Flavour; `none` means no kernel.
    pub flavor: Option<String>,
    /// Parameters for the command line: the ones of `defaults.kernelParams`, then `kernel.parameters`.
    pub parameters: Vec<String>,
    /// Modules loaded at boot.
    pub modules: Vec<String>,
    /// Build options of a kernel that is compiled.
    pub custom_flags: Vec<String>,
}

/// File systems and compression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Filesystem {
    /// File system of `/` in a disk image.
    pub root: RootFilesystem,
    /// Encryption.
    pub encryption: Encryption,
    /// Compression of read-only and compressing file systems.
    pub compression: Compression,
    /// Snapshots.
    pub snapshots: Snapshots,
    /// Partitions of a disk image.
    pub partitions: Vec<Partition>,
    /// Logical volumes.
    pub lvm: Lvm,
    /// Software RAID.
    pub raid: Option<Raid>,
}

/// A compression algorithm with its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Compression {
    /// Algorithm.
    pub algorithm: Algorithm,
    /// Level, where the algorithm has one; `None` is its default.
    pub level: Option<u32>,
}

/// Compression algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// Zstandard.
    Zstd,
    /// LZMA2 in an xz container.
    Xz,
    /// LZO.
    Lzo,
    /// LZ4.
    Lz4,
    /// DEFLATE.
    Gzip,
    /// No compression.
    None,
}

/// Hardening and remote access.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityFeatures {
    /// Mandatory access control, when the spec names one.
    pub mac: Option<Mac>,
    /// Packet filter.
    pub firewall: crate::model::Firewall,
    /// fail2ban.
    pub fail2ban: crate::model::Fail2ban,
    /// The ssh server.
    pub ssh: crate::model::Ssh,
    /// Automatic updates.
    pub updates: crate::model::Updates,
    /// Hardening of the kernel.
    pub kernel_hardening: crate::model::KernelHardening,
}

/// Services to install, enable and disable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Services {
    /// Databases to install and start.
    pub databases: Vec<Sourced<String>>,
    /// Monitoring to install and start.
    pub monitoring: Vec<Sourced<String>>,
    /// Services for machine learning to install and start.
    pub ai: Vec<Sourced<String>>,
    /// Units that start at boot, for example `ssh.service`; a name without suffix means `.service`.
    pub enable: Vec<Sourced<String>>,
    /// Units that do not start at boot.
    pub disable: Vec<Sourced<String>>,
}

/// What runs or is set at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PostInstall {
    /// Scripts in order.
    pub scripts: Vec<Sourced<crate::model::Script>>,
    /// Kernel settings by `sysctl` name, sorted.
    pub system_tuning: std::collections::BTreeMap<String, String>,
    /// Services to enable after the scripts ran.
    pub services: Vec<Sourced<String>>,
}

/// One overlay file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct File {
    /// Absolute, normalised path in the system.
    pub path: String,
    /// Owner: a user name or a number; `root` by default.
    pub owner: String,
    /// Group: a group name or a number; `root` by default.
    pub group: String,
    /// Permission bits, `0o644` by default.
    pub mode: u32,
    /// Where the content comes from.
    pub content: Content,
}

/// Content of an overlay file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// The bytes themselves (from `text`, `base64`, or a merge of layers).
    Bytes(#[serde(serialize_with = "digest::hex_bytes")] Vec<u8>),
    /// A relative path beside the spec, without `..`; the engine reads it, refusing symlinks that leave the
    /// directory of the spec.
    Source(String),
}

/// Sources and the choice of packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Repositories {
    /// Components of the base's own archive; empty means the default of the base.
    pub components: Vec<String>,
    /// Suites beside the release itself.
    pub suites: Suites,
    /// Further sources.
    pub sources: Vec<Sourced<RepositorySource>>,
    /// Preferences.
    pub pins: Vec<Sourced<Pin>>,
    /// Keywords that are accepted, as written.
    pub keywords: Vec<String>,
    /// Licenses that are accepted, as written.
    pub licenses: Vec<String>,
    /// Install what packages recommend.
    pub recommends: bool,
    /// Install everything of at least this priority.
    pub priority: Priority,
}

/// Suites beside the release itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suites {
    /// Use `<release>-updates`.
    pub updates: bool,
    /// Use `<release>-security`.
    pub security: bool,
    /// Use `<release>-backports`, for packages that ask for it.
    pub backports: bool,
}

impl Blueprint {
    /// Puts the keys of sources that lie in files in the place of the names of these files, and tells the digest, so
    /// that a changed key is a changed spec. `read` gives the text of a file for its path beside the spec.
    ///
    /// # Panics
    ///
    /// Never: what is encoded here was encoded when the blueprint was made.
    pub fn embed_keys<E>(
        &mut self,
        mut read: impl FnMut(&Sourced<RepositorySource>, &str) -> Result<String, E>,
    ) -> Result<(), E> {
        for source in &mut self.repositories.sources {
            let Some(path) = source.value.signed_by_file.clone() else { continue };
            source.value.signed_by = Some(read(source, &path)?);
            source.value.signed_by_file = None;
        }
        self.digest = digest::digest(self).expect("a blueprint has been encoded before");
        Ok(())
    }

    /// The digest as lower-case hexadecimal.
    pub fn digest_hex(&self) -> String {
        digest::hex(&self.digest)
    }

    /// The fields that were set although none of the `supported` patterns covers them.
    ///
    /// A pattern is a JSON pointer in which `*` stands for one segment; it covers everything below it too.
    pub fn unsupported<'s>(&'s self, supported: &[&str]) -> Vec<&'s SetField> {
        let covers = |pattern: &str, pointer: &str| {
            let mut segments = pointer.split('/');
            pattern
                .split('/')
                .all(|wanted| segments.next().is_some_and(|found| wanted == "*" || wanted == found))
        };
        let known = |pointer: &str| supported.iter().any(|pattern| covers(pattern, pointer));
        self.set.iter().filter(|field| !known(&field.pointer)).collect()
    }

    /// Whether the spec itself set the field at `pointer` or anything below it.
    pub fn sets(&self, pointer: &str) -> bool {
        self.set.iter().any(|field| {
            field.pointer.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}
