//! What every command needs: the global options and the terminal.

use std::path::PathBuf;

use lbuild_server::artifact::Location;
use lbuild_server::artifact::bucket::{Access, AddressError};

use crate::arguments::Global;
use crate::failure::{Exit, Failure};
use crate::progress;
use crate::settings::Effective;
use crate::terminal::{Style, Terminal};

/// What every command needs.
pub struct Context {
    /// Options of every command.
    pub global: Global,
    /// What the terminal can show.
    pub terminal: Terminal,
    /// Settings of the service as they count, for its commands.
    pub settings: Vec<Effective>,
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
        if let Some(bucket) = self.bucket() {
            let message =
                format!("`{bucket}` keeps the artifacts of a service and not what builds are made of");
            return Err(Failure::new(Exit::Usage, message)
                .hint("name a directory with --store or LBUILD_STORE".to_owned()));
        }
        self.engine_store().or_else(default_store).ok_or_else(|| {
            Failure::new(Exit::Usage, "there is no home directory to keep the store in")
                .hint("name a directory with --store or LBUILD_STORE".to_owned())
        })
    }
}

impl Context {
    /// The directory of the store, when one was named.
    pub fn engine_store(&self) -> Option<PathBuf> {
        let named = self.global.store.clone().filter(|path| !path.as_os_str().is_empty());
        named.filter(|_| self.bucket().is_none())
    }

    /// Where a service keeps artifacts, when that is not its data directory.
    pub fn artifacts(&self) -> Result<Option<Location>, Failure> {
        let Some(text) = self.bucket() else { return Ok(None) };
        let address = text.parse().map_err(|error: AddressError| {
            Failure::from_error(Exit::Usage, &error).hint(
                "buckets have 3 to 63 lower-case letters, digits, `-` and `.`; credentials come from AWS_* variables"
                    .to_owned(),
            )
        })?;
        Ok(Some(Location::Bucket(address, Access::of_process())))
    }

    /// The store, when it is in a bucket.
    fn bucket(&self) -> Option<&str> {
        self.global.store.as_ref()?.to_str().filter(|text| text.contains("://"))
    }
}

fn default_store() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("lbuild"))
}
