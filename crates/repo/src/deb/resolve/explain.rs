//! From the solver's facts to words.

use lbuild_solve::{Conflict, Fact, PackageId, Root as SolverRoot};

use super::fixes;
use super::problem::{Origin, Task};
use super::world::{EXCLUDES, REQUIRES, World, relation_texts};
use super::{Link, Priority, Request, Root, Unknown, Unsatisfiable, Wanted};
use crate::deb::index::{Package, RelationField};
use crate::deb::relation::{Atom, alternatives, relations};

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
    task: &Task<'_>,
    request: &Request,
    conflict: &Conflict,
    unknown: Vec<Unknown>,
) -> Unsatisfiable {
    let first =
        |goal: usize| task.problem.goals[goal].any_of.first().map(|package| task.world.package(*package));
    let current = |position: usize| {
        let goal = task.origins.iter().position(|origin| *origin == Origin::Wanted(position))?;
        first(goal).map(|package| package.version().to_owned())
    };
    let names = fixes::Names {
        unknown: &unknown,
        current: &current,
        base_package: &|goal| first(goal).map(|package| package.name().to_owned()),
    };
    let fixes = fixes::find(task.world.index, request, &task.origins, conflict, &names);
    Unsatisfiable {
        summary: summary(task, request, conflict, &unknown),
        roots: conflict.roots.iter().map(|root| root_of(task, request, *root)).collect(),
        chain: conflict.facts.iter().map(|fact| link(task, request, fact)).collect(),
        fixes,
        unknown,
    }
}

impl Task<'_> {
    /// A goal in words.
    pub(super) fn goal_text(&self, request: &Request, goal: usize) -> String {
        match self.origins[goal] {
            Origin::Wanted(position) => request.packages[position].to_string(),
            Origin::Essential => "essential".to_owned(),
            Origin::Priority(priority) => format!("priority {}", priority.name()),
        }
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

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(bound) = &self.version {
            write!(f, " ({bound})")?;
        }
        match &self.suite {
            Some(suite) => write!(f, " from {suite}"),
            None => Ok(()),
        }
    }
}

fn root_of(task: &Task<'_>, request: &Request, root: SolverRoot) -> Root {
    match root {
        SolverRoot::Goal(goal) => {
            let index = match task.origins[goal] {
                Origin::Wanted(position) => Some(position),
                Origin::Essential | Origin::Priority(_) => None,
            };
            let text = task.goal_text(request, goal);
            let base_package = task.problem.goals[goal].any_of.first().filter(|_| index.is_none());
            let request = base_package
                .map_or(text.clone(), |package| format!("{} ({text})", task.world.package(*package).name()));
            Root { request, index, removal: false }
        }
        SolverRoot::Ban(ban) => {
            Root { request: format!("without {}", request.remove[ban]), index: Some(ban), removal: true }
        }
    }
}

fn label(package: Package<'_>) -> String {
    format!("{} {}", package.name(), package.version())
}

/// One fact as `from` `relation` `to`.
fn link(task: &Task<'_>, request: &Request, fact: &Fact) -> Link {
    let world = &task.world;
    let at = |id: PackageId| world.package(id);
    let (from, relation, to) = match *fact {
        Fact::Asks { goal, package } => {
            let text = task.goal_text(request, goal);
            (text, "asks for".to_owned(), label(at(package)))
        }
        Fact::AsksInVain { goal } => {
            let to = match task.origins[goal] {
                Origin::Wanted(position) => vain_request(world, &request.packages[position]),
                Origin::Essential | Origin::Priority(_) => String::new(),
            };
            (task.goal_text(request, goal), "is not available:".to_owned(), to)
        }
        Fact::Needs { package, relation, on } => {
            let (verb, text) = requirement(at(package), relation);
            let provided = !atoms(text).iter().any(|atom| atom.name == at(on).name());
            let note = if provided { format!(" (for `{text}`)") } else { String::new() };
            (label(at(package)), verb.to_owned(), format!("{}{note}", label(at(on))))
        }
        Fact::NeedsInVain { package, relation } => {
            let (verb, text) = requirement(at(package), relation);
            (label(at(package)), verb.to_owned(), format!("{text}{}", availability(world, text)))
        }
        Fact::Excludes { package, relation, with } => {
            let (verb, note) = exclusion(at(package), relation, at(with));
            (label(at(package)), verb.to_owned(), format!("{}{note}", label(at(with))))
        }
        Fact::SameSlot { package, with } => {
            (label(at(package)), "cannot be installed beside".to_owned(), label(at(with)))
        }
        Fact::Banned { ban, package } => {
            (format!("without {}", request.remove[ban]), "leaves out".to_owned(), label(at(package)))
        }
    };
    Link { from, relation, to }
}

/// The verb and the text of a requirement.
fn requirement(package: Package<'_>, relation: usize) -> (&'static str, &str) {
    let first = relations(package.relations(RelationField::PreDepends)).count();
    let verb = if relation < first { "pre-depends on" } else { "depends on" };
    (verb, relation_texts(package, &REQUIRES).nth(relation).unwrap_or_default())
}

/// The verb of an exclusion, and how it comes to mean the other package.
fn exclusion(package: Package<'_>, relation: usize, with: Package<'_>) -> (&'static str, String) {
    let first = relations(package.relations(RelationField::Conflicts)).count();
    let Some(text) = relation_texts(package, &EXCLUDES).nth(relation) else {
        return ("cannot be installed for another architecture beside", String::new());
    };
    let verb = if relation < first { "conflicts with" } else { "breaks" };
    let by_name = atoms(text).iter().any(|atom| atom.name == with.name());
    let note = if by_name { String::new() } else { format!(", which provides {text}") };
    (verb, note)
}

fn atoms(relation: &str) -> Vec<Atom<'_>> {
    alternatives(relation).flatten().collect()
}

/// What is there of the packages that a relation names.
fn availability(world: &World<'_>, relation: &str) -> String {
    let atoms = atoms(relation);
    let [atom] = atoms[..] else { return ", none of which can be installed".to_owned() };
    let Some(name) = world.index.name_id(atom.name) else { return ", which no package provides".to_owned() };
    if let Some(version) = world.index.of_name(name).map(|package| package.version()).next() {
        let members = world.members(world.slot(name, 0));
        if members.is_empty() && world.index.of_name(name).any(|package| pinned(world, package).is_some()) {
            return ", which a pin keeps out".to_owned();
        }
        let chosen = members.first().map_or(version, Package::version);
        let why = members.first().and_then(|package| pinned(world, *package));
        let why = why.map_or(String::new(), |priority| format!(" (pinned to {priority})"));
        let elsewhere = world.index.of_name(name).any(|package| atom.accepts(package.version()));
        return match (atom.accepts(chosen), elsewhere) {
            (true, _) => String::new(),
            (false, true) => format!(", but version {chosen}{why} would be installed"),
            (false, false) => format!(", but only version {chosen} is available"),
        };
    }
    let mut versions = world.index.providers(name).map(|(_, version)| version).peekable();
    if versions.peek().is_none() {
        return ", which no package provides".to_owned();
    }
    let met = |version: &str| atom.bound.is_none() || !version.is_empty() && atom.accepts(version);
    if versions.any(met) { String::new() } else { ", which nothing provides in such a version".to_owned() }
}

/// The priority that a pin gives a version, where it is not that of the source.
fn pinned<'i>(world: &World<'i>, package: Package<'i>) -> Option<i32> {
    Some(world.priority(package)).filter(|priority| *priority != package.source().pin)
}

fn vain_request(world: &World<'_>, wanted: &Wanted) -> String {
    let mut there: Vec<String> = world
        .index
        .named(super::problem::split_arch(&wanted.name).0)
        .map(|package| {
            let pin = pinned(world, package).filter(|priority| *priority < 0);
            let note = pin.map_or(String::new(), |priority| format!(" (pinned to {priority})"));
            format!("{} from {}{note}", package.version(), package.source().suite)
        })
        .collect();
    there.dedup();
    if there.is_empty() {
        return "no package has this name".to_owned();
    }
    format!("there is only {}", join(&there))
}

/// One sentence for a person.
fn summary(task: &Task<'_>, request: &Request, conflict: &Conflict, unknown: &[Unknown]) -> String {
    if let [only] = unknown {
        let hint = only.near.first().map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        let stop = if hint.is_empty() { "." } else { "" };
        return format!("There is no package `{}`{hint}{stop}", only.name);
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
            Origin::Essential => format!("`{banned}` is needed by every system and cannot be left out."),
            _ => format!(
                "{} needs `{banned}`, which is to be left out.",
                root_text(task, request, conflict.roots[0])
            ),
        };
    }
    let roots: Vec<String> = conflict.roots.iter().map(|root| root_text(task, request, *root)).collect();
    let reason = decisive.map(|fact| (fact, link(task, request, fact)));
    match (&roots[..], reason) {
        ([only], Some((Fact::AsksInVain { .. }, link))) => format!("{only} {} {}.", link.relation, link.to),
        ([only], Some((_, link))) => format!("{only} cannot be installed: {}.", sentence(&link)),
        (_, Some((_, link))) => format!("{} do not go together: {}.", join(&roots), sentence(&link)),
        (_, None) => format!("{} do not go together.", join(&roots)),
    }
}

fn sentence(link: &Link) -> String {
    format!("{} {} {}", link.from, link.relation, link.to)
}

fn root_text(task: &Task<'_>, request: &Request, root: SolverRoot) -> String {
    let root = root_of(task, request, root);
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
