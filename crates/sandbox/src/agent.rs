//! Functions of ours that run inside the sandbox.

use std::io;
use std::os::fd::OwnedFd;

use crate::channel::{Channel, Message};

/// A function of ours that can be a job's task. It runs in a process of its own, after the sandbox is closed:
/// `/` is the job's root, there is no network and no privilege left. It may start threads.
#[derive(Debug, Clone, Copy)]
pub struct Agent {
    /// What [`crate::Task::Agent`] calls it.
    pub name: &'static str,
    /// The function; its error becomes [`crate::Outcome::AgentFailed`].
    pub run: fn(&mut AgentIo) -> Result<(), String>,
}

/// What an agent gets from its caller.
#[derive(Debug)]
pub struct AgentIo {
    /// The input of [`crate::Task::Agent`].
    pub input: Vec<u8>,
    /// The descriptors of [`crate::Spec`], in the same order.
    pub fds: Vec<OwnedFd>,
    pub(crate) channel: Channel,
}

impl AgentIo {
    /// Sends a message to the caller; see [`Channel::send`].
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.channel.send(bytes)
    }

    /// Waits for the caller's next message, which can bring descriptors; `None` when the caller closed the channel.
    ///
    /// # Errors
    /// As [`Channel::recv`].
    pub fn recv(&self) -> io::Result<Option<Message>> {
        self.channel.recv()
    }

    /// The channel itself, e.g. to share it between threads.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }
}
