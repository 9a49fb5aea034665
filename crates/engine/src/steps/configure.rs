//! Configuration, overlay files and post-install scripts: actions that an agent carries out on the tree.

use lbuild_sandbox::Spec;

use super::Bench;
use super::talk::Single;
use super::tasks::{agent, script_env};
use crate::agent::{ApplyInput, name};
use crate::configure::Action;
use crate::error::BuildError;
use crate::plan::Step;
use crate::run::Made;

/// Carries out groups of actions in a layer of their own.
pub(super) fn apply(bench: &Bench<'_>, groups: &[(String, Vec<Action>)]) -> Result<Made, BuildError> {
    let workshop = bench.workshop;
    let probes = match bench.step {
        Step::Configure => workshop.settings.probes.clone(),
        // Files and scripts of the spec may change anything, and nothing says what they are for.
        _ => Vec::new(),
    };
    let input = ApplyInput {
        groups: groups.to_vec(),
        probes,
        env: script_env(workshop.lock.epoch),
        seal: bench.sealing(),
    };
    bench.make_tree(|draft| {
        let mut spec = Spec::new(draft.root(), agent(name::APPLY, &input));
        for digest in groups.iter().flat_map(|(_, actions)| Action::blobs(actions)) {
            spec.fds.push(bench.store().blobs().open(digest).map_err(BuildError::Store)?.into());
        }
        Single::follow(bench, spec).map(|_| serde_json::Value::Null)
    })
}
