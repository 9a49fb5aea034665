//! What a boot check can find.

use serde::Serialize;

/// The result of a boot check in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The system asks for a login on the serial console.
    LoginPrompt,
    /// The firmware found nothing to boot, or the boot loader cannot work.
    BootloaderDamaged,
    /// The boot loader works, but has no kernel that it can start.
    KernelMissing,
    /// The kernel runs, but the initramfs is missing or cannot find or mount the system.
    InitramfsFailure,
    /// The kernel gave up.
    KernelPanic,
    /// The init system came up in emergency or rescue mode.
    EmergencyMode,
    /// The machine was reset or switched off by the guest.
    Stopped,
    /// Nothing that says success or failure was seen in time.
    Timeout,
}

impl Verdict {
    /// Whether the image boots.
    pub fn is_good(self) -> bool {
        self == Self::LoginPrompt
    }
}

/// How far a guest came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The machine was switched on.
    Start,
    /// The firmware spoke.
    Firmware,
    /// A boot loader spoke.
    Bootloader,
    /// The kernel spoke.
    Kernel,
    /// The initramfs spoke.
    Initramfs,
    /// The init system of the image spoke.
    System,
}

impl Stage {
    /// The part that spoke last, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "power-on",
            Self::Firmware => "the firmware",
            Self::Bootloader => "the boot loader",
            Self::Kernel => "the kernel",
            Self::Initramfs => "the initramfs",
            Self::System => "the init system",
        }
    }
}

/// A verdict with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in one sentence without a full stop; can hold text of the guest.
    pub message: String,
    /// Lines of the guest around the reason.
    pub excerpt: Vec<String>,
}
