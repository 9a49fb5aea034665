//! The boot check: one guest from power-on to a verdict.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use lbuild_store::Cancel;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::json;

use super::accel::Acceleration;
use super::classify::{Classifier, End};
use super::link::{Ends, Read, connect, read};
use super::machine::{Machine, screenshot_file};
use super::qmp::{Qmp, QmpError};
use super::report::{REPORT, Report, SCREENSHOT, SERIAL_LOG};
use super::run::{Guest, RunQemu, StartError};
use super::verdict::Stage;

/// How long a guest goes on after its verdict: a panic prints its trace, a login appears on the screen as well.
const SETTLE: Duration = Duration::from_secs(1);

/// How often the loop looks at the clock and at the request to stop.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Bytes of serial log that are kept; a guest that writes more is read on, but not recorded.
const MAX_LOG: usize = 16 << 20;

/// How long QEMU may outlive the patience of the check before the sandbox ends it.
const GRACE: Duration = Duration::from_mins(2);

/// How long to wait for a guest. Times by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until a boot loader speaks.
    pub bootloader: Duration,
    /// While nobody speaks.
    pub silence: Duration,
    /// Until there is a verdict.
    pub verdict: Duration,
}

impl Patience {
    /// Ten times what a live system needs on a machine with two busy processors.
    pub fn with(acceleration: &Acceleration) -> Self {
        let (silence, verdict) = if *acceleration == Acceleration::Kvm { (60, 180) } else { (180, 600) };
        Self {
            bootloader: Duration::from_secs(20),
            silence: Duration::from_secs(silence),
            verdict: Duration::from_secs(verdict),
        }
    }
}

/// What to check, and where the proof goes.
#[derive(Debug)]
pub struct Check<'a> {
    /// The image, open for reading.
    pub image: OwnedFd,
    /// The machine to boot it in.
    pub machine: Machine,
    /// How its instructions run; see [`Acceleration::detect`].
    pub acceleration: Acceleration,
    /// How long to wait.
    pub patience: Patience,
    /// An existing directory for `serial.log`, `screenshot.png` and `boot.json`.
    pub out: &'a Path,
}

/// A boot check could not be made; this says nothing about the image.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// No process.
    #[error(transparent)]
    Start(#[from] StartError),
    /// QEMU does not work, or stopped working.
    #[error("QEMU failed: {status}{}", last(.messages))]
    Qemu {
        /// How it ended.
        status: String,
        /// What it printed last.
        messages: Vec<String>,
        /// What was noticed first.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The proof could not be written or the machine not be reached.
    #[error("cannot record the boot check in `{out}`")]
    Record {
        /// The directory.
        out: String,
        /// Why.
        source: io::Error,
    },
    /// The caller asked to stop.
    #[error("the boot check was stopped")]
    Cancelled,
}

fn last(messages: &[String]) -> String {
    messages.last().map(|message| format!(": {message}")).unwrap_or_default()
}

/// Boots the image and waits for a verdict. `on_line` gets each line of the serial console, in plain text.
///
/// # Errors
/// When the check itself fails or is cancelled; then it leaves no files. An image that does not boot is no error.
pub fn check(
    qemu: &dyn RunQemu,
    check: Check<'_>,
    cancel: &Cancel,
    on_line: &mut dyn FnMut(&str),
) -> Result<Report, CheckError> {
    let out = check.out;
    let result = attempt(qemu, check, cancel, on_line);
    if result.is_err() {
        for name in [SERIAL_LOG, SCREENSHOT, REPORT] {
            // Most of them were not made yet.
            let _ = fs::remove_file(out.join(name));
        }
    }
    result
}

fn attempt(
    qemu: &dyn RunQemu,
    check: Check<'_>,
    cancel: &Cancel,
    on_line: &mut dyn FnMut(&str),
) -> Result<Report, CheckError> {
    let Check { image, machine, acceleration, patience, out } = check;
    let record = |source| CheckError::Record { out: out.display().to_string(), source };
    let log = File::create(out.join(SERIAL_LOG)).map_err(record)?;
    let screenshot = write_only(&out.join(SCREENSHOT)).map_err(record)?;
    let (wires, ends) = connect(image, screenshot, &acceleration).map_err(record)?;
    let guest = qemu.start(machine.invocation(&acceleration, wires), patience.verdict + GRACE)?;
    let start = Instant::now();
    let log = Log { file: log, room: MAX_LOG };
    let mut watch = Watch { ends, classifier: Classifier::new(), log, start, heard: start };
    let control = watch.ends.control.try_clone().map_err(record)?;
    let watched = Qmp::connect(control, cancel).map_err(Trouble::Qmp).and_then(|mut qmp| {
        let end = watch.until_verdict(&mut qmp, patience, cancel, on_line)?;
        let seconds = start.elapsed().as_secs_f64();
        let stage = watch.classifier.stage();
        let running = watch.settle(&mut qmp, end.as_ref(), cancel, on_line)?;
        Ok((end, seconds, stage, running && take_screenshot(&mut qmp, cancel), qmp.version().to_owned()))
    });
    guest.kill();
    let (end, seconds, stage, screenshot, version) = match watched {
        Ok(watched) => watched,
        Err(Trouble::Qmp(QmpError::Cancelled)) => return Err(CheckError::Cancelled),
        Err(Trouble::Qmp(error)) => return Err(broken(guest, error)),
        Err(Trouble::Io(source)) => return Err(record(source)),
    };
    drop(guest);
    watch.log.line(&watch.classifier.unfinished()).map_err(record)?;
    let finding = watch.classifier.finish(&end.unwrap_or(End::TimeIsUp(patience.verdict.as_secs())));
    if !screenshot {
        fs::remove_file(out.join(SCREENSHOT)).map_err(record)?;
    }
    let report = Report { finding, seconds, stage, machine, acceleration, qemu: version, screenshot };
    report.write(out).map_err(record)?;
    Ok(report)
}

fn write_only(path: &Path) -> io::Result<OwnedFd> {
    Ok(OpenOptions::new().write(true).create(true).truncate(true).open(path)?.into())
}

fn broken(guest: Box<dyn Guest>, error: QmpError) -> CheckError {
    let exit = guest.wait();
    CheckError::Qemu { status: exit.status, messages: exit.messages, source: error.into() }
}

/// Asks for the screen; whether it was written.
fn take_screenshot(qmp: &mut Qmp, cancel: &Cancel) -> bool {
    let arguments = json!({ "filename": screenshot_file(), "format": "png" });
    qmp.execute("screendump", &arguments, cancel).is_ok()
}

#[derive(Debug)]
enum Trouble {
    Qmp(QmpError),
    Io(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What takes the bytes of one port.
type Port = fn(&mut Classifier, &[u8], &mut dyn FnMut(&str));

/// Follows one guest.
struct Watch {
    ends: Ends,
    classifier: Classifier,
    log: Log,
    start: Instant,
    /// When the guest last wrote something.
    heard: Instant,
}

struct Log {
    file: File,
    room: usize,
}

impl Log {
    fn line(&mut self, line: &str) -> io::Result<()> {
        if line.trim().is_empty() || line.len() >= self.room {
            return Ok(());
        }
        self.room -= line.len() + 1;
        writeln!(self.file, "{line}")
    }
}

impl Watch {
    /// Until there is a finding (`None`) or another end.
    fn until_verdict(
        &mut self,
        qmp: &mut Qmp,
        patience: Patience,
        cancel: &Cancel,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<Option<End>, Trouble> {
        loop {
            let running = self.step(qmp, on_line)?;
            if self.classifier.finding().is_some() {
                return Ok(None);
            }
            if !running {
                let reason = qmp.stopped().unwrap_or("QEMU ended").to_owned();
                return Ok(Some(End::Stopped(reason)));
            }
            if cancel.is_cancelled() {
                return Err(Trouble::Qmp(QmpError::Cancelled));
            }
            if let Some(end) = self.out_of_patience(patience) {
                return Ok(Some(end));
            }
        }
    }

    fn out_of_patience(&self, patience: Patience) -> Option<End> {
        let elapsed = self.start.elapsed();
        if elapsed >= patience.bootloader && self.classifier.stage() < Stage::Bootloader {
            return Some(End::NoBootloader(patience.bootloader.as_secs()));
        }
        if self.heard.elapsed() >= patience.silence {
            return Some(End::Silence(patience.silence.as_secs()));
        }
        (elapsed >= patience.verdict).then_some(End::TimeIsUp(patience.verdict.as_secs()))
    }

    /// Lets the guest finish its sentence; whether it still runs.
    fn settle(
        &mut self,
        qmp: &mut Qmp,
        end: Option<&End>,
        cancel: &Cancel,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<bool, Trouble> {
        if let Some(end) = end {
            return Ok(!matches!(end, End::Stopped(_)));
        }
        let start = Instant::now();
        while start.elapsed() < SETTLE && !cancel.is_cancelled() {
            if !self.step(qmp, on_line)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits up to a tick and takes what there is; whether the machine still runs.
    fn step(&mut self, qmp: &mut Qmp, on_line: &mut dyn FnMut(&str)) -> Result<bool, Trouble> {
        let control = {
            let Ends { serial, screen, .. } = &self.ends;
            let mut fds = [serial.as_fd(), screen.as_fd(), qmp.as_fd()]
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
            match poll(&mut fds, Some(&TICK)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(io::Error::from(errno).into()),
            }
            !fds[2].revents().is_empty()
        };
        let running = self.read_ports(on_line)?;
        if control {
            match qmp.take_events() {
                Ok(()) => {}
                Err(QmpError::Closed) => return Ok(false),
                Err(error) => return Err(Trouble::Qmp(error)),
            }
        }
        Ok(running)
    }

    fn read_ports(&mut self, on_line: &mut dyn FnMut(&str)) -> io::Result<bool> {
        let mut buffer = [0_u8; 16 << 10];
        if let Read::Bytes(count) = read(&self.ends.screen, &mut buffer)? {
            self.take(&buffer[..count], Classifier::screen, on_line)?;
        }
        let count = match read(&self.ends.serial, &mut buffer)? {
            Read::Bytes(count) => count,
            Read::Nothing => return Ok(true),
            Read::End => return Ok(false),
        };
        self.take(&buffer[..count], Classifier::serial, on_line)?;
        Ok(true)
    }

    fn take(&mut self, bytes: &[u8], port: Port, on_line: &mut dyn FnMut(&str)) -> io::Result<()> {
        self.heard = Instant::now();
        let log = &mut self.log;
        let mut written = Ok(());
        port(&mut self.classifier, bytes, &mut |line| {
            on_line(line);
            if written.is_ok() {
                written = log.line(line);
            }
        });
        written
    }
}
