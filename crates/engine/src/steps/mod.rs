//! How each step makes its output.

mod boot;
mod configure;
mod hygiene;
mod initramfs;
mod install;
mod outlines;
mod pack;
mod talk;
mod tasks;
mod tree;

use std::path::Path;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use lbuild_image::exclude::Excludes;
use lbuild_image::hygiene::{Declared, Policy, Scope};
use lbuild_sandbox::Launcher;
use lbuild_spec::Blueprint;
use lbuild_spec::blueprint::{Algorithm, Compression};
use lbuild_store::{BlobRef, Cancel, Digest, Store};

use crate::agent::Seal;
use crate::configure::{Action, Probe};
use crate::engine::Engine;
use crate::error::BuildError;
use crate::event::Observer;
use crate::job::{Jobs, Witness};
use crate::lock::Lock;
use crate::mirror::Mirrors;
use crate::plan::Step;
use crate::publish::Publisher;
use crate::report::BootReport;
use crate::run::{Done, Execute, Made};

pub(crate) use outlines::Outlines;
pub(crate) use pack::IMAGE;
pub(crate) use tree::TREE;

/// Everything that steps share.
pub(crate) struct Workshop<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) launcher: &'a Launcher,
    pub(crate) observer: &'a Observer<'a>,
    pub(crate) settings: Settings,
    pub(crate) lock: &'a Lock,
    pub(crate) mirrors: Mirrors,
    pub(crate) configure: Vec<(String, Vec<Action>)>,
    pub(crate) files: Vec<(String, Vec<Action>)>,
    pub(crate) publisher: &'a Publisher,
    /// What the steps of this build keep of kernel modules.
    pub(crate) outlines: Outlines,
}

/// What steps take from a blueprint besides packages and configuration.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Paths of files that the spec asks for, without leading slash: the hygiene gate lets them pass.
    pub(crate) wanted: Vec<String>,
    /// Files of the spec that run with more rights than their caller.
    pub(crate) declared: Vec<Declared>,
    /// What proves the effect of the configuration.
    pub(crate) probes: Vec<Probe>,
    /// Compression of the live file system.
    pub(crate) compression: Compression,
    /// Kernel parameters.
    pub(crate) parameters: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let compression = Compression { algorithm: Algorithm::Zstd, level: None };
        Self {
            wanted: Vec::new(),
            declared: Vec::new(),
            probes: Vec::new(),
            compression,
            parameters: Vec::new(),
        }
    }
}

impl Settings {
    /// The settings of an image.
    pub(crate) fn of(blueprint: &Blueprint, lock: &Lock) -> Self {
        let files = blueprint.files.iter().map(|file| file.value.path.trim_start_matches('/').to_owned());
        let declared = blueprint.files.iter().map(|file| Declared {
            path: install::merged(file.value.path.trim_start_matches('/')),
            mode: file.value.mode,
        });
        Self {
            declared: declared.filter(|file| file.mode & 0o6000 != 0).collect(),
            wanted: files.chain(crate::configure::wanted(blueprint, lock)).collect(),
            probes: crate::configure::probes(blueprint, lock),
            compression: blueprint.filesystem.compression,
            parameters: blueprint.kernel.parameters.clone(),
        }
    }
}

/// One step being made.
pub(crate) struct Bench<'a> {
    pub(crate) workshop: &'a Workshop<'a>,
    pub(crate) step: Step,
    pub(crate) key: Digest,
    pub(crate) done: &'a Done,
    pub(crate) cancel: &'a Cancel,
    /// When the step began, in seconds since 1970.
    pub(crate) began: i64,
    witness: &'a Witness,
}

impl Execute for Workshop<'_> {
    fn execute(&self, step: Step, key: Digest, done: &Done, cancel: &Cancel) -> Result<Made, BuildError> {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
        let began = i64::try_from(began).unwrap_or(i64::MAX);
        let witness = Witness::default();
        let bench = Bench { workshop: self, step, key, done, cancel, began, witness: &witness };
        let made = make(&bench)?;
        Ok(Made { isolation: witness.isolation(), ..made })
    }
}

fn make(bench: &Bench<'_>) -> Result<Made, BuildError> {
    let workshop = bench.workshop;
    match bench.step {
        Step::Tools | Step::BootTools | Step::Core | Step::Base | Step::Packages => install::make(bench),
        Step::Configure => configure::apply(bench, &workshop.configure),
        Step::Files => configure::apply(bench, &workshop.files),
        Step::CoreInputs | Step::InitramfsInputs => initramfs::inputs(bench),
        Step::CoreInitramfs | Step::Initramfs => initramfs::generate(bench),
        Step::BootFiles => initramfs::place(bench),
        Step::Hygiene => hygiene::check(bench),
        Step::Squashfs => pack::squashfs(bench),
        Step::Rootfs => pack::rootfs(bench),
        Step::Oci => pack::oci(bench),
        Step::BootLoaders => pack::boot_loaders(bench),
        Step::Iso => pack::iso(bench),
        Step::BootCheck => boot::run(bench),
    }
}

/// What the boot check of a build saw.
pub(crate) fn boot_report(done: &Done) -> Option<BootReport> {
    serde_json::from_value(done.get(Step::BootCheck)?.data).ok()
}

impl<'a> Bench<'a> {
    pub(crate) fn store(&self) -> &'a Store {
        &self.workshop.engine.store
    }

    /// Takes a file that the step made on the store's file system into the store.
    pub(crate) fn adopt(&self, path: &Path) -> Result<BlobRef, BuildError> {
        self.workshop.publisher.adopt(self.step, path, self.cancel)
    }

    pub(crate) fn jobs(&self) -> Jobs<'a> {
        Jobs {
            launcher: self.workshop.launcher,
            limits: self.workshop.engine.limits,
            step: self.step,
            observer: self.workshop.observer,
            cancel: self.cancel,
            witness: self.witness,
        }
    }

    /// Threads for work that one job divides.
    pub(crate) fn threads() -> usize {
        thread::available_parallelism().map_or(1, usize::from)
    }

    /// How to leave this step's tree.
    pub(crate) fn sealing(&self) -> Seal {
        let scope = match self.step {
            // What files and scripts of the spec put into the image is theirs to take out again.
            Step::Files | Step::BootFiles => Scope::Byproducts,
            _ => Scope::Everything,
        };
        Seal { epoch: self.workshop.lock.epoch, began: self.began, policy: self.policy(), scope }
    }

    /// What the hygiene gate lets pass.
    pub(crate) fn policy(&self) -> Policy {
        let wanted = self.workshop.settings.wanted.clone();
        // Where the layers lie: the one path of this machine that a mount table inside a job could tell.
        let layers = std::path::absolute(self.store().path().join("trees"));
        let build_strings = layers.iter().map(|layers| layers.display().to_string()).collect();
        Policy { excludes: Excludes::runtime(), build_strings, wanted, ..Policy::default() }
    }
}
