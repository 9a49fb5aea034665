//! First steps that are worth trying, for each root of a conflict.

use std::collections::{BTreeMap, BTreeSet};

use lbuild_solve::{Conflict, Fact, Root};

use super::family::{Asker, Atom, Found, Role};
use super::phrase::providers;
use super::problem::{Origin, Task};
use super::switches::only_for;
use super::world::World;
use super::{Change, Unknown};
use crate::index::Package;

/// Pin of a suite that is in use without being asked for.
const NORMAL_PIN: i32 = 500;
/// Names of one kind that are proposed instead of one that does not exist.
const MOST_NAMES: usize = 3;
/// Packages that are proposed in place of a requested one, because they provide the same.
const MOST_INSTEAD: usize = 3;
/// So many of its commands make a package a replacement; a role by itself is as good.
const COMMANDS: usize = 2;
/// More packages than this provide a name that says nothing about what they are.
const MOST_PROVIDERS: usize = 12;

/// What to try; each entry is one fix, of one change or of several that go together.
pub(super) fn ideas(task: &Task<'_, '_>, conflict: &Conflict, unknown: &[Unknown]) -> Vec<Vec<Change>> {
    // A switch by itself comes before the switch with something else.
    let mut ideas = switches(task, conflict);
    for root in &conflict.roots {
        match root {
            Root::Ban(ban) => ideas.push(vec![Change::DropRemoval { index: *ban }]),
            Root::Goal(goal) => match task.origins[*goal] {
                Origin::Wanted(position) => ideas.append(&mut for_request(task, *goal, position, unknown)),
                Origin::Base(base) if !base.vital => {
                    let name = task.first(*goal).map(|package| package.name().to_owned());
                    ideas.extend(name.map(|name| vec![Change::LeaveOut { name }]));
                }
                Origin::Base(_) | Origin::Forced(_) => {}
            },
        }
    }
    ideas.extend(guesses(task, unknown));
    ideas.extend((0..task.request.pins.len()).map(|index| vec![Change::DropPin { index }]));
    ideas
}

/// The best guess for each of several names that do not exist, together. Where one has none, likeness is too little to go
/// by for the others, and what nothing is known about is dropped.
fn guesses(task: &Task<'_, '_>, unknown: &[Unknown]) -> Option<Vec<Change>> {
    let all = unknown.iter().all(|unknown| unknown.guess().is_some() || !unknown.elsewhere.is_empty());
    let guess = |unknown: &Unknown| {
        if let Some(switch) = unknown.elsewhere.first() {
            return Some(Change::Enable { switch: switch.clone() });
        }
        let asks = |wanted: &super::Wanted| task.world.family.wanted(wanted).name == unknown.name;
        let index = task.request.packages.iter().position(asks)?;
        Some(match unknown.guess().filter(|name| all || !unknown.near.contains(name)) {
            Some(name) => Change::Rename { index, name: name.clone() },
            None => Change::DropRequest { index },
        })
    };
    if unknown.len() < 2 {
        return None;
    }
    let mut changes = unknown.iter().map(guess).collect::<Option<Vec<Change>>>()?;
    changes.sort();
    changes.dedup();
    Some(changes)
}

fn for_request(task: &Task<'_, '_>, goal: usize, position: usize, unknown: &[Unknown]) -> Vec<Vec<Change>> {
    let mut ideas = Vec::new();
    let wanted = &task.request.packages[position];
    let name = task.world.family.wanted(wanted).name;
    let rename = |name: &str| vec![Change::Rename { index: position, name: name.to_owned() }];
    if let Some(unknown) = unknown.iter().find(|unknown| unknown.name == name) {
        let known = [&unknown.called, &unknown.renamed, &unknown.shipping];
        let guesses = known.into_iter().find(|names| !names.is_empty()).unwrap_or(&unknown.near);
        let asked = |name: &&String| task.request.packages.iter().any(|wanted| wanted.name == **name);
        ideas.extend(guesses.iter().filter(|name| !asked(name)).take(MOST_NAMES).map(|name| rename(name)));
    }
    if task.problem.goals[goal].any_of.is_empty() && task.world.named(name).next().is_none() {
        let providers = providers(task.world, name);
        ideas.extend(providers.iter().take(MOST_NAMES).map(|name| rename(name)));
    }
    if wanted.version.is_some() {
        ideas.push(vec![Change::AnyVersion { index: position }]);
    }
    ideas.append(&mut suites(task, goal, position));
    if let Some(package) = task.first(goal).filter(|package| package.name() == name) {
        ideas.extend(instead(task, package).iter().map(|name| rename(name)));
    }
    ideas.push(vec![Change::DropRequest { index: position }]);
    ideas
}

/// Other suites that have the package, those that are off included.
fn suites(task: &Task<'_, '_>, goal: usize, position: usize) -> Vec<Vec<Change>> {
    let wanted = &task.request.packages[position];
    let current = task.first(goal).map(|package| package.version());
    let masked = |package: &Package<'_>| task.world.family.has_masks() && !task.world.is_in_use(*package);
    let versions = task.world.index.named(task.world.family.wanted(wanted).name);
    let versions = versions.filter(|package| !masked(package));
    let suites: BTreeSet<(&str, &str)> = versions
        // Naming the suite of a backport brings its dependencies along; naming a suite in normal use changes nothing.
        .filter(|package| current != Some(package.version()) || package.source().pin < NORMAL_PIN)
        .map(|package| (package.source().suite.as_str(), package.source().switch.as_str()))
        .filter(|(suite, _)| wanted.suite.as_deref() != Some(*suite))
        .collect();
    let change = |(suite, switch): (&str, &str)| {
        let from = Change::FromSuite { index: position, suite: suite.to_owned() };
        let on = task.request.enable.iter().any(|enabled| enabled == switch);
        if switch.is_empty() || on {
            vec![from]
        } else {
            vec![Change::Enable { switch: switch.to_owned() }, from]
        }
    };
    suites.into_iter().map(change).collect()
}

/// Names of packages that can do what `package` does: they provide a role that it provides too, such as that of a mail
/// server, or several of its commands.
fn instead(task: &Task<'_, '_>, package: Package<'_>) -> Vec<String> {
    let index = task.world.index;
    let mut roles: BTreeMap<&str, usize> = BTreeMap::new();
    for (id, name) in index.names() {
        let providers: Vec<Package<'_>> = index.providers(id).map(|(provider, _)| provider).collect();
        // A name without its category says nothing about what the package is.
        let short = package.name().rsplit_once('/').is_some_and(|(_, short)| short == name);
        if providers.len() < 2 || providers.len() > MOST_PROVIDERS || short || !providers.contains(&package) {
            continue;
        }
        let weight = match task.world.family.thing(name) {
            None => COMMANDS,
            Some(("command", _)) => 1,
            Some(_) => continue,
        };
        let others = providers.into_iter().filter(|other| other.name_id() != package.name_id());
        for other in others.filter(|other| task.world.is_member(*other)) {
            *roles.entry(other.name()).or_default() += weight;
        }
    }
    // What is asked for anyway takes the place of nothing.
    let requests = task.request.packages.iter();
    let asked: BTreeSet<&str> = requests.map(|wanted| task.world.family.wanted(wanted).name).collect();
    let enough = |(name, weight): &(&str, usize)| *weight >= COMMANDS && !asked.contains(name);
    // The names that look most like the requested one are the most likely variants of it.
    let mut names: Vec<&str> = roles.into_iter().filter(enough).map(|(name, _)| name).collect();
    names.sort_by_key(|name| std::cmp::Reverse(common(name, package.name())));
    names.into_iter().take(MOST_INSTEAD).map(str::to_owned).collect()
}

fn common(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

/// What switches on what is off and has something of what is missing.
pub(super) fn switches(task: &Task<'_, '_>, conflict: &Conflict) -> Vec<Vec<Change>> {
    let mut ideas: BTreeSet<Vec<Change>> = BTreeSet::new();
    for atom in missing(task, conflict) {
        let mut off = off(task.world, &atom);
        if task.world.family.has_masks() {
            // The fewest acceptances first; more kinds of them than two are no help.
            off.sort_by_key(|(ways, _)| (ways.len(), ways.iter().any(|way| way.ends_with('*'))));
            off.truncate(2);
        }
        for (ways, name) in off {
            let enable = |switch: String| Change::Enable { switch };
            if task.world.family.has_masks() {
                ideas.insert(ways.iter().map(|way| enable(only_for(way, name))).collect());
            }
            ideas.insert(ways.iter().map(|way| enable((*way).to_owned())).collect());
        }
    }
    ideas.into_iter().collect()
}

/// What is asked for and needed in vain.
pub(super) fn missing<'t>(task: &'t Task<'_, '_>, conflict: &Conflict) -> Vec<Atom<'t>> {
    let world = task.world;
    let mut atoms: Vec<Atom<'t>> = Vec::new();
    for root in &conflict.roots {
        if let Root::Goal(goal) = root
            && let Origin::Wanted(position) = task.origins[*goal]
        {
            atoms.push(world.family.wanted(&task.request.packages[position]));
        }
    }
    for fact in &conflict.facts {
        if let Fact::NeedsInVain { package, relation } = fact {
            let expansion = world.expand(world.package(*package));
            let statement = expansion.requires.get(*relation).and_then(|at| expansion.statements.get(*at));
            atoms.extend(statement.into_iter().flat_map(|said| said.formula.atoms()));
        }
    }
    atoms
}

/// What is off and has the name of `atom`, by what would switch it on, with the name of the package. Where packages are
/// masked one by one, only those count that satisfy the atom.
fn off<'i>(world: &World<'i>, atom: &Atom<'_>) -> Vec<(Vec<&'i str>, &'i str)> {
    let Some(id) = world.index.name_id(atom.name) else { return Vec::new() };
    let own = world.index.of_name(id).map(|package| Found { package, provided: None });
    let providers = world.index.providers(id);
    let provided = providers.map(|(package, version)| Found { package, provided: Some(version) });
    let asker = Asker { package: None, role: Role::Requires };
    let mut found = Vec::new();
    for one in own.chain(provided).filter(|found| !world.is_in_use(found.package)) {
        let fits = !world.family.has_masks() || world.family.satisfies(world, atom, one, asker);
        let entry = (world.missing_for(one.package), one.package.name());
        if fits && !found.contains(&entry) {
            found.push(entry);
        }
    }
    found
}
