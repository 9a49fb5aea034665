//! Shows the events of a build on standard error. One interface, four ways to show:
//!
//! | module | shows |
//! |---|---|
//! | [`interactive`] | lines that are drawn over: running steps, bars, times |
//! | [`plain`] | one line per thing that happened, for logs |
//! | [`json`] | one JSON object per event |
//! | (quiet) | warnings only, by the plain renderer |

mod echo;
mod interactive;
mod json;
mod plain;

use lbuild_engine::Event;

use crate::arguments::ProgressMode;
use crate::terminal::Terminal;

/// Shows events. Called from any thread.
pub trait Renderer: Sync + Send {
    /// Something happened.
    fn event(&self, event: &Event);

    /// Says something that is no event, such as that a build is being stopped.
    fn note(&self, text: &str);

    /// Takes away what was drawn, so that the result can be printed. Called once, at the end.
    fn finish(&self);
}

/// What a renderer needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How to show.
    pub mode: ProgressMode,
    /// What the terminal can show.
    pub terminal: Terminal,
    /// Also the lines that programs in the sandbox print.
    pub verbose: bool,
}

impl Options {
    /// The mode, with `auto` decided.
    pub fn resolved(self) -> ProgressMode {
        match self.mode {
            ProgressMode::Auto if self.terminal.interactive => ProgressMode::Tty,
            ProgressMode::Auto => ProgressMode::Plain,
            mode => mode,
        }
    }
}

/// Starts to show something, under a title such as `building debian-live`.
pub fn start(options: Options, title: &str) -> Box<dyn Renderer> {
    match options.resolved() {
        ProgressMode::Tty => Box::new(interactive::Interactive::start(options, title)),
        ProgressMode::Json => Box::new(json::Json::start(title)),
        ProgressMode::Quiet => Box::new(plain::Plain::quiet(options.terminal.stderr)),
        ProgressMode::Plain | ProgressMode::Auto => {
            Box::new(plain::Plain::start(options.terminal.stderr, options.verbose, title))
        }
    }
}
