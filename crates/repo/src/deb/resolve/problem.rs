//! From a request to the solver's problem.

use std::collections::HashSet;

use lbuild_solve::{Goal, PackageId, Problem};

use super::pins::is_from;
use super::world::{REQUIRES, World, relation_texts};
use super::{Priority, Request, Wanted};
use crate::deb::index::{Index, Package};
use crate::deb::relation::{Atom, Constraint, Operator, alternatives};

/// Why a goal exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// `packages[_]` of the request.
    Wanted(usize),
    /// `Essential: yes`.
    Essential,
    /// The priority of the package.
    Priority(Priority),
}

/// A request translated.
pub(super) struct Task<'i> {
    pub(super) world: World<'i>,
    pub(super) problem: Problem,
    /// One per goal.
    pub(super) origins: Vec<Origin>,
}

/// Essential packages are settled before anything else chooses, as bootstrapping tools do it.
const STAGE_ESSENTIAL: u8 = 0;
const STAGE_REST: u8 = 1;

pub(super) fn translate<'i>(index: &'i Index, request: &'i Request) -> Task<'i> {
    let mut world = World::new(index, &request.arch, &request.pins);
    for wanted in &request.packages {
        choose_versions(&mut world, wanted);
    }
    let mut task = Task { world, problem: Problem::default(), origins: Vec::new() };
    task.problem.recommends = request.recommends;
    for name in &request.remove {
        let banned = task.banned(name);
        task.problem.bans.push(banned);
    }
    for (position, wanted) in request.packages.iter().enumerate() {
        let any_of = meeting(&task.world, wanted);
        task.add(any_of, STAGE_REST, Origin::Wanted(position));
    }
    task.add_base(request);
    task
}

impl Task<'_> {
    fn add(&mut self, any_of: Vec<PackageId>, stage: u8, origin: Origin) {
        self.problem.goals.push(Goal { any_of, stage });
        self.origins.push(origin);
    }

    fn banned(&self, name: &str) -> Vec<PackageId> {
        let (name, arch) = split_arch(name);
        let versions = self.world.index.named(name);
        let of_arch = |package: &Package<'_>| {
            arch.is_none_or(|arch| self.world.arches.find(arch) == Some(self.world.arches.of(*package)))
        };
        versions.filter(of_arch).map(|package| PackageId(package.id())).collect()
    }

    /// The essential packages and those of the wanted priorities. What the request removes is left out of the
    /// priorities, but not of the essential packages.
    fn add_base(&mut self, request: &Request) {
        let mut names_seen = vec![false; self.world.index.name_count()];
        let mut base = Vec::new();
        for package in self.world.index.packages() {
            let prioritized = request.priority.is_some_and(|least| package.priority() <= least);
            if !(request.essential && package.essential() || prioritized)
                || self.world.arches.of(package) != 0
            {
                continue;
            }
            if std::mem::replace(&mut names_seen[package.name_id() as usize], true) {
                continue;
            }
            base.extend(self.world.members(self.world.slot_of(package)).first().copied());
        }
        for package in base {
            let id = PackageId(package.id());
            if request.essential && package.essential() {
                self.add(vec![id], STAGE_ESSENTIAL, Origin::Essential);
            } else if request.priority.is_some_and(|least| package.priority() <= least)
                && !self.problem.bans.iter().flatten().any(|banned| *banned == id)
            {
                self.add(vec![id], STAGE_REST, Origin::Priority(package.priority()));
            }
        }
    }
}

/// `name:arch`, or a name alone.
pub(super) fn split_arch(name: &str) -> (&str, Option<&str>) {
    name.split_once(':').map_or((name, None), |(name, arch)| (name, Some(arch)))
}

/// Makes the versions that `wanted` asks for stand for their names.
fn choose_versions<'i>(world: &mut World<'i>, wanted: &Wanted) {
    if wanted.version.is_none() && wanted.suite.is_none() {
        return;
    }
    let (name, arch) = split_arch(&wanted.name);
    let Some(arch) = arch.map_or(Some(0), |arch| world.arches.find(arch)) else { return };
    // Only a request for this very version, or for its suite, is stronger than a pin that says never.
    let is_exact = |bound: &Constraint| bound.operator == Operator::Equal;
    let exact = wanted.suite.is_some() || wanted.version.as_ref().is_some_and(is_exact);
    let accepted = |package: &Package<'i>| {
        world.arches.of(*package) == arch
            && wanted.version.as_ref().is_none_or(|bound| bound.accepts(package.version()))
            && wanted.suite.as_ref().is_none_or(|suite| is_from(*package, suite))
            && (exact || world.priority(*package) > 0)
    };
    let by_name = world.index.named(name).filter(accepted);
    // A version that is asked for may come from a source that is never used by itself.
    let best = by_name.max_by(|a, b| {
        let pin = |package: &Package<'i>| world.priority(*package);
        let order = pin(a).cmp(&pin(b)).then_with(|| crate::deb::version::compare(a.version(), b.version()));
        order.then_with(|| b.id().cmp(&a.id()))
    });
    let Some(best) = best else { return };
    world.choose(best);
    if let Some(suite) = &wanted.suite {
        follow_suite(world, best, suite);
    }
}

/// Takes dependencies from `suite` too where the candidate is not enough, as `apt install name/suite` does, and
/// theirs in turn.
fn follow_suite<'i>(world: &mut World<'i>, start: Package<'i>, suite: &str) {
    let mut seen = HashSet::from([start.id()]);
    let mut queue = vec![start];
    while let Some(package) = queue.pop() {
        let arch = world.arches.of(package);
        for relation in relation_texts(package, &REQUIRES) {
            let atoms: Vec<Atom<'_>> = alternatives(relation).flatten().collect();
            let there: Vec<Package<'i>> =
                atoms.iter().flat_map(|atom| world.satisfying(atom, arch)).collect();
            if !there.is_empty() {
                // What the suite alone has may need more of it.
                queue.extend(
                    there.into_iter().filter(|other| is_from(*other, suite) && seen.insert(other.id())),
                );
                continue;
            }
            let found = atoms.iter().find_map(|atom| {
                let fits = |other: &Package<'i>| {
                    is_from(*other, suite) && world.arches.of(*other) == arch && atom.accepts(other.version())
                };
                world.index.named(atom.name).find(fits)
            });
            if let Some(found) = found.filter(|found| !world.is_chosen(world.slot_of(*found))) {
                world.choose(found);
                seen.insert(found.id());
                queue.push(found);
            }
        }
    }
}

/// The packages that meet a request: the name itself, or, when no package bears it, what provides it.
fn meeting(world: &World<'_>, wanted: &Wanted) -> Vec<PackageId> {
    let (name, arch) = split_arch(&wanted.name);
    let bound = wanted.version.as_ref().map(|bound| (bound.operator, bound.version.as_str()));
    let atom = Atom { name, qualifier: arch.unwrap_or_default(), bound };
    let found = world.satisfying(&atom, 0);
    let from_suite =
        |package: &Package<'_>| wanted.suite.as_ref().is_none_or(|suite| is_from(*package, suite));
    let real = world.index.named(name).next().is_some();
    let is_meant = |package: &Package<'_>| !real || package.name() == name;
    found.into_iter().filter(from_suite).filter(is_meant).map(|package| PackageId(package.id())).collect()
}
