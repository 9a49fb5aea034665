//! Keys that are pressed while progress is drawn would move the cursor away from where the next drawing expects it.
//! So the terminal does not show them until the drawing ends. Ctrl-C keeps working.

use std::io::Stderr;

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// The terminal shows no keys until this is dropped.
pub struct Hidden {
    before: Termios,
}

impl Hidden {
    /// Hides keys; nothing where standard error is no terminal, or belongs to another job in the foreground, which
    /// must not be disturbed.
    pub fn start() -> Option<Self> {
        let stderr = std::io::stderr();
        if tcgetpgrp(&stderr).ok()? != getpgrp() {
            return None;
        }
        let before = tcgetattr(&stderr).ok()?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        set(&stderr, &hidden).then_some(Self { before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        set(&std::io::stderr(), &self.before);
    }
}

fn set(stderr: &Stderr, modes: &Termios) -> bool {
    tcsetattr(stderr, OptionalActions::Now, modes).is_ok()
}
