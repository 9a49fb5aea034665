//! The gate that no artifact passes with host keys, caches or foreign owners.

use lbuild_sandbox::{Root, Spec};

use super::Bench;
use super::talk::Single;
use super::tasks::agent;
use crate::agent::{GateInput, GateReport, Installed, name};
use crate::error::BuildError;
use crate::run::Made;

/// Fails when the finished tree holds what no image may hold.
pub(super) fn check(bench: &Bench<'_>) -> Result<Made, BuildError> {
    let root = Root::ReadOnly { lowers: bench.layers()? };
    let installed = bench.workshop.lock.system.iter().map(|package| Installed {
        name: package.name.clone(),
        arch: package.arch.clone(),
        version: package.version.clone(),
    });
    let input = GateInput { policy: bench.policy(), installed: installed.collect() };
    let report: GateReport = Single::run(bench, Spec::new(root, agent(name::HYGIENE, &input)))?;
    if report.violations.is_empty() {
        return Ok(Made::default());
    }
    let lines = report.violations.iter().map(|violation| format!("{} {}", violation.path, violation.reason));
    Err(BuildError::Hygiene(lines.collect()))
}
