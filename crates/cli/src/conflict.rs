//! Explains why packages do not fit together: who asked, the facts between the requests, and what was tried and works.

use lbuild_engine::conflict::{Place, field, place};
use lbuild_engine::{Cause, Conflict};
use lbuild_repo::resolve::{Effect, Fix, Link, Root, Unsatisfiable};
use lbuild_spec::Blueprint;

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::format::{count, signed_bytes};
use crate::output;
use crate::prose::{Line, Tone};

/// The failure, and the JSON object when one is asked for.
pub fn failure(conflict: &Conflict, blueprint: &Blueprint, context: &Context) -> Failure {
    let reason = &conflict.reason;
    if context.global.json {
        return match output::print_json(&conflict.report(Some(blueprint))) {
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
        return match output::print_json(&conflict.report(None)) {
            Ok(()) => Failure::silent(Exit::Spec),
            Err(failure) => failure,
        };
    }
    let summary = conflict.reason.summary.clone();
    Failure::new(Exit::Spec, summary).details(explanation(&conflict, None)).hint(hint(&conflict.reason, None))
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
