//! Outlines of the core's kernel modules: made while the core is set up, read by `depmod` and by the generator of the
//! initramfs, gone with the build.
//!
//! They are no input of a step. Each stands for the module that it was made of, which is an input, and the output is the
//! same without them; so they are used only where every module has the digest that its outline was made of. No script
//! of a package runs where they can be written.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use lbuild_sandbox::{Mount, Root, Spec};

use super::Bench;
use super::pack::Workplace;
use super::talk::Single;
use super::tasks::agent;
use crate::agent::{OUTLINED, OutlinesInput, OutlinesReport, SPACE, is_module, name};
use crate::error::BuildError;
use crate::plan::Step;

/// Where the job sees the tree; every Debian system has this empty directory.
const TREE: &str = "/mnt";

/// The outlines of this build, once they are made.
#[derive(Default)]
pub(crate) struct Outlines(Mutex<Option<Made>>);

struct Made {
    /// Has no name any more, and is open for reading only.
    file: File,
    /// What the modules were, as the inputs of the initramfs have it.
    list: String,
}

impl Outlines {
    /// The outlines, if each was made of the module that these inputs of the initramfs name, and none is missing.
    pub(super) fn of(&self, inputs: &str) -> io::Result<Option<File>> {
        let modules = inputs.lines().filter(|line| {
            let path = line.split_once("  /").map_or("", |(_, path)| path);
            is_module(path)
        });
        let made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let made = made.as_ref().filter(|made| made.list.lines().eq(modules));
        made.map(|made| made.file.try_clone()).transpose()
    }
}

/// Makes the outlines of a tree that is being installed.
pub(super) struct Outliner {
    tree: PathBuf,
}

impl Outliner {
    /// `None` when this step installs no kernel.
    pub(super) fn new(bench: &Bench<'_>, tree: PathBuf) -> Option<Self> {
        (bench.step == Step::Core && bench.workshop.lock.has_kernel()).then_some(Self { tree })
    }

    /// Where the job that installs unpacks them.
    pub(super) fn space() -> Mount {
        Mount::Tmpfs { target: PathBuf::from(OUTLINED), size: SPACE }
    }

    /// Makes the outlines and keeps them for the build. What goes wrong is in the log of the job and no failure of the
    /// build: everything works without them.
    pub(super) fn make(&self, bench: &Bench<'_>) -> Option<File> {
        let (file, report) = self.run(bench).ok()?;
        let list = report.list?;
        let made = Made { file: file.try_clone().ok()?, list };
        *bench.workshop.outlines.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        Some(file)
    }

    fn run(&self, bench: &Bench<'_>) -> Result<(File, OutlinesReport), BuildError> {
        let place = Workplace::new(bench)?;
        let (write, read) = unnamed(&place).map_err(|error| bench.jobs().sandbox(error))?;
        let input = OutlinesInput { tree: PathBuf::from(TREE) };
        let mut spec = Spec::new(Root::Directory { tree: place.work() }, agent(name::OUTLINES, &input));
        spec.mounts.push(Mount::Tree { lowers: vec![self.tree.clone()], target: PathBuf::from(TREE) });
        spec.fds.push(write.into());
        Ok((read, Single::run(bench, spec)?))
    }
}

/// A new file without a name, open for writing and for reading.
fn unnamed(place: &Workplace) -> io::Result<(File, File)> {
    let path = place.file("outlines");
    let files = (File::create_new(&path)?, File::open(&path)?);
    fs::remove_file(&path)?;
    Ok(files)
}
