//! The initramfs: keyed by what it is made from, so that most changes of a system leave it alone.

use lbuild_sandbox::{Root, Spec};
use lbuild_store::{Output, OutputRef};

use super::Bench;
use super::talk::Single;
use super::tasks::{agent, script_env};
use crate::agent::{GenerateInput, GenerateReport, InputsReport, name};
use crate::error::BuildError;
use crate::run::Made;

/// Finds what the generator can read.
pub(super) fn inputs(bench: &Bench<'_>) -> Result<Made, BuildError> {
    let root = Root::ReadOnly { lowers: bench.layers()? };
    let report: InputsReport = Single::run(bench, Spec::new(root, agent(name::INITRAMFS_INPUTS, &())))?;
    let text = format!("{} over {} files\n", report.digest, report.files);
    let blob = bench.store().blobs().put_bytes(text.as_bytes()).map_err(BuildError::Store)?;
    let output = Output { name: "inputs".to_owned(), reference: OutputRef::Blob(blob) };
    Ok(Made { outputs: vec![output], data: serde_json::Value::Null, size: None })
}

/// Generates it.
pub(super) fn generate(bench: &Bench<'_>) -> Result<Made, BuildError> {
    let input = GenerateInput { env: script_env(bench.workshop.lock.epoch), seal: bench.sealing() };
    bench.make_tree(|draft| {
        let spec = Spec::new(draft.root(), agent(name::INITRAMFS, &input));
        let report: GenerateReport = Single::run(bench, spec)?;
        serde_json::to_value(report).map_err(|error| bench.jobs().sandbox(error))
    })
}
