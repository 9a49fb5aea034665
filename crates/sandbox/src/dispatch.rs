//! The entry of the supervisor process.

use std::os::fd::AsFd;

use crate::agent::Agent;
use crate::channel::Channel;
use crate::supervisor;
use crate::sys;
use crate::wire::SUBCOMMAND;

/// Must be the first call of `main`, before any thread exists. Returns when the program was not started as a sandbox
/// supervisor; otherwise does the supervisor's work and exits.
///
/// `agents` are the functions that [`crate::Task::Agent`] can name.
pub fn dispatch(agents: &[Agent]) {
    if std::env::args_os().nth(1).is_none_or(|argument| argument != SUBCOMMAND) {
        return;
    }
    // Whatever the caller left open is not for this process.
    if sys::close_range(3, i32::MAX).is_err() {
        std::process::exit(2);
    }
    let status = match std::io::stdin().as_fd().try_clone_to_owned() {
        Ok(socket) => supervisor::serve(&Channel::new(socket, true), agents),
        Err(_) => 2,
    };
    std::process::exit(status);
}
