//! KVM where it really runs guests, emulation everywhere else.
//!
//! That `/dev/kvm` opens says little: on some cloud machines it opens, and yet runs a guest a thousand times slower than
//! emulation does, or not at all. So a probe guest has to do some work in time first.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use lbuild_store::Cancel;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use serde::Serialize;

use super::link::{Ends, Read, connect, no_screenshot, read};
use super::machine::{Firmware, Machine, Media};
use super::probe;
use super::run::RunQemu;

/// How long the probe guest may take from the start of QEMU to its last word. With KVM that works it needs a fifth of a
/// second.
const PROBE_LIMIT: Duration = Duration::from_secs(3);

/// How often the wait looks at the request to stop.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// The answer, once it is known: the machine does not change while the program runs.
static KNOWN: Mutex<Option<Acceleration>> = Mutex::new(None);

/// What runs the guest's instructions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "accelerator", rename_all = "kebab-case")]
pub enum Acceleration {
    /// The processor.
    Kvm,
    /// QEMU's translator.
    Tcg {
        /// Why not KVM.
        #[serde(rename = "whyNotKvm")]
        reason: String,
    },
}

impl Acceleration {
    /// The accelerator's name in QEMU.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg { .. } => "tcg",
        }
    }

    /// Finds out whether KVM runs guests here, by running one; the answer is kept for the life of the process.
    pub fn detect(qemu: &dyn RunQemu, cancel: &Cancel) -> Self {
        let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(answer) = &*known {
            return answer.clone();
        }
        let answer = match run_probe(qemu, cancel, &Self::Kvm) {
            Ok(_) => Self::Kvm,
            Err(reason) => Self::Tcg { reason },
        };
        if !cancel.is_cancelled() {
            *known = Some(answer.clone());
        }
        answer
    }
}

/// Opens the KVM device.
pub(super) fn open_kvm() -> io::Result<OwnedFd> {
    Ok(OpenOptions::new().read(true).write(true).open("/dev/kvm")?.into())
}

/// Runs the probe guest: how long it took, or why it cannot be relied on.
fn run_probe(qemu: &dyn RunQemu, cancel: &Cancel, acceleration: &Acceleration) -> Result<Duration, String> {
    let broken = |error: io::Error| error.to_string();
    if *acceleration == Acceleration::Kvm {
        open_kvm().map_err(|error| format!("cannot open `/dev/kvm`: {error}"))?;
    }
    let disk = probe_disk().map_err(broken)?;
    let machine = Machine { memory_mib: 64, cpus: 1, ..Machine::new(Firmware::Bios, Media::Disk) };
    let (wires, ends) = connect(disk, no_screenshot().map_err(broken)?, acceleration).map_err(broken)?;
    let invocation = machine.invocation(acceleration, wires);
    let start = Instant::now();
    let guest = qemu.start(invocation, PROBE_LIMIT * 2).map_err(|error| error.source.to_string())?;
    let said = listen(&ends, start, cancel).map_err(broken)?;
    guest.kill();
    let exit = guest.wait();
    if said == probe::WORDS {
        return Ok(start.elapsed());
    }
    let seconds = PROBE_LIMIT.as_secs();
    Err(match exit.messages.last() {
        _ if start.elapsed() >= PROBE_LIMIT => {
            format!("a probe guest did not finish within {seconds} seconds")
        }
        Some(message) => format!("a probe guest did not run: {message}"),
        None => format!("a probe guest did not run: QEMU {}", exit.status),
    })
}

fn probe_disk() -> io::Result<OwnedFd> {
    let disk = memfd_create("probe", MemfdFlags::CLOEXEC)?;
    let mut disk = File::from(disk);
    disk.write_all(&probe::disk())?;
    // QEMU wants a descriptor that can only read.
    Ok(File::open(format!("/proc/self/fd/{}", disk.as_raw_fd()))?.into())
}

/// What the probe guest says, until it has said everything or its time is up.
fn listen(ends: &Ends, start: Instant, cancel: &Cancel) -> io::Result<Vec<u8>> {
    let mut said = Vec::new();
    let mut buffer = [0_u8; 4096];
    while start.elapsed() < PROBE_LIMIT && !cancel.is_cancelled() {
        let mut ports =
            [&ends.serial, &ends.screen].map(|port| PollFd::from_borrowed_fd(port.as_fd(), PollFlags::IN));
        if let Err(errno) = poll(&mut ports, Some(&TICK))
            && errno != rustix::io::Errno::INTR
        {
            return Err(errno.into());
        }
        // A firmware whose screen port is full waits.
        read(&ends.screen, &mut buffer)?;
        match read(&ends.serial, &mut buffer)? {
            Read::Bytes(count) => said.extend_from_slice(&buffer[..count]),
            Read::Nothing => {}
            Read::End => break,
        }
        if said.ends_with(probe::WORDS) {
            return Ok(probe::WORDS.to_vec());
        }
    }
    Ok(said)
}
