//! From the solver's facts to words.

use lbuild_solve::{Conflict, Fact, PackageId, Resolver, Root as SolverRoot};

use super::chain::{chain, is_met_by_nothing, link, sentence, shared_reason};
use super::family::Family;
use super::ideas::missing;
use super::phrase::some;
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
    let conflict = &with_choices(task, conflict);
    let unknown = near::unknown(task, knowledge);
    let mut roots: Vec<Root> = Vec::new();
    let nameless = (0..task.problem.goals.len())
        .filter(|goal| unknown.iter().any(|unknown| unknown.name == task.goal_name(*goal)))
        .map(SolverRoot::Goal);
    for root in conflict.roots.iter().copied().chain(nameless).map(|root| root_of(task, root)) {
        // The members of a group are goals of one request.
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    Unsatisfiable {
        summary: summary(task, conflict, &unknown),
        roots,
        chain: if unknown.len() > 1 { meanings(&unknown) } else { chain(task, conflict) },
        fixes: fixes::find(task, resolver, conflict, &unknown),
        unknown,
    }
}

/// The conflict with the requests for a version or suite that decided what is needed in vain. Where only one version of
/// a name counts, such a request is part of no fact, and still the reason.
fn with_choices(task: &Task<'_, '_>, conflict: &Conflict) -> Conflict {
    let mut conflict = conflict.clone();
    let in_vain = conflict.facts.iter().any(|fact| matches!(fact, Fact::AsksInVain { .. }));
    if in_vain || !task.world.family.has_one_candidate() {
        return conflict;
    }
    let names: Vec<&str> = missing(task, &conflict).iter().map(|atom| atom.name).collect();
    for (goal, origin) in task.origins.iter().enumerate() {
        let Origin::Wanted(position) = origin else { continue };
        let wanted = &task.request.packages[*position];
        let chooses = wanted.version.is_some() || wanted.suite.is_some();
        let root = SolverRoot::Goal(goal);
        let is_meant = names.contains(&task.world.family.wanted(wanted).name);
        if chooses && is_meant && !conflict.roots.contains(&root) {
            conflict.roots.push(root);
        }
    }
    conflict
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

    /// The name that a goal asks for; empty for those of the base set.
    pub(super) fn goal_name(&self, goal: usize) -> &str {
        match self.origins[goal] {
            Origin::Wanted(position) => self.world.family.wanted(&self.request.packages[position]).name,
            Origin::Forced(position) => &self.request.force[position].name,
            Origin::Base(_) => "",
        }
    }

    pub(super) fn packages(&self, ids: &[PackageId]) -> Vec<Package<'i>> {
        ids.iter().map(|id| self.world.package(*id)).collect()
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

/// One sentence for a person.
fn summary(task: &Task<'_, '_>, conflict: &Conflict, unknown: &[Unknown]) -> String {
    if let [only] = unknown {
        return no_package(only);
    }
    if !unknown.is_empty() {
        let names: Vec<String> = unknown.iter().map(|unknown| format!("`{}`", unknown.name)).collect();
        let guesses: Option<Vec<String>> =
            unknown.iter().map(|unknown| unknown.guess().map(|name| format!("`{name}`"))).collect();
        let guesses = guesses.map(|names| format!("; did you mean {}?", some(names, "and")));
        return format!("There are no packages {}{}", some(names, "and"), guesses.as_deref().unwrap_or("."));
    }
    if let Some(sentence) = removed(task, conflict) {
        return sentence;
    }
    let goals: Vec<String> = goal_names(task, conflict);
    let goals: Vec<String> = goals.into_iter().map(|goal| format!("`{goal}`")).collect();
    let decisive = decisive(task, conflict);
    match (&goals[..], decisive) {
        ([only], Some(fact @ Fact::AsksInVain { .. })) => {
            let link = link(task, fact);
            format!("{only} {} {}.", link.relation, link.to)
        }
        ([only], Some(fact)) => format!("{only} cannot be installed: {}.", sentence(task, fact)),
        (_, Some(fact)) => {
            if let Some((a, b, reason)) = shared_reason(task, fact)
                && [&a, &b].into_iter().all(|name| goals.contains(&format!("`{name}`")))
            {
                return format!("`{a}` and `{b}` cannot be installed together{reason}.");
            }
            format!("{} cannot be installed together: {}.", some(goals, "and"), sentence(task, fact))
        }
        (_, None) => format!("{} cannot be installed together.", some(goals, "and")),
    }
}

/// What is said when the request itself takes something away that it needs: without that removal it could be met.
fn removed(task: &Task<'_, '_>, conflict: &Conflict) -> Option<String> {
    let ban = |root: &SolverRoot| match root {
        SolverRoot::Ban(ban) => Some(format!("`{}`", task.request.remove[*ban])),
        SolverRoot::Goal(_) => None,
    };
    let bans: Vec<String> = conflict.roots.iter().filter_map(ban).collect();
    let (first, goals) = (bans.first()?, goal_names(task, conflict));
    let vital = |root: &SolverRoot| match root {
        SolverRoot::Goal(goal) => matches!(task.origins[*goal], Origin::Base(base) if base.vital),
        SolverRoot::Ban(_) => true,
    };
    if conflict.roots.iter().all(vital) {
        return Some(format!("{first} is needed by every system and cannot be removed."));
    }
    if let ([goal], [ban]) = (&goals[..], &bans[..])
        && *ban == format!("`{goal}`")
    {
        return Some(format!("Your spec asks for {ban} and removes it, too."));
    }
    let together = if goals.len() > 1 { " together need" } else { " needs" };
    let goals: Vec<String> = goals.into_iter().map(|goal| format!("`{goal}`")).collect();
    let goals = format!("{}{together}", some(goals, "and"));
    Some(match &bans[..] {
        [only] => format!("{goals} {only}, which your spec removes."),
        _ => format!("{goals} one of {}, all of which your spec removes.", some(bans, "and")),
    })
}

/// The requests of a conflict, each once.
fn goal_names(task: &Task<'_, '_>, conflict: &Conflict) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for root in conflict.roots.iter().filter(|root| matches!(root, SolverRoot::Goal(_))) {
        let name = root_of(task, *root).request;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A name that does not exist, with what is most likely meant.
fn no_package(unknown: &Unknown) -> String {
    let Unknown { name, near, called, renamed, shipping, elsewhere, releases, unpackaged } = unknown;
    let guess = if !called.is_empty() {
        let names = called.iter().map(|name| format!("`{name}`")).collect();
        format!("; here it is called {}.", some(names, "and"))
    } else if let Some(switch) = elsewhere.first() {
        return format!("The package `{name}` is in the {switch}, which is not switched on.");
    } else if let Some(renamed) = renamed.first() {
        format!("; `{renamed}` has taken its place.")
    } else if let Some(shipping) = shipping.first() {
        format!("; the package `{shipping}` has a command or library of that name.")
    } else if !releases.is_empty() {
        let names = releases.iter().map(|release| format!("`{release}`")).collect();
        format!(" in this release, but there is one in {}.", some(names, "and"))
    } else if *unpackaged {
        ": this base does not package that program.".to_owned()
    } else if let Some(near) = near.first() {
        format!("; did you mean `{near}`?")
    } else {
        ".".to_owned()
    };
    format!("There is no package `{name}`{guess}")
}

/// What each of several names may mean, where something is known about it.
fn meanings(unknown: &[Unknown]) -> Vec<Link> {
    let link = |unknown: &Unknown| {
        let (relation, to) = if let Some(name) = unknown.called.first() {
            ("is called here", name.clone())
        } else if let Some(switch) = unknown.elsewhere.first() {
            ("is in", format!("the {switch}, which is not switched on"))
        } else if let Some(name) = unknown.renamed.first() {
            ("was replaced by", name.clone())
        } else if let Some(name) = unknown.shipping.first() {
            ("is a command or library of", name.clone())
        } else if let Some(release) = unknown.releases.first() {
            ("is in", format!("the release {release}"))
        } else if unknown.unpackaged {
            ("is not packaged by", "this base".to_owned())
        } else {
            ("looks like", unknown.near.first()?.clone())
        };
        Some(Link { from: unknown.name.clone(), relation: relation.to_owned(), to })
    };
    unknown.iter().filter_map(link).collect()
}

/// The fact that the whole chain leads to: the first clash, else the first thing that is not there at all.
fn decisive<'c>(task: &Task<'_, '_>, conflict: &'c Conflict) -> Option<&'c Fact> {
    let clash = |fact: &&Fact| matches!(fact, Fact::Excludes { .. } | Fact::SameSlot { .. });
    let vain = |fact: &&Fact| matches!(fact, Fact::NeedsInVain { .. } | Fact::AsksInVain { .. });
    let nothing = |fact: &&Fact| vain(fact) && is_met_by_nothing(task, fact);
    let facts = || conflict.facts.iter();
    facts()
        .find(clash)
        .or_else(|| facts().find(nothing))
        .or_else(|| facts().rev().find(vain))
        .or(facts().last())
}
