//! From a request to the solver's problem.

use std::collections::HashSet;

use lbuild_solve::{Goal, PackageId, Problem};

use super::family::{Asker, Atom, Family, Found, Operator, Role};
use super::near::group;
use super::pins::is_from;
use super::world::World;
use super::{Base, Constraint, Forced, Request, Wanted};
use crate::index::{Index, Package};

/// Why a goal exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// `packages[_]` of the request.
    Wanted(usize),
    /// `force[_]` of the request.
    Forced(usize),
    /// The base set of the family.
    Base(Base),
}

/// A request translated.
pub(super) struct Task<'w, 'i> {
    pub(super) request: &'w Request,
    pub(super) world: &'w World<'i>,
    pub(super) problem: Problem,
    /// One per goal.
    pub(super) origins: Vec<Origin>,
}

/// What cannot be left out is settled before anything else chooses, as bootstrapping tools do it.
const STAGE_VITAL: u8 = 0;
const STAGE_REST: u8 = 1;

/// The world that a request sees. It serves other requests too, as long as they ask for the same versions and suites.
pub(super) fn world<'i>(family: &'i dyn Family, index: &'i Index, request: &'i Request) -> World<'i> {
    let mut world = World::new(index, family, request);
    for wanted in &request.packages {
        choose_versions(&mut world, wanted);
    }
    for forced in &request.force {
        let wanted = forced.wanted();
        let found = best(&world, &wanted, true);
        if let Some(found) = found {
            world.force(found);
        }
    }
    world
}

pub(super) fn translate<'w, 'i>(world: &'w World<'i>, request: &'w Request) -> Task<'w, 'i> {
    let mut task = Task { request, world, problem: Problem::default(), origins: Vec::new() };
    task.problem.recommends = request.recommends;
    task.problem.additions = request.supplements;
    for name in &request.remove {
        let banned = task.banned(name);
        task.problem.bans.push(banned);
    }
    for (position, wanted) in request.packages.iter().enumerate() {
        for any_of in meeting(world, wanted) {
            task.add(any_of, STAGE_REST, Origin::Wanted(position));
        }
    }
    for (position, forced) in request.force.iter().enumerate() {
        for any_of in meeting(world, &forced.wanted()) {
            task.add(any_of, STAGE_REST, Origin::Forced(position));
        }
    }
    task.add_base();
    task
}

impl Forced {
    fn wanted(&self) -> Wanted {
        let version = Constraint { operator: Operator::Equal, version: self.version.clone() };
        Wanted { name: self.name.clone(), version: Some(version), suite: None }
    }
}

impl Task<'_, '_> {
    fn add(&mut self, any_of: Vec<PackageId>, stage: u8, origin: Origin) {
        self.problem.goals.push(Goal { any_of, stage });
        self.origins.push(origin);
    }

    /// Every version of a name, and every architecture or slot of it unless it names one.
    fn banned(&self, name: &str) -> Vec<PackageId> {
        let wanted = Wanted { name: name.to_owned(), ..Wanted::default() };
        let atom = self.world.family.wanted(&wanted);
        let meant = |package: &Package<'_>| {
            let found = Found { package: *package, provided: None };
            atom.qualifier.is_empty() || self.world.family.satisfies(self.world, &atom, found, USER)
        };
        self.world.index.named(atom.name).filter(meant).map(|package| PackageId(package.id())).collect()
    }

    /// The base set. What the request removes is left out of it, unless the family cannot do without.
    fn add_base(&mut self) {
        let banned: HashSet<PackageId> = self.problem.bans.iter().flatten().copied().collect();
        for (package, reason) in self.world.base(self.request) {
            let id = PackageId(*package);
            if reason.vital {
                self.add(vec![id], STAGE_VITAL, Origin::Base(*reason));
            } else if !banned.contains(&id) {
                self.add(vec![id], STAGE_REST, Origin::Base(*reason));
            }
        }
    }
}

/// A request of the user, as the one who asks.
const USER: Asker<'static> = Asker { package: None, role: Role::Requires };

/// Makes the versions that `wanted` asks for stand for their names.
fn choose_versions(world: &mut World<'_>, wanted: &Wanted) {
    if wanted.version.is_none() && wanted.suite.is_none() {
        return;
    }
    // Only a request for this very version, or for its suite, is stronger than a pin that says never.
    let is_exact = |bound: &Constraint| bound.operator == Operator::Equal;
    let exact = wanted.suite.is_some() || wanted.version.as_ref().is_some_and(is_exact);
    let Some(best) = best(world, wanted, exact) else { return };
    world.choose(best);
    if let Some(suite) = &wanted.suite {
        follow_suite(world, best, suite);
    }
}

/// The best package of the name and version that is asked for; with `exact` it may come from a source that is never
/// used by itself.
fn best<'i>(world: &World<'i>, wanted: &Wanted, exact: bool) -> Option<Package<'i>> {
    let atom = world.family.wanted(wanted);
    let accepted = |package: &Package<'i>| {
        let found = Found { package: *package, provided: None };
        world.family.satisfies(world, &atom, found, USER)
            && wanted.suite.as_ref().is_none_or(|suite| is_from(*package, suite))
            && (exact || world.priority(*package) > 0)
    };
    let order = |a: &Package<'i>, b: &Package<'i>| {
        let arch = world.arches().of(*a).cmp(&world.arches().of(*b));
        arch.then_with(|| world.better(*a, *b))
    };
    world.named(atom.name).filter(accepted).min_by(order)
}

/// Takes dependencies from `suite` too where the candidate is not enough, as `apt install name/suite` does, and
/// theirs in turn.
fn follow_suite<'i>(world: &mut World<'i>, start: Package<'i>, suite: &str) {
    let mut seen = HashSet::from([start.id()]);
    let mut queue = vec![start];
    while let Some(package) = queue.pop() {
        let asker = Asker { package: Some(package), role: Role::Requires };
        let statements = world.family.statements(package);
        for statement in statements.iter().filter(|statement| statement.role == Role::Requires) {
            let atoms: Vec<Atom<'_>> = statement.formula.atoms();
            let there: Vec<Package<'i>> =
                atoms.iter().flat_map(|atom| world.satisfying(atom, asker)).collect();
            if !there.is_empty() {
                // What the suite alone has may need more of it.
                queue.extend(
                    there.into_iter().filter(|other| is_from(*other, suite) && seen.insert(other.id())),
                );
                continue;
            }
            let found = atoms.iter().find_map(|atom| {
                let fits = |other: &Package<'i>| {
                    let found = Found { package: *other, provided: None };
                    is_from(*other, suite) && world.family.satisfies(world, atom, found, asker)
                };
                world.named(atom.name).find(fits)
            });
            if let Some(found) = found.filter(|found| !world.is_chosen(world.slot_of(*found))) {
                world.choose(found);
                seen.insert(found.id());
                queue.push(found);
            }
        }
    }
}

/// The packages that meet a request: the name itself, or, when no package bears it, what provides it, or each package
/// of the group of that name.
fn meeting(world: &World<'_>, wanted: &Wanted) -> Vec<Vec<PackageId>> {
    let atom = world.family.wanted(wanted);
    let found = world.satisfying(&atom, USER);
    let from_suite =
        |package: &Package<'_>| wanted.suite.as_ref().is_none_or(|suite| is_from(*package, suite));
    let real = world.named(atom.name).next().is_some();
    let any_name = !real || world.family.provided_is_own();
    let is_meant = |package: &Package<'_>| any_name || package.name() == atom.name;
    let any_of: Vec<PackageId> = found
        .into_iter()
        .filter(from_suite)
        .filter(is_meant)
        .map(|package| PackageId(package.id()))
        .collect();
    if !any_of.is_empty() || real {
        return vec![any_of];
    }
    let mut seen = HashSet::new();
    let members = group(world.index, atom.name)
        .filter(|package| world.arches().of(*package) == 0 && from_suite(package))
        .filter(|package| seen.insert(package.slot_id()))
        .filter_map(|package| world.members(world.slot_of(package)).first().copied());
    let members: Vec<Vec<PackageId>> = members.map(|package| vec![PackageId(package.id())]).collect();
    if members.is_empty() { vec![any_of] } else { members }
}
