//! A conflict in the form that the command line prints and the service sends: who asked, the facts between the requests,
//! and fixes as changes of the spec.
//!
//! - [`field`]: fixes of what a field of the spec asks for
//! - `fix`: fixes written into the text of a spec

pub mod field;
mod fix;

pub use fix::{FixError, Fixed, fixed};

use lbuild_repo::resolve::{Change, Effect, Fix, Link, Root, Unsatisfiable};
use lbuild_spec::{Blueprint, Origin};
use serde::Serialize;
use serde_json::{Value, json};

use crate::family::Cause;

/// Why no set of packages meets the requests of a spec.
#[derive(Debug, Clone)]
pub struct Conflict {
    /// The resolver's explanation. Its positions are those of its requests, not those of the spec.
    pub reason: Unsatisfiable,
    /// What each of the resolver's requests came from, by position.
    pub causes: Vec<Cause>,
}

/// What `lbuild resolve --json` prints when there is no set.
#[derive(Debug, Serialize)]
pub struct ConflictReport<'a> {
    /// No.
    pub satisfiable: bool,
    /// One sentence.
    pub summary: &'a str,
    /// The requests that clash.
    pub roots: Vec<RootReport<'a>>,
    /// The facts between them.
    pub chain: &'a [Link],
    /// Changes that were tried and work, best first.
    pub fixes: Vec<FixReport<'a>>,
}

/// A request that is part of the reason. One that no line of the spec makes (the base set) has no place.
#[derive(Debug, Serialize)]
pub struct RootReport<'a> {
    /// The request as text.
    pub request: &'a str,
    /// The layer that makes it.
    pub layer: Option<&'static str>,
    /// The file.
    pub file: Option<&'a str>,
    /// The line, from 1.
    pub line: Option<u32>,
}

/// A fix.
#[derive(Debug, Serialize)]
pub struct FixReport<'a> {
    /// What to do, in words.
    pub label: &'a str,
    /// A JSON Patch (RFC 6902) of the effective spec.
    pub patch: Vec<Value>,
    /// What a field that asks for a package means for the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What it changes in the result.
    pub effect: &'a Effect,
}

/// Where a request of the resolver comes from.
#[derive(Debug)]
pub enum Place<'a> {
    /// A line of the spec.
    Line(&'a Origin),
    /// Something that a field asks for, such as the kernel.
    Field(&'static str),
    /// The base set.
    Base,
}

/// Where a request comes from; without a blueprint, of a saved problem, nothing is known of it.
pub fn place<'a>(root: &Root, causes: &[Cause], blueprint: Option<&'a Blueprint>) -> Place<'a> {
    let (Some(index), Some(blueprint)) = (root.index, blueprint) else { return Place::Base };
    if root.removal {
        return blueprint.remove.get(index).map_or(Place::Base, |removal| Place::Line(&removal.origin));
    }
    match causes.get(index) {
        Some(Cause::Spec(index)) => {
            blueprint.packages.get(*index).map_or(Place::Base, |request| Place::Line(&request.origin))
        }
        Some(Cause::Field(field)) => Place::Field(field),
        Some(Cause::Base(_)) => Place::Field("/base"),
        None => Place::Base,
    }
}

impl Conflict {
    /// The conflict of a spec; without a blueprint, that of a saved problem, which no lines belong to.
    pub fn report<'a>(&'a self, blueprint: Option<&'a Blueprint>) -> ConflictReport<'a> {
        let Conflict { reason, causes } = self;
        let root = |root: &'a Root| {
            let origin = match place(root, causes, blueprint) {
                Place::Line(origin) => Some(origin),
                Place::Field(_) | Place::Base => None,
            };
            RootReport {
                request: &root.request,
                layer: origin.map(|origin| origin.layer.key()),
                file: origin.map(|origin| origin.file.as_str()),
                line: origin.map(|origin| origin.line),
            }
        };
        let fix = |fix: &'a Fix| FixReport {
            label: &fix.label,
            patch: patch(&fix.changes, causes, blueprint),
            note: blueprint.and_then(|blueprint| field::note(fix, causes, blueprint)),
            effect: &fix.effect,
        };
        ConflictReport {
            satisfiable: false,
            summary: &reason.summary,
            roots: reason.roots.iter().map(root).collect(),
            chain: &reason.chain,
            fixes: reason.fixes.iter().map(fix).collect(),
        }
    }
}

/// Removals come last and from the back, because each of them moves the positions after it. What a field asks for goes
/// with the field, where the spec sets it.
fn patch(changes: &[Change], causes: &[Cause], blueprint: Option<&Blueprint>) -> Vec<Value> {
    let (removals, others): (Vec<&Change>, Vec<&Change>) =
        changes.iter().partition(|change| is_removal(change));
    let mut removals = removals;
    removals.sort_by_key(|change| std::cmp::Reverse(position(change, causes)));
    let meanings = changes.iter().filter_map(|change| field::of(change, causes, blueprint?));
    let of_fields: Vec<Value> = meanings.flat_map(|(_, meaning)| meaning.patch()).collect();
    let operations = others.into_iter().chain(removals).filter_map(|change| operation(change, causes));
    operations.chain(of_fields).collect()
}

fn is_removal(change: &Change) -> bool {
    matches!(change, Change::DropRequest { .. } | Change::DropRemoval { .. } | Change::DropPin { .. })
}

/// The position in the spec of a request of the resolver.
fn in_spec(index: usize, causes: &[Cause]) -> Option<usize> {
    match causes.get(index) {
        Some(Cause::Spec(index)) => Some(*index),
        Some(Cause::Field(_) | Cause::Base(_)) | None => None,
    }
}

fn position(change: &Change, causes: &[Cause]) -> Option<usize> {
    match change {
        Change::DropRemoval { index } | Change::DropPin { index } => Some(*index),
        Change::DropRequest { index }
        | Change::Rename { index, .. }
        | Change::AnyVersion { index }
        | Change::FromSuite { index, .. } => in_spec(*index, causes),
        Change::LeaveOut { .. } | Change::Enable { .. } => None,
    }
}

fn operation(change: &Change, causes: &[Cause]) -> Option<Value> {
    match change {
        Change::LeaveOut { name } => {
            return Some(json!({"op": "add", "path": "/remove/-", "value": name}));
        }
        Change::Enable { switch } => return enabling(switch),
        _ => {}
    }
    let at = position(change, causes)?;
    Some(match change {
        Change::DropRequest { .. } => json!({"op": "remove", "path": format!("/packages/{at}")}),
        Change::DropRemoval { .. } => json!({"op": "remove", "path": format!("/remove/{at}")}),
        Change::Rename { name, .. } => {
            json!({"op": "replace", "path": format!("/packages/{at}/name"), "value": name})
        }
        Change::AnyVersion { .. } => json!({"op": "remove", "path": format!("/packages/{at}/version")}),
        Change::FromSuite { suite, .. } => {
            json!({"op": "add", "path": format!("/packages/{at}/suite"), "value": suite})
        }
        Change::DropPin { .. } => json!({"op": "remove", "path": format!("/repositories/pins/{at}")}),
        Change::LeaveOut { .. } | Change::Enable { .. } => return None,
    })
}

/// Switches a source on: `component contrib`, `suite trixie-backports`, `keyword ~amd64 for dev-lang/zig`.
fn enabling(switch: &str) -> Option<Value> {
    let (kind, name) = switch.split_once(' ')?;
    if kind == "component" {
        return Some(json!({"op": "add", "path": "/repositories/components/-", "value": name}));
    }
    if let Some((field, value)) = field::acceptance(switch) {
        return Some(json!({"op": "add", "path": format!("/repositories/{field}/-"), "value": value}));
    }
    let (_, suite) = name.rsplit_once('-')?;
    Some(json!({"op": "add", "path": format!("/repositories/suites/{suite}"), "value": true}))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Cause, Change, patch};

    #[test]
    fn a_patch_counts_in_the_spec_and_removes_from_the_back() {
        let causes = [Cause::Field("/kernel"), Cause::Spec(0), Cause::Spec(1)];
        let changes = [
            Change::DropRequest { index: 1 },
            Change::AnyVersion { index: 2 },
            Change::DropRequest { index: 2 },
            Change::DropRequest { index: 0 },
            Change::LeaveOut { name: "systemd".into() },
        ];
        let expected = [
            json!({"op": "remove", "path": "/packages/1/version"}),
            json!({"op": "add", "path": "/remove/-", "value": "systemd"}),
            json!({"op": "remove", "path": "/packages/1"}),
            json!({"op": "remove", "path": "/packages/0"}),
        ];
        assert_eq!(patch(&changes, &causes, None), expected);
    }
}
