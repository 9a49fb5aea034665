//! Explains why packages do not fit together: who asked, the facts between the requests, and what was tried and works.

use lbuild_repo::deb::resolve::{Change, Effect, Fix, Link, Root, Unsatisfiable};
use lbuild_spec::{Blueprint, Origin};
use serde::Serialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::format::signed_bytes;
use crate::output;

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
    effect: &'a Effect,
}

/// The failure, and the JSON object when one is asked for.
pub fn failure(reason: &Unsatisfiable, blueprint: &Blueprint, context: &Context) -> Failure {
    if context.global.json {
        return match output::print_json(&report(reason, blueprint)) {
            Ok(()) => Failure::silent(Exit::Spec),
            Err(failure) => failure,
        };
    }
    Failure::new(Exit::Spec, &*reason.summary).details(explanation(reason, blueprint)).hint(hint(reason))
}

fn origin<'a>(root: &Root, blueprint: &'a Blueprint) -> Option<&'a Origin> {
    let index = root.index?;
    if root.removal {
        return blueprint.remove.get(index).map(|removal| &removal.origin);
    }
    blueprint.packages.get(index).map(|request| &request.origin)
}

fn report<'a>(reason: &'a Unsatisfiable, blueprint: &'a Blueprint) -> Report<'a> {
    let root = |root: &'a Root| {
        let origin = origin(root, blueprint);
        RootReport {
            request: &root.request,
            layer: origin.map(|origin| origin.layer.key()),
            file: origin.map(|origin| origin.file.as_str()),
            line: origin.map(|origin| origin.line),
        }
    };
    let fix = |fix: &'a Fix| FixReport { label: &fix.label, patch: patch(&fix.changes), effect: &fix.effect };
    Report {
        satisfiable: false,
        summary: &reason.summary,
        roots: reason.roots.iter().map(root).collect(),
        chain: &reason.chain,
        fixes: reason.fixes.iter().map(fix).collect(),
    }
}

/// Removals come last and from the back, because each of them moves the positions after it.
fn patch(changes: &[Change]) -> Vec<Value> {
    changes
        .iter()
        .rev()
        .filter(|change| !is_removal(change))
        .chain(changes.iter().rev().filter(|change| is_removal(change)))
        .map(operation)
        .collect()
}

fn is_removal(change: &Change) -> bool {
    matches!(change, Change::DropRequest { .. } | Change::DropRemoval { .. })
}

fn operation(change: &Change) -> Value {
    match change {
        Change::DropRequest { index } => json!({"op": "remove", "path": format!("/packages/{index}")}),
        Change::DropRemoval { index } => json!({"op": "remove", "path": format!("/remove/{index}")}),
        Change::Rename { index, name } => {
            json!({"op": "replace", "path": format!("/packages/{index}/name"), "value": name})
        }
        Change::AnyVersion { index } => json!({"op": "remove", "path": format!("/packages/{index}/version")}),
        Change::FromSuite { index, suite } => {
            json!({"op": "add", "path": format!("/packages/{index}/suite"), "value": suite})
        }
        Change::LeaveOut { name } => json!({"op": "add", "path": "/remove/-", "value": name}),
    }
}

fn explanation(reason: &Unsatisfiable, blueprint: &Blueprint) -> Vec<String> {
    let mut lines = Vec::new();
    if !reason.roots.is_empty() {
        lines.push("asked for:".to_owned());
    }
    for root in &reason.roots {
        let place = origin(root, blueprint)
            .map(|origin| format!("  ({}:{}, {})", origin.file, origin.line, origin.layer))
            .unwrap_or_default();
        lines.push(format!("  {}{place}", root.request));
    }
    if !reason.chain.is_empty() {
        lines.push("because:".to_owned());
    }
    lines.extend(reason.chain.iter().map(|link| format!("  {} {} {}", link.from, link.relation, link.to)));
    if !reason.fixes.is_empty() {
        lines.push("each of these was tried and works:".to_owned());
    }
    for (number, fix) in reason.fixes.iter().enumerate() {
        lines.push(format!("  {}. {}  ({})", number + 1, fix.label, effect(&fix.effect)));
    }
    lines
}

fn effect(effect: &Effect) -> String {
    format!("+{} -{} packages, {}", effect.added.len(), effect.removed.len(), signed_bytes(effect.size_delta))
}

/// The fixes stand in the explanation; without one, names like the unknown one are the best advice.
fn hint(reason: &Unsatisfiable) -> Option<String> {
    let unknown = reason.unknown.iter().find(|unknown| !unknown.near.is_empty())?;
    let near: Vec<String> = unknown.near.iter().map(|name| format!("`{name}`")).collect();
    reason.fixes.is_empty().then(|| format!("did you mean {}?", near.join(", ")))
}
