//! What every command needs: the global options and the terminal.

use std::path::PathBuf;

use crate::arguments::Global;
use crate::failure::{Exit, Failure};
use crate::progress;
use crate::terminal::{Style, Terminal};

/// What every command needs.
pub struct Context {
    /// Options of every command.
    pub global: Global,
    /// What the terminal can show.
    pub terminal: Terminal,
}

impl Context {
    /// Colours of the result.
    pub fn style(&self) -> Style {
        self.terminal.stdout
    }

    /// How progress is shown.
    pub fn progress(&self) -> progress::Options {
        progress::Options {
            mode: self.global.progress,
            terminal: self.terminal,
            verbose: self.global.verbose,
        }
    }

    /// The directory of the store.
    pub fn store(&self) -> Result<PathBuf, Failure> {
        let given = self.global.store.clone().filter(|path| !path.as_os_str().is_empty());
        given.or_else(default_store).ok_or_else(|| {
            Failure::new(Exit::Usage, "there is no home directory to keep the store in")
                .hint("name a directory with --store or LBUILD_STORE".to_owned())
        })
    }
}

fn default_store() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("lbuild"))
}
