//! The engine: what the command line and the service call.

use std::path::PathBuf;
use std::time::Duration;

use lbuild_fetch::{FetchOptions, Fetcher};
use lbuild_repo::resolve::Forced;
use lbuild_sandbox::Limits;
use lbuild_spec::Blueprint;
use lbuild_store::{Cancel, Store};

use crate::error::OpenError;
use crate::lock::Lock;
use crate::mirror;

/// Where an engine keeps things and what it may do.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The content-addressed store, made when absent.
    pub store: PathBuf,
    /// Use nothing but the store.
    pub offline: bool,
    /// Packages that an expert insists on.
    pub force: Vec<Forced>,
    /// Whose addresses specs may name.
    pub reach: Reach,
}

/// What the addresses in a spec (mirrors, package sources) may lead to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reach {
    /// Everything that this machine reaches, and its files: the spec is written by who runs the program.
    #[default]
    Everywhere,
    /// Public addresses and the mirrors that this machine is set up with: strangers write the specs.
    Public,
}

/// What one sandboxed job of a build may use. Memory and processes have limits of the sandbox's own.
#[derive(Debug, Clone, Copy)]
pub struct JobLimits {
    /// Time by the clock.
    pub time: Duration,
    /// Bytes of disk that its writable tree may hold.
    pub disk: u64,
}

impl Default for JobLimits {
    fn default() -> Self {
        let limits = Limits::default();
        Self { time: limits.wall, disk: limits.disk }
    }
}

/// Resolves, locks and builds on one store. Cheap to clone; clones share the store.
#[derive(Clone)]
pub struct Engine {
    pub(crate) limits: JobLimits,
    pub(crate) store: Store,
    pub(crate) fetcher: Fetcher,
    pub(crate) offline: bool,
    pub(crate) force: Vec<Forced>,
}

/// One image to build.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// What to build.
    pub blueprint: Blueprint,
    /// Build exactly this lock instead of resolving.
    pub lock: Option<Lock>,
    /// The output directory, made when absent.
    pub out: PathBuf,
    /// The directory that paths in the spec are relative to.
    pub spec_dir: PathBuf,
    /// Boot the image and keep the proof.
    pub boot_check: bool,
}

impl Engine {
    /// Opens the store, until `cancel` is raised.
    pub fn open(options: &EngineOptions, cancel: &Cancel) -> Result<Self, OpenError> {
        let store = Store::open_unless(&options.store, cancel).map_err(OpenError::Store)?;
        let reach = match options.reach {
            Reach::Everywhere => lbuild_fetch::Reach::Everywhere,
            Reach::Public => lbuild_fetch::Reach::Public { except: mirror::of_machine() },
        };
        let fetch = FetchOptions { offline: options.offline, reach, ..FetchOptions::default() };
        let fetcher = Fetcher::new(store.clone(), fetch).map_err(OpenError::Fetch)?;
        Ok(Self {
            limits: JobLimits::default(),
            store,
            fetcher,
            offline: options.offline,
            force: options.force.clone(),
        })
    }

    /// Limits each job of a build to this.
    #[must_use]
    pub fn with_limits(self, limits: JobLimits) -> Self {
        Self { limits, ..self }
    }

    /// The store, for `lbuild cache`.
    pub fn store(&self) -> &Store {
        &self.store
    }
}
