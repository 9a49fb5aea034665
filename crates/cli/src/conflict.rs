//! Explains why packages do not fit together: who asked, the facts between the requests, and what was tried and works.

use lbuild_engine::{Cause, Conflict};
use lbuild_repo::resolve::{Change, Effect, Fix, Link, Root, Unsatisfiable};
use lbuild_spec::{Blueprint, Origin};
use serde::Serialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::field;
use crate::format::{count, signed_bytes};
use crate::output;
use crate::prose::{Line, Tone};

/// What `lbuild resolve --json` prints when there is no set.
#[derive(Serialize)]
struct Report<'a> {
    satisfiable: bool,
    summary: &'a str,
    roots: Vec<RootReport<'a>>,
    chain: &'a [Link],
    fixes: Vec<FixReport<'a>>,
}

/// A request that is part of the reason. One that no line of the spec makes (the base set) has no place.
#[derive(Serialize)]
struct RootReport<'a> {
    request: &'a str,
    layer: Option<&'static str>,
    file: Option<&'a str>,
    line: Option<u32>,
}

#[derive(Serialize)]
struct FixReport<'a> {
    label: &'a str,
    /// A JSON Patch (RFC 6902) of the effective spec.
    patch: Vec<Value>,
    /// What a field that asks for a package means for the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    effect: &'a Effect,
}

/// The failure, and the JSON object when one is asked for.
pub fn failure(conflict: &Conflict, blueprint: &Blueprint, context: &Context) -> Failure {
    let reason = &conflict.reason;
    if context.global.json {
        return match output::print_json(&report(conflict, Some(blueprint))) {
            Ok(()) => Failure::silent(Exit::Spec),
            Err(failure) => failure,
        };
    }
    Failure::new(Exit::Spec, &*reason.summary)
        .details(explanation(conflict, Some(blueprint)))
        .hint(hint(reason, Some(blueprint)))
}

/// The same for a saved problem, which no lines of a spec belong to.
pub fn saved(reason: Unsatisfiable, context: &Context) -> Failure {
    let conflict = Conflict { reason, causes: Vec::new() };
    if context.global.json {
        return match output::print_json(&report(&conflict, None)) {
            Ok(()) => Failure::silent(Exit::Spec),
            Err(failure) => failure,
        };
    }
    let summary = conflict.reason.summary.clone();
    Failure::new(Exit::Spec, summary).details(explanation(&conflict, None)).hint(hint(&conflict.reason, None))
}

/// Where a request of the resolver comes from.
enum Place<'a> {
    /// A line of the spec.
    Line(&'a Origin),
    /// Something that a field asks for, such as the kernel.
    Field(&'static str),
    /// The base set.
    Base,
}

fn place<'a>(root: &Root, causes: &[Cause], blueprint: Option<&'a Blueprint>) -> Place<'a> {
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

fn report<'a>(conflict: &'a Conflict, blueprint: Option<&'a Blueprint>) -> Report<'a> {
    let Conflict { reason, causes } = conflict;
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
    Report {
        satisfiable: false,
        summary: &reason.summary,
        roots: reason.roots.iter().map(root).collect(),
        chain: &reason.chain,
        fixes: reason.fixes.iter().map(fix).collect(),
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

/// Who asked, the facts, and what helps, each under its heading.
fn explanation(conflict: &Conflict, blueprint: Option<&Blueprint>) -> Vec<Line> {
    let Conflict { reason, causes } = conflict;
    let mut lines = Vec::new();
    let mut block = |heading: &str, rows: Vec<Line>| {
        if !rows.is_empty() {
            lines.push(Line::default());
            lines.push(Line::default().with(Tone::Faint, heading));
            lines.extend(rows);
        }
    };
    block("asked for", asked(reason, causes, blueprint));
    block("because", reason.chain.iter().map(link).collect());
    block("each of these was tried and works", fixes(reason, causes, blueprint));
    lines.push(Line::default());
    lines
}

/// Each request with its place.
fn asked(reason: &Unsatisfiable, causes: &[Cause], blueprint: Option<&Blueprint>) -> Vec<Line> {
    let width =
        reason.roots.iter().map(|root| root.request.chars().count()).max().unwrap_or_default().min(40);
    let row = |root: &Root| {
        let line = Line::hanging(4).with(Tone::Plain, "  ").with(Tone::Strong, root.request.as_str());
        let gap = " ".repeat(width.saturating_sub(root.request.chars().count()) + 2);
        let place = match place(root, causes, blueprint) {
            Place::Line(origin) => format!("{}:{}, {}", origin.file, origin.line, origin.layer),
            Place::Field(field) => format!("for `{}`", field::name(field)),
            Place::Base => return line,
        };
        line.with(Tone::Plain, gap).with(Tone::Faint, place)
    };
    reason.roots.iter().map(row).collect()
}

/// How what comes after the names of a fact begins.
const MORE: [&str; 5] = [" (", ", which ", ", because ", ", none ", ", but "];

/// One fact. What comes after the names is for who wants to know more.
fn link(link: &Link) -> Line {
    let more = MORE.into_iter().filter_map(|sign| link.to.find(sign)).min();
    let (to, more) = link.to.split_at(more.unwrap_or(link.to.len()));
    Line::hanging(4)
        .with(Tone::Plain, "  ")
        .with(Tone::Strong, format!("{} ", link.from))
        .with(Tone::Plain, format!("{} ", link.relation))
        .with(Tone::Strong, to)
        .with(Tone::Faint, more)
}

/// Each fix with what it changes.
fn fixes(reason: &Unsatisfiable, causes: &[Cause], blueprint: Option<&Blueprint>) -> Vec<Line> {
    let label = |fix: &Fix| match blueprint.and_then(|blueprint| field::note(fix, causes, blueprint)) {
        Some(note) => format!("{} ({note})", fix.label),
        None => fix.label.clone(),
    };
    let labels: Vec<String> = reason.fixes.iter().map(label).collect();
    let width = labels
        .iter()
        .map(|label| label.chars().count())
        .filter(|width| *width <= 60)
        .max()
        .unwrap_or_default();
    let row = |(number, (label, fix)): (usize, (&String, &Fix))| {
        let gap = " ".repeat(width.saturating_sub(label.chars().count()) + 2);
        Line::hanging(5)
            .with(Tone::Plain, "  ")
            .with(Tone::Advice, format!("{}. ", number + 1))
            .with_names(label)
            .with(Tone::Plain, gap)
            .with(Tone::Faint, effect(&fix.effect))
    };
    labels.iter().zip(&reason.fixes).enumerate().map(row).collect()
}

fn effect(effect: &Effect) -> String {
    let packages = match (effect.added.len(), effect.removed.len()) {
        (0, 0) => return "the same packages".to_owned(),
        (added, 0) => format!("+{}", count(added, "package")),
        (0, removed) => format!("-{}", count(removed, "package")),
        (added, removed) => format!("+{added} -{removed} packages"),
    };
    match effect.size_delta {
        0 => packages,
        size => format!("{packages}, {}", signed_bytes(size)),
    }
}

/// What to type next; without a fix, names like the unknown one are the best advice.
fn hint(reason: &Unsatisfiable, blueprint: Option<&Blueprint>) -> Option<String> {
    if !reason.fixes.is_empty() {
        let file = blueprint.and_then(|blueprint| blueprint.set.first()).map(|set| &set.origin.file)?;
        return Some(format!("`lbuild resolve {file} --fix 1` writes the first of these into the spec"));
    }
    let unknown = reason.unknown.iter().find(|unknown| !unknown.near.is_empty())?;
    let near: Vec<String> = unknown.near.iter().map(|name| format!("`{name}`")).collect();
    Some(format!("did you mean {}?", near.join(", ")))
}

#[cfg(test)]
mod tests {
    use lbuild_engine::Cause;
    use lbuild_repo::resolve::Change;
    use serde_json::json;

    use super::patch;

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
