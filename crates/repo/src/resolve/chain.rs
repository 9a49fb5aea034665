//! The facts of a conflict as links that a person reads from top to bottom.
//!
//! What is the same for several versions or builds of a package is said once, and what the requests themselves say is
//! left out where another link goes on from it.

use lbuild_solve::{Conflict, Fact, PackageId};

use super::Link;
use super::family::{Atom, Role};
use super::phrase::{availability, exclusion, label, labels, link_text, no_version, said, versions};
use super::problem::{Origin, Task};
use crate::index::Package;

/// The relation of packages that take the same place.
pub(crate) const BESIDE: &str = "cannot be installed beside";

/// One end of a link.
#[derive(Debug, Clone, PartialEq)]
enum End<'i> {
    /// Versions of one package.
    Package(Vec<Package<'i>>),
    Text(String),
}

/// A link before it is put into words.
#[derive(Debug, Clone)]
struct Step<'i> {
    from: End<'i>,
    relation: String,
    to: End<'i>,
    /// After the second end.
    note: String,
    /// The requirement that the second end would meet: its package, and its number.
    meets: Option<(PackageId, usize)>,
    /// The name that is needed in vain.
    lacks: Option<&'i str>,
    /// How many further versions lack the same name in the same way.
    likewise: usize,
}

/// The whole chain in words. What the spec itself takes away comes last: everything leads there.
pub(super) fn chain(task: &Task<'_, '_>, conflict: &Conflict) -> Vec<Link> {
    let is_ban = |fact: &&Fact| matches!(fact, Fact::Banned { .. });
    let (bans, facts): (Vec<&Fact>, Vec<&Fact>) = conflict.facts.iter().partition(is_ban);
    let steps: Vec<Step<'_>> = facts.into_iter().chain(bans).filter_map(|fact| step(task, fact)).collect();
    let versions = merged(steps, Step::is_of_other_versions, Step::merge_both);
    let choices = merged(versions, Step::is_another_choice, Step::merge_to);
    let lacks = merged(choices, Step::lacks_the_same, |known, _| known.likewise += 1);
    let clashes = merged(lacks, Step::clashes_the_same, |known, other| known.to.merge(other.to));
    let merged = merged(clashes, Step::says_the_same, Step::merge_from);
    let mut links: Vec<Link> = Vec::new();
    for step in merged {
        let link = step.link(task);
        if !links.contains(&link) {
            links.push(link);
        }
    }
    links
}

/// One fact in words.
pub(super) fn link(task: &Task<'_, '_>, fact: &Fact) -> Link {
    full(task, fact).link(task)
}

/// A fact as half a sentence, without versions where names say enough.
pub(super) fn sentence(task: &Task<'_, '_>, fact: &Fact) -> String {
    if let Fact::SameSlot { package, .. } = *fact {
        let package = task.world.package(package);
        let slot = match package.slot() {
            "" | "0" => String::new(),
            slot => format!(" in slot {slot}"),
        };
        return format!("there can be only one version of `{}`{slot}", package.name());
    }
    let step = full(task, fact);
    let (from, to) = match (&step.from, &step.to) {
        (End::Package(from), End::Package(to)) if step.from.is_like(&step.to) => {
            (versions(task.world, from), versions(task.world, to))
        }
        (from, to) => (from.name(), to.name()),
    };
    format!("{from} {} {to}{}", step.relation, step.note)
}

/// Why two packages cannot be together, when neither of them says so itself: `because both provide ...`.
pub(super) fn shared_reason(task: &Task<'_, '_>, fact: &Fact) -> Option<(String, String, String)> {
    let Fact::Excludes { package, with, .. } = *fact else { return None };
    let step = full(task, fact);
    let names = (task.world.package(package).name().to_owned(), task.world.package(with).name().to_owned());
    (step.relation == BESIDE && !step.note.is_empty()).then_some((names.0, names.1, step.note))
}

/// Whether a fact is about something that no package is or provides.
pub(super) fn is_met_by_nothing(task: &Task<'_, '_>, fact: &Fact) -> bool {
    match *fact {
        Fact::AsksInVain { goal } => task.problem.goals[goal].any_of.is_empty(),
        Fact::NeedsInVain { package, relation } => {
            let expansion = task.world.expand(task.world.package(package));
            expansion.relations.requires.get(relation).is_none_or(|needed| needed.any_of.is_empty())
        }
        _ => false,
    }
}

/// Each step, or the earlier one that it goes into.
fn merged<'i>(
    steps: Vec<Step<'i>>,
    fits: fn(&Step<'i>, &Step<'i>) -> bool,
    merge: fn(&mut Step<'i>, Step<'i>),
) -> Vec<Step<'i>> {
    let mut merged: Vec<Step<'i>> = Vec::new();
    for step in steps {
        match merged.iter_mut().find(|known| fits(known, &step)) {
            Some(known) => merge(known, step),
            None => merged.push(step),
        }
    }
    merged
}

impl<'i> Step<'i> {
    fn is_of_other_versions(&self, other: &Self) -> bool {
        self.relation == other.relation && self.from.is_like(&other.from) && self.to.is_like(&other.to)
    }

    /// Another package that would meet the same requirement.
    fn is_another_choice(&self, other: &Self) -> bool {
        self.meets.is_some() && self.meets == other.meets
    }

    /// Another version needs another version of the same thing, in vain too.
    fn lacks_the_same(&self, other: &Self) -> bool {
        self.lacks.is_some()
            && self.lacks == other.lacks
            && self.relation == other.relation
            && self.from.is_like(&other.from)
    }

    /// The same clash with a further package.
    fn clashes_the_same(&self, other: &Self) -> bool {
        let packages = matches!((&self.to, &other.to), (End::Package(_), End::Package(_)));
        let same = self.relation == other.relation && self.note == other.note && !self.note.is_empty();
        packages && same && self.meets.is_none() && other.meets.is_none() && self.from == other.from
    }

    /// Other packages say it too.
    fn says_the_same(&self, other: &Self) -> bool {
        let packages = matches!((&self.from, &other.from), (End::Package(_), End::Package(_)));
        packages && self.relation == other.relation && self.note == other.note && self.to == other.to
    }

    fn merge_both(&mut self, other: Self) {
        self.from.merge(other.from);
        self.to.merge(other.to);
    }

    fn merge_to(&mut self, other: Self) {
        self.to.merge(other.to);
        self.note.clear();
    }

    fn merge_from(&mut self, other: Self) {
        self.from.merge(other.from);
    }

    fn link(self, task: &Task<'_, 'i>) -> Link {
        let likewise = match self.likewise {
            0 => String::new(),
            1 => " (likewise another version)".to_owned(),
            count => format!(" (likewise {count} other versions)"),
        };
        let clash = self.meets.is_none() && !self.note.is_empty();
        let between = if clash { "and" } else { "or" };
        let note = if clash && self.to.is_many() { self.note.replace(" both ", " all ") } else { self.note };
        let to = format!("{}{note}{likewise}", self.to.text(task, between));
        let relation = if self.from.is_many() { plural(&self.relation) } else { self.relation };
        Link { from: self.from.text(task, "and"), relation, to }
    }
}

/// The verb of several packages.
fn plural(relation: &str) -> String {
    let (verb, rest) = relation.split_once(' ').unwrap_or((relation, ""));
    let verb = verb.strip_suffix('s').unwrap_or(verb);
    format!("{verb} {rest}").trim_end().to_owned()
}

impl<'i> End<'i> {
    fn one(task: &Task<'_, 'i>, id: PackageId) -> Self {
        Self::Package(vec![task.world.package(id)])
    }

    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Package(a), Self::Package(b)) => {
                a.first().map(Package::name_id) == b.first().map(Package::name_id)
            }
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => false,
        }
    }

    fn merge(&mut self, other: Self) {
        if let (Self::Package(list), Self::Package(more)) = (self, other) {
            for package in more {
                if !list.contains(&package) {
                    list.push(package);
                }
            }
        }
    }

    /// A package by its name alone.
    fn name(&self) -> String {
        match self {
            Self::Package(packages) => {
                packages.first().map_or(String::new(), |package| format!("`{}`", package.name()))
            }
            Self::Text(text) => text.clone(),
        }
    }

    /// Packages of more than one name.
    fn is_many(&self) -> bool {
        let Self::Package(packages) = self else { return false };
        packages.iter().any(|package| package.name_id() != packages[0].name_id())
    }

    fn text(&self, task: &Task<'_, 'i>, word: &str) -> String {
        match self {
            Self::Package(packages) => labels(task.world, packages, word),
            Self::Text(text) => text.clone(),
        }
    }
}

/// What a fact adds to the chain; `None` when the list of requests says it already.
fn step<'i>(task: &Task<'_, 'i>, fact: &Fact) -> Option<Step<'i>> {
    match *fact {
        Fact::Asks { goal, package } => {
            let by_name = task.goal_name(goal) == task.world.package(package).name();
            let is_base = matches!(task.origins[goal], Origin::Base(_));
            (!by_name && !is_base).then(|| full(task, fact))
        }
        Fact::AsksInVain { goal } => {
            let any_of = task.packages(&task.problem.goals[goal].any_of);
            let name = task.goal_name(goal);
            let own = any_of.iter().all(|package| package.name() == name);
            // A name that does not exist is said in the summary, and what its versions lack follows.
            (!own).then(|| full(task, fact))
        }
        // Builds of one version differ in nothing that a person sees.
        Fact::SameSlot { package, with } => {
            let (package, with) = (task.world.package(package), task.world.package(with));
            let same = (package.name(), package.version()) == (with.name(), with.version());
            (!same).then(|| full(task, fact))
        }
        _ => Some(full(task, fact)),
    }
}

fn full<'i>(task: &Task<'_, 'i>, fact: &Fact) -> Step<'i> {
    let world = task.world;
    let at = |id: PackageId| world.package(id);
    let text = |text: String| End::Text(text);
    let mut meets = None;
    let (from, relation, to, note) = match *fact {
        Fact::Asks { goal, package } => {
            let relation = if task.problem.goals[goal].any_of.len() > 1 { "leaves only" } else { "means" };
            (text(task.goal_text(goal)), relation.to_owned(), End::one(task, package), String::new())
        }
        Fact::AsksInVain { goal } => return in_vain(task, goal),
        Fact::Needs { package, relation, on } => {
            let expansion = world.expand(at(package));
            let statement = expansion.requires.get(relation).copied().unwrap_or(usize::MAX);
            let (verb, note) = link_text(world, &expansion.statements, statement, at(on));
            meets = Some((package, relation));
            (End::one(task, package), verb, End::one(task, on), note)
        }
        Fact::NeedsInVain { package, relation } => return needs_in_vain(task, package, relation),
        Fact::Excludes { package, relation, with } => {
            let (verb, note) = exclusion(world, at(package), relation, at(with));
            (End::one(task, package), verb.to_owned(), End::one(task, with), note)
        }
        Fact::SameSlot { package, with } => {
            let (from, to) = (label(world, at(package)), label(world, at(with)));
            (text(from), BESIDE.to_owned(), text(to), String::new())
        }
        Fact::Banned { package, .. } => {
            (text("your spec".to_owned()), "removes".to_owned(), End::one(task, package), String::new())
        }
    };
    Step { from, relation, to, note, meets, lacks: None, likewise: 0 }
}

/// A goal that nothing meets.
fn in_vain<'i>(task: &Task<'_, 'i>, goal: usize) -> Step<'i> {
    let from = End::Text(task.goal_text(goal));
    let any_of = task.packages(&task.problem.goals[goal].any_of);
    if !any_of.is_empty() {
        let to = End::Package(any_of);
        return Step {
            from,
            relation: "can only be".to_owned(),
            to,
            note: String::new(),
            meets: None,
            lacks: None,
            likewise: 0,
        };
    }
    let to = match task.origins[goal] {
        Origin::Wanted(position) => {
            no_version(task.world, &task.world.family.wanted(&task.request.packages[position]))
        }
        Origin::Base(_) => String::new(),
        Origin::Forced(position) => {
            let name = task.request.force[position].name.as_str();
            no_version(task.world, &Atom { name, ..Atom::default() })
        }
    };
    let relation = "is not available:".to_owned();
    Step { from, relation, to: End::Text(to), note: String::new(), meets: None, lacks: None, likewise: 0 }
}

/// A requirement that nothing meets.
fn needs_in_vain<'i>(task: &Task<'_, 'i>, package: PackageId, relation: usize) -> Step<'i> {
    let world = task.world;
    let expansion = world.expand(world.package(package));
    let said = said(world.family, &expansion.statements, expansion.requires.get(relation).copied());
    let any_of = expansion.relations.requires.get(relation).map(|needed| task.packages(&needed.any_of));
    // Of a package whose other versions go further the text says enough.
    let lacks = match (&said.atoms[..], &any_of) {
        ([atom], Some(any_of)) if any_of.is_empty() => Some(atom.name),
        _ => None,
    };
    let there = match said.role {
        Role::Requires => availability(world, &said, &any_of.unwrap_or_default()),
        _ => String::new(),
    };
    Step {
        from: End::one(task, package),
        relation: said.verb.to_owned(),
        to: End::Text(format!("{}{there}", said.text)),
        note: String::new(),
        meets: None,
        lacks,
        likewise: 0,
    }
}
