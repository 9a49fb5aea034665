//! Framed messages over a stream socket, with descriptors on the side.
//!
//! A frame is a little-endian `u32` length and that many bytes. Descriptors travel with the first byte of a frame.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

/// Largest message in bytes; a longer one is refused by the sender and breaks the connection at the receiver.
pub const MAX_MESSAGE: usize = 16 << 20;

/// Most descriptors in one message (the kernel's limit is 253).
pub const MAX_FDS: usize = 250;

/// A message and the descriptors that came with it.
#[derive(Debug)]
pub struct Message {
    /// The content.
    pub bytes: Vec<u8>,
    /// The descriptors.
    pub fds: Vec<OwnedFd>,
}

/// One end of a two-way connection between a caller and its agent. Can be shared between threads: a message is
/// sent and received whole.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
    take_fds: bool,
    sending: Mutex<()>,
    receiving: Mutex<()>,
}

impl Channel {
    /// Two connected ends. The first does not accept descriptors: it is for the side that must not trust the other.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        Ok((Self::new(ours, false), theirs))
    }

    pub(crate) fn new(socket: OwnedFd, take_fds: bool) -> Self {
        Self { socket, take_fds, sending: Mutex::default(), receiving: Mutex::default() }
    }

    /// Sends one message; waits while the other side is behind.
    ///
    /// # Errors
    /// `BrokenPipe` when the other side is gone, `InvalidInput` for more than [`MAX_MESSAGE`] bytes.
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.send_with(bytes, &[])
    }

    /// Sends one message with at most [`MAX_FDS`] descriptors, which the other side gets as its own.
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub fn send_with(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        if bytes.len() > MAX_MESSAGE || fds.len() > MAX_FDS {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "message too large"));
        }
        let _turn = self.sending.lock().map_err(poisoned)?;
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?.to_le_bytes();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            ancillary.push(SendAncillaryMessage::ScmRights(fds));
        }
        let (mut header, mut body) = (length.as_slice(), bytes);
        while !header.is_empty() || !body.is_empty() {
            let parts = [IoSlice::new(header), IoSlice::new(body)];
            let sent = retry(|| sendmsg(&self.socket, &parts, &mut ancillary, SendFlags::NOSIGNAL))?;
            ancillary.clear();
            let of_header = sent.min(header.len());
            header = &header[of_header..];
            body = &body[sent - of_header..];
        }
        Ok(())
    }

    /// Waits for the next message; `None` when the other side has closed its end.
    ///
    /// # Errors
    /// `InvalidData` when the other side breaks the framing.
    pub fn recv(&self) -> io::Result<Option<Message>> {
        let _turn = self.receiving.lock().map_err(poisoned)?;
        let mut header = [0_u8; 4];
        let mut fds = Vec::new();
        if !self.fill(&mut header, &mut fds)? {
            return Ok(None);
        }
        let length = u32::from_le_bytes(header) as usize;
        if length > MAX_MESSAGE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "message too large"));
        }
        let mut bytes = vec![0_u8; length];
        if length > 0 && !self.fill(&mut bytes, &mut fds)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(Message { bytes, fds }))
    }

    /// Tells the other side that no more messages will come; it can still send.
    pub fn finish(&self) {
        // The other side may be gone already, and then it has nothing to be told.
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Write);
    }

    /// Closes this process's copy of the socket, in a child that must not keep its parent's connection open and that
    /// ends without running destructors.
    pub(crate) fn close_copy(&self) {
        let fd = self.socket.as_raw_fd();
        // It is open, which is all that closing needs.
        let _ = crate::sys::close_range(fd, fd);
    }

    /// Fills `buffer`; false when the stream ended before its first byte.
    fn fill(&self, buffer: &mut [u8], fds: &mut Vec<OwnedFd>) -> io::Result<bool> {
        let mut filled = 0;
        while filled < buffer.len() {
            let rest = &mut buffer[filled..];
            match self.receive(rest, fds)? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => filled += count,
            }
        }
        Ok(true)
    }

    fn receive(&self, buffer: &mut [u8], fds: &mut Vec<OwnedFd>) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let space = if self.take_fds { &mut space[..] } else { &mut [] };
        let mut ancillary = RecvAncillaryBuffer::new(space);
        let got = retry(|| {
            recvmsg(&self.socket, &mut [IoSliceMut::new(buffer)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)
        });
        let got = match got {
            Err(rustix::io::Errno::CONNRESET) => return Ok(0),
            other => other?,
        };
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                fds.extend(received);
            }
        }
        Ok(got.bytes)
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            other => return other,
        }
    }
}

fn poisoned<T>(_: std::sync::PoisonError<T>) -> io::Error {
    io::Error::other("another user of the channel panicked")
}
