//! The gate that no artifact passes with host keys, caches or foreign owners.

use lbuild_image::hygiene::{Privileged, Rule};
use lbuild_sandbox::{Root, Spec};

use super::Bench;
use super::talk::Single;
use super::tasks::agent;
use crate::agent::{GateInput, GateReport, Installed, PrivilegedPrograms, name};
use crate::error::BuildError;
use crate::plan::Step;
use crate::run::Made;

/// The steps that install packages, lowest first.
const PACKAGES: [Step; 3] = [Step::Core, Step::Base, Step::Packages];

/// Fails when the finished tree holds what no image may hold.
pub(super) fn check(bench: &Bench<'_>) -> Result<Made, BuildError> {
    let root = Root::ReadOnly { lowers: bench.layers()? };
    let installed = bench.workshop.lock.system.iter().map(|package| Installed {
        name: package.name.clone(),
        arch: package.arch.clone(),
        version: package.version.clone(),
    });
    let layers = privileged(bench)?;
    let mut policy = bench.policy();
    policy.privileged = layers.iter().flat_map(|(_, programs)| programs.brought.clone()).collect();
    policy.declared.clone_from(&bench.workshop.settings.declared);
    let input = GateInput { policy, installed: installed.collect() };
    let report: GateReport = Single::run(bench, Spec::new(root, agent(name::HYGIENE, &input)))?;
    if report.violations.is_empty() {
        return Ok(Made::default());
    }
    let lines = report.violations.iter().map(|violation| {
        let line = format!("{} {}", violation.path, violation.reason);
        match violation.rule {
            Rule::PrivilegedProgram => {
                format!("{line}, {}", origin(&violation.path, &layers, &input.policy.privileged))
            }
            _ => line,
        }
    });
    Err(BuildError::Hygiene(lines.collect()))
}

/// Each package layer with the programs that it was left with, lowest first.
type Layers = Vec<(Step, PrivilegedPrograms)>;

fn privileged(bench: &Bench<'_>) -> Result<Layers, BuildError> {
    let records = PACKAGES.iter().filter_map(|step| Some((*step, bench.done.get(*step)?.data)));
    records
        .map(|(step, data)| match serde_json::from_value(data) {
            Ok(programs) => Ok((step, programs)),
            Err(error) => Err(bench.jobs().sandbox(error)),
        })
        .collect()
}

/// Where a program that no package brought comes from, and what to do about it.
fn origin(path: &str, layers: &Layers, known: &[Privileged]) -> String {
    let strange = |program: &Privileged| {
        path.strip_prefix('/') == Some(program.path.as_str()) && !known.contains(program)
    };
    match layers.iter().find(|(_, programs)| programs.others.iter().any(strange)) {
        Some((step, _)) => format!("made by the script of a package in layer `{}`: leave that package out", step.name()),
        None => "made after the packages were installed: let no script make it, or declare it in `files` of the spec with \
                 its mode"
            .to_owned(),
    }
}
