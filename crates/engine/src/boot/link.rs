//! The connections between a check and its machine.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use super::accel::{Acceleration, open_kvm};
use super::machine::Wires;

/// Our ends of the machine's ports.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) serial: UnixStream,
    pub(super) screen: UnixStream,
    pub(super) control: UnixStream,
}

/// Connects a machine that boots `image` and writes its screenshot to `screenshot`.
pub(super) fn connect(
    image: OwnedFd,
    screenshot: OwnedFd,
    acceleration: &Acceleration,
) -> io::Result<(Wires, Ends)> {
    let kvm = if *acceleration == Acceleration::Kvm { Some(open_kvm()?) } else { None };
    let (serial, machine_serial) = UnixStream::pair()?;
    let (screen, machine_screen) = UnixStream::pair()?;
    let (control, machine_control) = UnixStream::pair()?;
    serial.set_nonblocking(true)?;
    screen.set_nonblocking(true)?;
    let wires = Wires {
        image,
        serial: machine_serial.into(),
        screen: machine_screen.into(),
        control: machine_control.into(),
        screenshot,
        kvm,
    };
    Ok((wires, Ends { serial, screen, control }))
}

/// A file that takes a screenshot nobody wants.
pub(super) fn no_screenshot() -> io::Result<OwnedFd> {
    Ok(OpenOptions::new().write(true).open("/dev/null")?.into())
}

/// What a read of a port gave.
pub(super) enum Read {
    Bytes(usize),
    Nothing,
    End,
}

/// Reads a port that does not block. A machine that died without reading everything resets the connection.
pub(super) fn read(mut port: &UnixStream, buffer: &mut [u8]) -> io::Result<Read> {
    match port.read(buffer) {
        Ok(0) => Ok(Read::End),
        Ok(count) => Ok(Read::Bytes(count)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(Read::Nothing),
            io::ErrorKind::ConnectionReset => Ok(Read::End),
            _ => Err(error),
        },
    }
}
