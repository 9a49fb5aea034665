//! Configuration, overlay files and post-install scripts: actions that an agent carries out on the tree.

use lbuild_sandbox::Spec;

use super::Bench;
use super::talk::Single;
use super::tasks::{agent, script_env};
use crate::agent::{ApplyInput, name};
use crate::configure::Action;
use crate::error::BuildError;
use crate::run::Made;

/// Carries out groups of actions in a layer of their own.
pub(super) fn apply(bench: &Bench<'_>, groups: &[(String, Vec<Action>)]) -> Result<Made, BuildError> {
    let input = ApplyInput {
        groups: groups.to_vec(),
        env: script_env(bench.workshop.lock.epoch),
        seal: bench.sealing(),
    };
    bench.make_tree(|draft| {
        let spec = Spec::new(draft.root(), agent(name::APPLY, &input));
        Single::follow(bench, spec).map(|_| serde_json::Value::Null)
    })
}
