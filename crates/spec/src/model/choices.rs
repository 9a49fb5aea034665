//! The closed choices of the top level.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The distribution that a system is built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Base {
    /// Debian GNU/Linux.
    Debian,
    /// Ubuntu.
    Ubuntu,
    /// Arch Linux.
    Arch,
    /// Alpine Linux.
    Alpine,
    /// Fedora Linux.
    Fedora,
    /// openSUSE.
    Opensuse,
    /// Void Linux.
    Void,
    /// Gentoo Linux.
    Gentoo,
}

impl Base {
    /// Every base.
    pub const ALL: [Self; 8] = [
        Self::Debian,
        Self::Ubuntu,
        Self::Arch,
        Self::Alpine,
        Self::Fedora,
        Self::Opensuse,
        Self::Void,
        Self::Gentoo,
    ];

    /// The key used in specs, file names and environment variables, in lower case.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Ubuntu => "ubuntu",
            Self::Arch => "arch",
            Self::Alpine => "alpine",
            Self::Fedora => "fedora",
            Self::Opensuse => "opensuse",
            Self::Void => "void",
            Self::Gentoo => "gentoo",
        }
    }

    /// The name as its makers write it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Debian => "Debian",
            Self::Ubuntu => "Ubuntu",
            Self::Arch => "Arch Linux",
            Self::Alpine => "Alpine Linux",
            Self::Fedora => "Fedora",
            Self::Opensuse => "openSUSE",
            Self::Void => "Void Linux",
            Self::Gentoo => "Gentoo",
        }
    }

    /// The init systems that the base offers; the first is its default.
    pub const fn inits(self) -> &'static [Init] {
        match self {
            Self::Debian | Self::Ubuntu | Self::Arch | Self::Fedora | Self::Opensuse => &[Init::Systemd],
            Self::Alpine => &[Init::Openrc],
            Self::Void => &[Init::Runit],
            Self::Gentoo => &[Init::Openrc, Init::Systemd],
        }
    }
}

/// Processor architecture.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Architecture {
    /// 64-bit x86 (Debian calls it `amd64`).
    #[default]
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit ARM (Debian calls it `arm64`).
    #[serde(rename = "aarch64")]
    Aarch64,
}

impl Architecture {
    /// Every architecture.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// The key used in specs.
    pub const fn key(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }
}

/// What a build produces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// Hybrid live image for BIOS and UEFI, for optical media and USB sticks.
    Iso,
    /// OCI image layout in a tar archive.
    Oci,
    /// Root file system as `.tar.zst`.
    Rootfs,
    /// Disk image with a partition table.
    Disk,
}

impl Output {
    /// Every output.
    pub const ALL: [Self; 4] = [Self::Iso, Self::Oci, Self::Rootfs, Self::Disk];

    /// The key used in specs and on the command line.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Iso => "iso",
            Self::Oci => "oci",
            Self::Rootfs => "rootfs",
            Self::Disk => "disk",
        }
    }
}

/// The init system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// systemd.
    Systemd,
    /// `OpenRC`.
    Openrc,
    /// runit.
    Runit,
    /// s6.
    S6,
}
