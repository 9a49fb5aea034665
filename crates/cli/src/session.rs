//! A running operation of the engine: progress on the screen, and Ctrl-C.

use std::sync::Arc;

use lbuild_engine::{Cancel, Event, Observer};

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::interrupt::{Interrupt, Kept};
use crate::progress::{self, Renderer};

/// Shows progress from its start to its end.
pub struct Session {
    renderer: Arc<dyn Renderer>,
    cancel: Cancel,
    _interrupt: Interrupt,
}

impl Session {
    /// Listens for Ctrl-C and prints the title.
    pub fn start(context: &Context, title: &str) -> Result<Self, Failure> {
        let failed = |error| Failure::because(Exit::Build, "cannot listen for signals", &error);
        let signals = Kept::new().map_err(failed)?;
        let renderer: Arc<dyn Renderer> = Arc::from(progress::start(context.progress(), title));
        let cancel = Cancel::new();
        let interrupt = signals.listen(cancel.clone(), Arc::clone(&renderer)).map_err(failed)?;
        Ok(Self { renderer, cancel, _interrupt: interrupt })
    }

    /// The request to stop that Ctrl-C makes.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Runs an operation of the engine and takes the progress away when it ends.
    pub fn run<T>(&self, operation: impl FnOnce(&Observer<'_>) -> T) -> T {
        let renderer = Arc::clone(&self.renderer);
        let events = move |event: Event| renderer.event(&event);
        let result = operation(&Observer { events: &events, cancel: &self.cancel });
        self.renderer.finish();
        result
    }
}
