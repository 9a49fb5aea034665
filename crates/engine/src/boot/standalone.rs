//! `lbuild boot`: images that need not have been built here.

use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use lbuild_sandbox::Launcher;
use lbuild_store::{Cancel, Digest, Root};

use super::accel::Acceleration;
use super::attach::attach;
use super::check::{Check, CheckError, Patience, check};
use super::machine::Machine;
use super::report::Report;
use super::run::Exit;
use super::sandboxed::SandboxQemu;
use crate::build::launcher;
use crate::disposal::empty_trash_beside;
use crate::engine::Engine;
use crate::error::BuildError;
use crate::event::{Event, Observer};
use crate::lock::{FORMAT, Lock};
use crate::mirror::Mirrors;
use crate::plan::Step;
use crate::planner;
use crate::publish::Publisher;
use crate::run::Runner;
use crate::steps::{Outlines, Settings, TREE, Workshop};

/// Name of the boot tools among the roots of the store.
const ROOT: &str = "boot";

/// An emulator that is ready to boot images.
#[derive(Debug)]
pub struct Emulator {
    launcher: Launcher,
    tools: PathBuf,
    acceleration: Acceleration,
}

impl Engine {
    /// Makes the emulator ready: its tree, from the store where the store has it, and the choice between KVM and
    /// emulation.
    pub fn emulator(&self, observer: &Observer<'_>) -> Result<Emulator, BuildError> {
        let launcher = launcher()?;
        let make = || self.emulator_tree(&launcher, observer);
        let tools = empty_trash_beside(&self.store, &launcher, observer, make, |_| true)?;
        let qemu = SandboxQemu::new(&launcher, vec![tools.clone()]);
        let acceleration = Acceleration::detect(&qemu, observer.cancel);
        Ok(Emulator { launcher, tools, acceleration })
    }

    fn emulator_tree(&self, launcher: &Launcher, observer: &Observer<'_>) -> Result<PathBuf, BuildError> {
        let packages = self.boot_tools(observer).map_err(|error| BuildError::Resolve(Box::new(error)))?;
        let lock = Lock {
            version: FORMAT,
            name: ROOT.to_owned(),
            base: "debian".to_owned(),
            release: String::new(),
            architecture: "amd64".to_owned(),
            spec: Digest::of(ROOT.as_bytes()),
            epoch: 0,
            index: Vec::new(),
            pins: Vec::new(),
            forced: Vec::new(),
            system: Vec::new(),
            tools: Vec::new(),
            boot: packages,
        };
        let plan = planner::boot_tools(&lock);
        let steps =
            [plan.steps.iter().map(|step| step.step.name()).collect(), vec![Step::BootCheck.name()]].concat();
        observer.emit(Event::Planned { steps: steps.into_iter().map(str::to_owned).collect() });
        let publisher = Publisher::of_nothing(&self.store);
        let workshop = Workshop {
            engine: self,
            launcher,
            observer,
            settings: Settings::default(),
            lock: &lock,
            mirrors: Mirrors::of(None),
            configure: Vec::new(),
            files: Vec::new(),
            publisher: &publisher,
            outlines: Outlines::default(),
        };
        let runner = Runner { plan: &plan, store: &self.store, observer, spec: ROOT, execute: &workshop };
        let (done, _) = runner.run()?;
        let mut objects = done.objects();
        objects.extend(lock.packages().map(|package| package.sha256));
        self.store.roots().put(&Root { spec: ROOT.to_owned(), objects }).map_err(BuildError::Store)?;
        let key = done.get(Step::BootTools).and_then(|record| record.tree(TREE));
        let tree = key.and_then(|key| self.store.trees().get(key));
        Ok(tree.ok_or_else(|| failed(std::io::Error::other("the emulator's tree is gone")))?.root())
    }
}

impl Emulator {
    /// What runs the guests.
    pub fn acceleration(&self) -> &Acceleration {
        &self.acceleration
    }

    /// Boots an image until there is a verdict, and leaves the proof in `out`, which is made when absent.
    pub fn check(
        &self,
        image: File,
        machine: Machine,
        out: &Path,
        observer: &Observer<'_>,
    ) -> Result<Report, BuildError> {
        fs::create_dir_all(out).map_err(|source| BuildError::Output { path: out.to_owned(), source })?;
        let began = Instant::now();
        let (step, title) = (Step::BootCheck.name(), Step::BootCheck.title());
        observer.emit(Event::StepStarted { step: step.to_owned(), title: title.to_owned() });
        let acceleration = self.acceleration.clone();
        let patience = Patience::with(&acceleration);
        let request = Check { image: image.into(), machine, acceleration, patience, out };
        let mut on_line =
            |line: &str| observer.emit(Event::Log { step: step.to_owned(), line: line.to_owned() });
        let report = check(&self.qemu(), request, observer.cancel, &mut on_line)?;
        let seconds = began.elapsed().as_secs_f64();
        observer.emit(Event::StepFinished { step: step.to_owned(), seconds, cached: false, size: None });
        Ok(report)
    }

    /// Boots an image with its serial console on the terminal; `None` when the user left the running guest.
    pub fn attach(&self, image: File, machine: Machine, cancel: &Cancel) -> Result<Option<Exit>, BuildError> {
        attach(&self.qemu(), image.into(), machine, &self.acceleration, cancel).map_err(failed)
    }

    fn qemu(&self) -> SandboxQemu<'_> {
        SandboxQemu::new(&self.launcher, vec![self.tools.clone()])
    }
}

fn failed(source: impl std::error::Error + Send + Sync + 'static) -> BuildError {
    BuildError::Sandbox { step: Step::BootCheck.name().to_owned(), source: Box::new(source) }
}

impl From<CheckError> for BuildError {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Cancelled => Self::Cancelled,
            CheckError::Record { out, source } => Self::Output { path: out.into(), source },
            error => failed(error),
        }
    }
}
