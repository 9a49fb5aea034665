//! Boots an image in QEMU and finds out whether it works.
//!
//! [`check()`] runs one guest from power-on to a [`Verdict`] and leaves the proof: `serial.log`, `screenshot.png` and
//! `boot.json`. [`attach()`] connects a guest to the terminal. QEMU runs where a [`RunQemu`] puts it; a build and the
//! command line use [`SandboxQemu`], with QEMU and its firmware from a tools tree of [`PACKAGES`].
//!
//! | module | purpose |
//! |---|---|
//! | `machine` | the virtual machine and QEMU's command line |
//! | `accel`, `probe` | KVM or emulation: a guest that shows whether KVM is of use |
//! | `run`, `sandboxed` | where QEMU runs |
//! | `link`, `qmp` | connections to the machine: serial port, screen text, machine protocol |
//! | `console`, `signs`, `classify`, `verdict` | from serial output to a verdict |
//! | `check`, `report` | the check and its proof |
//! | `attach` | a guest on the terminal |
//! | `standalone` | [`Emulator`]: images that need not have been built here |

mod accel;
mod attach;
mod check;
mod classify;
mod console;
mod link;
mod machine;
mod probe;
mod qmp;
mod report;
mod run;
mod sandboxed;
mod signs;
mod standalone;
mod verdict;

pub use accel::Acceleration;
pub use attach::{AttachError, attach};
pub use check::{Check, CheckError, Patience, check};
pub use classify::{Classifier, End};
pub use console::Console;
pub use machine::{Firmware, Invocation, Machine, Media, PROGRAM};
pub use probe::{WORDS as PROBE_WORDS, disk as probe_disk};
pub use report::{REPORT, Report, SCREENSHOT, SERIAL_LOG};
pub use run::{Exit, Guest, RunQemu, StartError};
pub use sandboxed::SandboxQemu;
pub use standalone::Emulator;
pub use verdict::{Finding, Stage, Verdict};

/// Packages of Debian, and of what descends from it, that hold everything [`SandboxQemu`] needs, without recommended
/// packages: QEMU, `SeaBIOS` and the VGA firmware (as dependencies), OVMF.
pub const PACKAGES: &[&str] = &["qemu-system-x86", "ovmf"];
