//! From the solver's facts to words.

use lbuild_solve::{Conflict, Fact, PackageId, Resolver, Root as SolverRoot};

use super::family::{Atom, Family, Role};
use super::problem::{Origin, Task};
use super::world::World;
use super::{Constraint, Knowledge, Link, Priority, Root, Unknown, Unsatisfiable, Wanted, fixes, near};
use crate::index::Package;

/// The answer when the search was given up.
pub(super) fn too_hard(steps: u64) -> Unsatisfiable {
    Unsatisfiable {
        summary: format!("The search for a set of packages was given up after {steps} steps."),
        roots: Vec::new(),
        chain: Vec::new(),
        fixes: Vec::new(),
        unknown: Vec::new(),
    }
}

/// The whole answer for a conflict.
pub(super) fn unsatisfiable(
    task: &Task<'_, '_>,
    resolver: &Resolver<'_, World<'_>>,
    conflict: &Conflict,
    knowledge: &dyn Knowledge,
) -> Unsatisfiable {
    let unknown = near::unknown(task, knowledge);
    Unsatisfiable {
        summary: summary(task, conflict, &unknown),
        roots: conflict.roots.iter().map(|root| root_of(task, *root)).collect(),
        chain: chain(task, conflict),
        fixes: fixes::find(task, resolver, conflict, &unknown),
        unknown,
    }
}

impl<'i> Task<'_, 'i> {
    /// A goal in words.
    pub(super) fn goal_text(&self, goal: usize) -> String {
        match self.origins[goal] {
            Origin::Wanted(position) => self.wanted_text(position),
            Origin::Forced(position) => {
                let forced = &self.request.force[position];
                format!("{} {} (forced)", forced.name, forced.version)
            }
            Origin::Base(base) => base.reason.to_owned(),
        }
    }

    /// A request in words.
    pub(super) fn wanted_text(&self, position: usize) -> String {
        self.request.packages[position].text(self.world.family)
    }

    /// The first package that would meet a goal.
    pub(super) fn first(&self, goal: usize) -> Option<Package<'i>> {
        self.problem.goals[goal].any_of.first().map(|package| self.world.package(*package))
    }
}

impl Priority {
    /// The word that Debian uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Important => "important",
            Self::Standard => "standard",
            Self::Optional => "optional",
            Self::Extra => "extra",
        }
    }
}

impl Constraint {
    /// In the family's own signs, such as `>= 1.2`.
    pub fn text(&self, family: &dyn Family) -> String {
        format!("{} {}", family.sign(self.operator), self.version)
    }
}

impl Wanted {
    /// In words, such as `exim4 (>= 4) from trixie-backports`.
    pub fn text(&self, family: &dyn Family) -> String {
        let bound = self.version.as_ref().map_or(String::new(), |bound| format!(" ({})", bound.text(family)));
        let suite = self.suite.as_ref().map_or(String::new(), |suite| format!(" from {suite}"));
        format!("{}{bound}{suite}", self.name)
    }
}

fn root_of(task: &Task<'_, '_>, root: SolverRoot) -> Root {
    match root {
        SolverRoot::Goal(goal) => {
            let text = task.goal_text(goal);
            match task.origins[goal] {
                Origin::Wanted(position) => Root { request: text, index: Some(position), removal: false },
                Origin::Forced(_) => Root { request: text, index: None, removal: false },
                Origin::Base(_) => {
                    let package = task.first(goal);
                    let request =
                        package.map_or(text.clone(), |package| format!("{} ({text})", package.name()));
                    Root { request, index: None, removal: false }
                }
            }
        }
        SolverRoot::Ban(ban) => {
            let request = format!("without {}", task.request.remove[ban]);
            Root { request, index: Some(ban), removal: true }
        }
    }
}

/// The facts in words. Builds of one version say the same, and once is enough.
fn chain(task: &Task<'_, '_>, conflict: &Conflict) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for fact in &conflict.facts {
        let link = link(task, fact);
        if !links.contains(&link) {
            links.push(link);
        }
    }
    links
}

/// A package in words.
pub(super) fn label(package: Package<'_>) -> String {
    format!("{} {}", package.name(), package.version())
}

/// One fact as `from` `relation` `to`.
fn link(task: &Task<'_, '_>, fact: &Fact) -> Link {
    let world = &task.world;
    let at = |id: PackageId| world.package(id);
    let (from, relation, to) = match *fact {
        Fact::Asks { goal, package } => (task.goal_text(goal), "asks for".to_owned(), label(at(package))),
        Fact::AsksInVain { goal } => {
            let to = match task.origins[goal] {
                Origin::Wanted(position) => {
                    no_version(world, &world.family.wanted(&task.request.packages[position]))
                }
                Origin::Base(_) => String::new(),
                Origin::Forced(position) => {
                    let name = task.request.force[position].name.as_str();
                    no_version(world, &Atom { name, ..Atom::default() })
                }
            };
            (task.goal_text(goal), "is not available:".to_owned(), to)
        }
        Fact::Needs { package, relation, on } => {
            let expansion = world.expand(at(package));
            let statement = expansion.requires.get(relation).copied().unwrap_or(usize::MAX);
            let (verb, note) = link_text(&expansion.statements, statement, at(on));
            (label(at(package)), verb, format!("{}{note}", label(at(on))))
        }
        Fact::NeedsInVain { package, relation } => {
            let said = requirement(world, at(package), relation);
            let there = if said.role == Role::Requires { availability(world, &said) } else { String::new() };
            (label(at(package)), said.verb.to_owned(), format!("{}{there}", said.text))
        }
        Fact::Excludes { package, relation, with } => {
            let (verb, note) = exclusion(world, at(package), relation, at(with));
            (label(at(package)), verb.to_owned(), format!("{}{note}", label(at(with))))
        }
        Fact::SameSlot { package, with } => {
            (label(at(package)), "cannot be installed beside".to_owned(), label(at(with)))
        }
        Fact::Banned { ban, package } => {
            (format!("without {}", task.request.remove[ban]), "leaves out".to_owned(), label(at(package)))
        }
    };
    Link { from, relation, to }
}

/// What a package says, ready for a sentence.
struct Said<'i> {
    role: Role,
    verb: &'static str,
    text: String,
    atoms: Vec<Atom<'i>>,
}

/// The verb of a statement that `on` meets, and how it comes to be meant.
pub(super) fn link_text(
    statements: &[super::Statement<'_>],
    position: usize,
    on: Package<'_>,
) -> (String, String) {
    let said = said(statements, Some(position));
    let by_name = said.atoms.iter().any(|atom| atom.name == on.name());
    let note = if by_name { String::new() } else { format!(" (for `{}`)", said.text) };
    (said.verb.to_owned(), note)
}

/// What stands behind a requirement of the solver.
fn requirement<'i>(world: &World<'i>, package: Package<'i>, relation: usize) -> Said<'i> {
    let expansion = world.expand(package);
    said(&expansion.statements, expansion.requires.get(relation).copied())
}

fn said<'i>(statements: &[super::Statement<'i>], position: Option<usize>) -> Said<'i> {
    match position.and_then(|position| statements.get(position)) {
        Some(statement) => Said {
            role: statement.role,
            verb: statement.verb,
            text: statement.text.split_whitespace().collect::<Vec<_>>().join(" "),
            atoms: statement.formula.atoms(),
        },
        None => Said { role: Role::Requires, verb: "needs", text: String::new(), atoms: Vec::new() },
    }
}

/// The verb of an exclusion, and how it comes to mean the other package.
fn exclusion<'i>(
    world: &World<'i>,
    package: Package<'i>,
    relation: usize,
    with: Package<'i>,
) -> (&'static str, String) {
    let expansion = world.expand(package);
    let Some(Some(position)) = expansion.excludes.get(relation) else {
        let verb = world.family.others(world, package).map(|(_, verb)| verb);
        return (verb.unwrap_or("does not go with"), String::new());
    };
    let said = said(&expansion.statements, Some(*position));
    let by_name = said.atoms.iter().any(|atom| atom.name == with.name());
    let note = if by_name { String::new() } else { format!(", which provides {}", said.text) };
    (said.verb, note)
}

/// What is there of the packages that a relation names.
fn availability(world: &World<'_>, said: &Said<'_>) -> String {
    let [atom] = &said.atoms[..] else { return ", none of which can be installed".to_owned() };
    let nothing = || ", which no package provides".to_owned();
    let accepts = |version: &str| {
        atom.bound.is_none_or(|(operator, bound)| world.family.accepts(operator, bound, version))
    };
    let Some(name) = world.index.name_id(atom.name) else { return nothing() };
    if let Some(reason) = world.family.lacking(world, atom) {
        return format!(", {reason}");
    }
    let versions = || world.index.of_name(name).filter(|package| world.is_in_use(*package));
    if let Some(first) = versions().next() {
        let members = world.members(world.slot_of(first));
        if members.is_empty() && versions().any(|package| pinned(world, package).is_some()) {
            return ", which a pin keeps out".to_owned();
        }
        let chosen = members.first().map_or(first.version(), Package::version);
        let why = members.first().and_then(|package| pinned(world, *package));
        let why = why.map_or(String::new(), |priority| format!(" (pinned to {priority})"));
        let elsewhere = versions().any(|package| accepts(package.version()));
        return match (accepts(chosen), elsewhere) {
            (true, _) => String::new(),
            (false, true) => format!(", but version {chosen}{why} would be installed"),
            (false, false) => format!(", but only version {chosen} is available"),
        };
    }
    if let Some(package) = world.index.of_name(name).next() {
        return format!(", which only the {} has", package.source().switch);
    }
    let providers = world.index.providers(name).filter(|(package, _)| world.is_in_use(*package));
    let mut versions = providers.map(|(_, version)| version).peekable();
    if versions.peek().is_none() {
        return nothing();
    }
    let met = |version: &str| atom.bound.is_none() || !version.is_empty() && accepts(version);
    if versions.any(met) { String::new() } else { ", which nothing provides in such a version".to_owned() }
}

/// The priority that a pin gives a version, where it is not that of the source.
fn pinned<'i>(world: &World<'i>, package: Package<'i>) -> Option<i32> {
    Some(world.priority(package)).filter(|priority| *priority != package.source().pin)
}

/// What there is of a name that is asked for in vain.
fn no_version(world: &World<'_>, atom: &Atom<'_>) -> String {
    let name = atom.name;
    if let Some(reason) = world.family.lacking(world, atom) {
        return reason.strip_prefix("but ").unwrap_or(&reason).to_owned();
    }
    let mut there: Vec<String> = world
        .named(name)
        .map(|package| {
            let pin = pinned(world, package).filter(|priority| *priority < 0);
            let note = pin.map_or(String::new(), |priority| format!(" (pinned to {priority})"));
            format!("{} from {}{note}", package.version(), package.source().suite)
        })
        .collect();
    there.dedup();
    if there.is_empty() {
        let provided = |id| world.index.providers(id).any(|(package, _)| world.is_in_use(package));
        if world.index.name_id(name).is_some_and(provided) {
            return "none of the packages that provide it can be used".to_owned();
        }
        let off = world.index.named(name).map(|package| &package.source().switch).next();
        return off.map_or("no package has this name".to_owned(), |switch| {
            format!("only the {switch} has it, which is not in use")
        });
    }
    format!("there is only {}", join(&there))
}

/// One sentence for a person.
fn summary(task: &Task<'_, '_>, conflict: &Conflict, unknown: &[Unknown]) -> String {
    if let [only] = unknown {
        return no_package(only);
    }
    if !unknown.is_empty() {
        let names: Vec<String> = unknown.iter().map(|unknown| format!("`{}`", unknown.name)).collect();
        return format!("There are no packages {}.", join(&names));
    }
    let decisive = decisive(conflict);
    if let (Some(Fact::Banned { package, .. }), [SolverRoot::Goal(goal), SolverRoot::Ban(_)]) =
        (decisive, &conflict.roots[..])
    {
        let banned = task.world.package(*package).name();
        return match task.origins[*goal] {
            Origin::Base(base) if base.vital => {
                format!("`{banned}` is needed by every system and cannot be left out.")
            }
            _ => format!("{} needs `{banned}`, which is to be left out.", root_text(task, conflict.roots[0])),
        };
    }
    let roots: Vec<String> = conflict.roots.iter().map(|root| root_text(task, *root)).collect();
    let reason = decisive.map(|fact| (fact, link(task, fact)));
    match (&roots[..], reason) {
        ([only], Some((Fact::AsksInVain { .. }, link))) => format!("{only} {} {}.", link.relation, link.to),
        ([only], Some((_, link))) => format!("{only} cannot be installed: {}.", sentence(&link)),
        (_, Some((_, link))) => format!("{} do not go together: {}.", join(&roots), sentence(&link)),
        (_, None) => format!("{} do not go together.", join(&roots)),
    }
}

/// A name that does not exist, with what is most likely meant.
fn no_package(unknown: &Unknown) -> String {
    let Unknown { name, near, called, renamed, shipping, elsewhere } = unknown;
    let guess = if let Some(called) = called.first() {
        format!("; here it is called `{called}`.")
    } else if let Some(switch) = elsewhere.first() {
        format!(" in what is in use; the {switch} has it.")
    } else if let Some(renamed) = renamed.first() {
        format!("; `{renamed}` has taken its place.")
    } else if let Some(shipping) = shipping.first() {
        format!("; the command of this name is in `{shipping}`.")
    } else if let Some(near) = near.first() {
        format!("; did you mean `{near}`?")
    } else {
        ".".to_owned()
    };
    format!("There is no package `{name}`{guess}")
}

fn sentence(link: &Link) -> String {
    format!("{} {} {}", link.from, link.relation, link.to)
}

fn root_text(task: &Task<'_, '_>, root: SolverRoot) -> String {
    let root = root_of(task, root);
    if root.removal { format!("a system {}", root.request) } else { format!("`{}`", root.request) }
}

/// The fact that the whole chain leads to: the first clash, else what is not there.
fn decisive(conflict: &Conflict) -> Option<&Fact> {
    let clash =
        |fact: &&Fact| matches!(fact, Fact::Excludes { .. } | Fact::SameSlot { .. } | Fact::Banned { .. });
    let vain = |fact: &&Fact| matches!(fact, Fact::NeedsInVain { .. } | Fact::AsksInVain { .. });
    conflict
        .facts
        .iter()
        .find(clash)
        .or_else(|| conflict.facts.iter().rev().find(vain))
        .or(conflict.facts.last())
}

fn join(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
