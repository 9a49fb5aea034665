//! The initramfs: keyed by what it is made from, so that most changes of a system leave it alone.
//!
//! It is first made from the core, while the rest of the system is installed. When the whole system turns out to give
//! the generator the same to read, as it mostly does, the initramfs of the core is its initramfs.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use lbuild_sandbox::{Mount, Root, Spec};
use lbuild_store::{Output, OutputRef};

use super::Bench;
use super::pack::{IMAGE, Workplace};
use super::talk::Single;
use super::tasks::{agent, script_env};
use crate::agent::{
    GenerateInput, GenerateReport, Generated, InputsInput, InputsReport, Lent, MODULES, SPACE, name,
};
use crate::configure::{Action, Owner as FileOwner};
use crate::error::BuildError;
use crate::plan::Step;
use crate::run::Made;

/// Where the job sees the core alone; every Debian system has this empty directory.
const CORE: &str = "/mnt";

/// Where the generator's job sees the system with its modules as they are.
const PACKED: &str = "/run/lbuild/system";

/// The output that lists what the generator can read.
const INPUTS: &str = "inputs";

/// Where the job sees the tools.
const TOOLS: &str = "/run/lbuild/tools";

/// The compressor that the generator prefers. Systems need not have it, so it comes from the tools.
const COMPRESSOR: &str = "zstd";

/// Level for it: the modules are compressed already, so a higher one only takes longer.
const LEVEL: &str = "3";

/// Finds what the generator can read.
pub(super) fn inputs(bench: &Bench<'_>) -> Result<Made, BuildError> {
    let layers = layers(bench)?;
    let core = bench.tree_of(Step::Core)?.filter(|_| layers.len() > 1);
    let input = InputsInput { core: core.is_some().then(|| PathBuf::from(CORE)) };
    let mut spec = Spec::new(Root::ReadOnly { lowers: layers }, agent(name::INITRAMFS_INPUTS, &input));
    spec.mounts.extend(core.map(|core| Mount::Tree { lowers: vec![core], target: PathBuf::from(CORE) }));
    let report: InputsReport = Single::run(bench, spec)?;
    let blob = bench.store().blobs().put_bytes(report.list.as_bytes()).map_err(BuildError::Store)?;
    let output = Output { name: INPUTS.to_owned(), reference: OutputRef::Blob(blob) };
    Ok(Made { outputs: vec![output], ..Made::default() })
}

/// Generates it, in a copy of the tree that is then thrown away.
pub(super) fn generate(bench: &Bench<'_>) -> Result<Made, BuildError> {
    if let Some(outlines) = outlines(bench)?
        && let Some(made) = generate_from(bench, Some(outlines))?
    {
        return Ok(made);
    }
    let made = generate_from(bench, None)?;
    made.ok_or_else(|| bench.jobs().sandbox(io::Error::other("the generator made nothing")))
}

/// The outlines of exactly the modules that are here.
fn outlines(bench: &Bench<'_>) -> Result<Option<File>, BuildError> {
    let step = if bench.step == Step::CoreInitramfs { Step::CoreInputs } else { Step::InitramfsInputs };
    let Some(inputs) = bench.done.get(step).and_then(|record| record.blob(INPUTS)) else { return Ok(None) };
    let mut list = String::new();
    let mut blob = bench.store().blobs().open(inputs.digest).map_err(BuildError::Store)?;
    blob.read_to_string(&mut list).map_err(|error| bench.jobs().sandbox(error))?;
    bench.workshop.outlines.of(&list).map_err(|error| bench.jobs().sandbox(error))
}

/// Generates it with outlines in the place of the modules; `None` when that is nothing for this generator.
fn generate_from(bench: &Bench<'_>, outlines: Option<File>) -> Result<Option<Made>, BuildError> {
    let mut env = script_env(bench.workshop.lock.epoch);
    env.push(("COMPRESSLEVEL".to_owned(), LEVEL.to_owned()));
    let place = Workplace::new(bench)?;
    let path = place.file("initrd.img");
    let out = File::create_new(&path).map_err(|error| bench.jobs().sandbox(error))?;
    let system = layers(bench)?;
    let root = Root::Overlay { lowers: system.clone(), upper: place.work(), work: place.file("overlay") };
    let tools = tools(bench)?;
    let lent = tools.as_ref().map(|_| Lent { tools: PathBuf::from(TOOLS), program: COMPRESSOR.to_owned() });
    let packed = outlines.as_ref().map(|_| PathBuf::from(PACKED));
    let mut spec =
        Spec::new(root, agent(name::INITRAMFS, &GenerateInput { env, lent, packed: packed.clone() }));
    spec.mounts.extend(tools);
    spec.fds.push(out.into());
    if let (Some(target), Some(outlines)) = (packed, outlines) {
        spec.mounts.push(Mount::Tree { lowers: system, target });
        spec.mounts.push(Mount::Tmpfs { target: Path::new("/").join(MODULES), size: SPACE });
        spec.fds.push(outlines.into());
    }
    let report: GenerateReport = Single::run(bench, spec)?;
    let GenerateReport::Generated(generated) = report else {
        return Ok(None);
    };
    let blob = bench.adopt(&path)?;
    let output = Output { name: IMAGE.to_owned(), reference: OutputRef::Blob(blob) };
    let data = serde_json::to_value(generated).map_err(|error| bench.jobs().sandbox(error))?;
    Ok(Some(Made { outputs: vec![output], data, size: Some(blob.size), ..Made::default() }))
}

/// The core alone for its own initramfs, else the whole system.
fn layers(bench: &Bench<'_>) -> Result<Vec<PathBuf>, BuildError> {
    match bench.step {
        Step::CoreInputs | Step::CoreInitramfs => Ok(bench.tree_of(Step::Core)?.into_iter().collect()),
        _ => bench.layers_below(Step::BootFiles),
    }
}

/// The tools, when the compressor is one of them.
fn tools(bench: &Bench<'_>) -> Result<Option<Mount>, BuildError> {
    let lock = bench.workshop.lock;
    let tree = bench.tree_of(Step::Tools)?.filter(|_| lock.tools.iter().any(|tool| tool.name == COMPRESSOR));
    Ok(tree.map(|tree| Mount::Tree { lowers: vec![tree], target: PathBuf::from(TOOLS) }))
}

/// What the generator made.
pub(super) fn generated(bench: &Bench<'_>) -> Result<Generated, BuildError> {
    let record = bench.done.get(Step::Initramfs);
    let record = record.ok_or_else(|| bench.jobs().sandbox(io::Error::other("there is no initramfs")))?;
    serde_json::from_value(record.data).map_err(|error| bench.jobs().sandbox(error))
}

/// Puts it into the tree, as the generator would have.
pub(super) fn place(bench: &Bench<'_>) -> Result<Made, BuildError> {
    let generated = generated(bench)?;
    let record = bench.done.get(Step::Initramfs).and_then(|record| record.blob(IMAGE));
    let image = record.ok_or_else(|| bench.jobs().sandbox(io::Error::other("there is no initramfs")))?;
    let action = Action::WriteBlob {
        path: format!("/boot/initrd.img-{}", generated.kernel),
        digest: image.digest,
        mode: 0o644,
        owner: FileOwner::root(),
    };
    super::configure::apply(bench, &[("initramfs".to_owned(), vec![action])])
}
