//! A guest on the terminal: `lbuild boot` without `--check`.

use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use lbuild_store::Cancel;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};

use super::accel::Acceleration;
use super::link::{Read, connect, no_screenshot, read};
use super::machine::Machine;
use super::run::{Exit, RunQemu, StartError};

/// Ctrl-]: ends the session.
const LEAVE: u8 = 0x1d;

const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// A forgotten guest ends after this time.
const LIMIT: Duration = Duration::from_hours(24);

/// A guest could not be connected to the terminal.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// No process.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A port or the terminal failed.
    #[error("cannot connect the guest to the terminal")]
    Io(#[from] io::Error),
}

/// Boots the image with its serial console on standard input and output, until the guest is switched off, the user
/// types Ctrl-], or `cancel` is raised. `None` means that it was the user.
///
/// # Errors
/// When QEMU cannot be started or the terminal fails.
pub fn attach(
    qemu: &dyn RunQemu,
    image: OwnedFd,
    machine: Machine,
    acceleration: &Acceleration,
    cancel: &Cancel,
) -> Result<Option<Exit>, AttachError> {
    let (wires, ends) = connect(image, no_screenshot()?, acceleration)?;
    let guest = qemu.start(machine.invocation(acceleration, wires), LIMIT)?;
    let raw = RawTerminal::enter()?;
    let ended = relay(&ends.serial, &ends.screen, cancel);
    drop(raw);
    if ended? {
        return Ok(Some(guest.wait()));
    }
    guest.kill();
    guest.wait();
    Ok(None)
}

/// Copies both ways; whether the guest ended.
fn relay(serial: &UnixStream, screen: &UnixStream, cancel: &Cancel) -> io::Result<bool> {
    let (stdin, mut stdout) = (io::stdin(), io::stdout());
    let mut typing = true;
    let mut buffer = [0_u8; 16 << 10];
    while !cancel.is_cancelled() {
        let ready = wait(&[serial.as_fd(), screen.as_fd(), stdin.as_fd()][..if typing { 3 } else { 2 }])?;
        read(screen, &mut buffer)?;
        match read(serial, &mut buffer)? {
            Read::Bytes(count) => {
                stdout.write_all(&buffer[..count])?;
                stdout.flush()?;
            }
            Read::Nothing => {}
            Read::End => return Ok(true),
        }
        if typing && ready.last() == Some(&true) {
            // Not through the buffer of `Stdin`, which `poll` cannot see into.
            let count = rustix::io::read(&stdin, &mut buffer[..1024])?;
            typing = count > 0;
            if buffer[..count].contains(&LEAVE) {
                return Ok(false);
            }
            send(serial, &buffer[..count])?;
        }
    }
    Ok(false)
}

fn wait(ports: &[BorrowedFd<'_>]) -> io::Result<Vec<bool>> {
    let mut fds: Vec<_> = ports.iter().map(|port| PollFd::from_borrowed_fd(*port, PollFlags::IN)).collect();
    match poll(&mut fds, Some(&TICK)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect())
}

/// Types for the user; what a guest does not read is lost, as on a real serial line.
fn send(mut serial: &UnixStream, bytes: &[u8]) -> io::Result<()> {
    match serial.write_all(bytes) {
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::BrokenPipe) => Ok(()),
        result => result,
    }
}

/// A terminal that passes every key to the guest; put back when dropped.
struct RawTerminal(Option<Termios>);

impl RawTerminal {
    fn enter() -> io::Result<Self> {
        let stdin = io::stdin();
        if !isatty(&stdin) {
            return Ok(Self(None));
        }
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Flush, &raw)?;
        Ok(Self(Some(before)))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // The terminal can be gone by now; then there is nothing to put back.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}
