//! Partitions, file systems and compression.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// File systems of disk images, and compression of read-only ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Filesystem {
    /// File system of `/` in a disk image. Default: `ext4`.
    pub root: Option<RootFilesystem>,
    /// Encryption of the root file system.
    pub encryption: Option<Encryption>,
    /// Compression, with an optional level: `zstd`, `zstd:19`, `xz`, `lzo`, `lz4`, `gzip`, `none`.
    /// It applies to the squashfs of an ISO, and to btrfs, zfs and f2fs in a disk image. Default: `zstd:3`.
    #[schemars(extend("format" = "compression"))]
    pub compression: Option<String>,
    /// Snapshots of the root file system.
    pub snapshots: Option<Snapshots>,
    /// Partitions of a disk image, in order. Default: an EFI system partition and a root partition.
    #[serde(default)]
    #[schemars(extend("x-key" = "mount", "maxItems" = 128))]
    pub partitions: Vec<Partition>,
    /// Logical volumes.
    pub lvm: Option<Lvm>,
    /// Software RAID.
    pub raid: Option<Raid>,
}

/// File system of `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RootFilesystem {
    /// ext4.
    Ext4,
    /// XFS.
    Xfs,
    /// Btrfs.
    Btrfs,
    /// ZFS.
    Zfs,
    /// F2FS.
    F2fs,
}

/// Encryption of the root file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Encryption {
    /// Encrypt with LUKS2. The passphrase is never part of a spec.
    #[serde(default)]
    pub enable: bool,
    /// Cipher in the words of cryptsetup. Default: `aes-xts-plain64`.
    #[schemars(extend("format" = "word"))]
    pub cipher: Option<String>,
    /// Bind the key to the TPM of the machine.
    #[serde(default)]
    pub tpm: bool,
}

/// Snapshots of the root file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snapshots {
    /// Take snapshots.
    #[serde(default)]
    pub enable: bool,
    /// Tool that takes them, for example `snapper` or `timeshift`.
    #[schemars(extend("format" = "word"))]
    pub tool: Option<String>,
    /// How many are kept.
    #[schemars(range(min = 1, max = 10000))]
    pub keep: Option<u32>,
}

/// One partition of a disk image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Partition {
    /// Where it is mounted, or `swap`.
    #[schemars(extend("format" = "mount-point"))]
    pub mount: String,
    /// Size such as `512MiB` or `20GiB`, or `rest`.
    #[schemars(extend("format" = "size"))]
    pub size: String,
    /// File system. Default: `vfat` for the EFI system partition, else the one of `root`.
    #[schemars(extend("format" = "word"))]
    pub filesystem: Option<String>,
    /// Label of the file system.
    #[schemars(extend("format" = "label"))]
    pub label: Option<String>,
    /// Mount options.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "mount-option"}))]
    pub options: Vec<String>,
}

/// Logical volumes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lvm {
    /// Put the partitions other than the boot ones into a volume group.
    #[serde(default)]
    pub enable: bool,
    /// Name of the volume group. Default: `system`.
    #[schemars(extend("format" = "word"))]
    pub volume_group: Option<String>,
}

/// Software RAID.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Raid {
    /// RAID level: 0, 1, 5, 6 or 10.
    #[schemars(extend("enum" = [0, 1, 5, 6, 10]))]
    pub level: u32,
    /// Number of disks.
    #[schemars(range(min = 2, max = 64))]
    pub devices: u32,
}
