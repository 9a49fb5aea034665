//! Turns signals into a request to stop. The first Ctrl-C asks, the second one ends the process at once; the kernel
//! then ends everything that runs in the sandbox.

use std::io;
use std::sync::Arc;
use std::thread;

use lbuild_engine::Cancel;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::failure::Exit;
use crate::progress::Renderer;

/// Ctrl-C and requests to end, kept from now on for the one who will listen. It comes before the first output, since
/// whoever sees that may stop the program.
pub struct Kept(Signals);

/// Listens until it is dropped.
pub struct Interrupt {
    handle: Handle,
}

impl Kept {
    /// Keeps signals from now on.
    pub fn new() -> io::Result<Self> {
        Signals::new([SIGINT, SIGTERM, SIGHUP]).map(Self)
    }

    /// Passes on what has come and what will.
    pub fn listen(self, cancel: Cancel, renderer: Arc<dyn Renderer>) -> io::Result<Interrupt> {
        let Self(mut signals) = self;
        let handle = signals.handle();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for _ in signals.forever() {
                if cancel.is_cancelled() {
                    renderer.finish();
                    std::process::exit(i32::from(Exit::Interrupted as u8));
                }
                cancel.cancel();
                renderer.note("stopping; Ctrl-C again ends it at once");
            }
        })?;
        Ok(Interrupt { handle })
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.handle.close();
    }
}
