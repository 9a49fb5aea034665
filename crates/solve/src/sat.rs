//! The complete search, on resolvo.
//!
//! resolvo knows names and version sets, not alternatives over several names. A list of packages becomes one version
//! set per slot, joined in the order of preference; an exclusion becomes a constraint on the slot that leaves the
//! excluded packages out. Every candidate of a version set therefore has the same name, which resolvo relies on.
//!
//! What is required only when others are there becomes a choice between it and a stand-in that keeps the others out:
//! resolvo's own conditions let sets through that break them (`conditions_hold_in_the_search` in the tests).

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::Display;

use resolvo::{
    Candidates, Condition, ConditionId, ConditionalRequirement, DenseIndex, Dependencies, DependencyProvider,
    HintDependenciesAvailable, Interner, KnownDependencies, NameId, Requirement, SolvableId, Solver,
    SolverCache, StringId, UnsolvableOrCancelled, VersionSetId, VersionSetUnionId, conflict::ConflictCause,
    conflict::ConflictEdge, conflict::ConflictNode,
};

use crate::memo::Memo;
use crate::model::{self, Fact, Goal, PackageId, Problem, Root, SlotId, Universe};

/// Rounds of propagation before the search is given up; a desktop with everything needs about 10,000.
pub(crate) const MAX_STEPS: u64 = 400_000;

/// What the search found.
pub(crate) enum Answer {
    /// A set that meets the problem, in no particular order.
    Solved(Vec<PackageId>),
    /// No set does; the goals and bans that the proof used, and its facts.
    Impossible { roots: Vec<Root>, facts: Vec<Fact> },
    /// Given up.
    TooHard,
}

/// Searches all possibilities.
pub(crate) fn search<U: Universe>(memo: &Memo<'_, U>, problem: &Problem) -> Answer {
    let provider = Provider { memo, sets: RefCell::default(), steps: Cell::new(0) };
    let goals: Vec<Requirement> = problem.goals.iter().map(|goal| provider.goal(&goal.any_of)).collect();
    let bans: Vec<(VersionSetId, usize)> = problem
        .bans
        .iter()
        .enumerate()
        .flat_map(|(position, packages)| {
            provider.constraints(packages).into_iter().map(move |set| (set, position))
        })
        .collect();
    let requirements =
        goals.iter().map(|&requirement| ConditionalRequirement { condition: None, requirement }).collect();
    let asked = resolvo::Problem::new()
        .requirements(requirements)
        .constraints(bans.iter().map(|(set, _)| *set).collect());
    let mut solver = Solver::new(provider);
    match solver.solve(asked) {
        Ok(solvables) => {
            let packages = solvables.into_iter().map(package_of);
            Answer::Solved(packages.filter(|package| is_package(memo, *package)).collect())
        }
        Err(UnsolvableOrCancelled::Cancelled(_)) => Answer::TooHard,
        Err(UnsolvableOrCancelled::Unsolvable(conflict)) => {
            let proof = conflict.graph(&solver);
            let roots = used_roots(&proof, &goals, &bans);
            let facts = facts_of(memo, &proof);
            Answer::Impossible { roots, facts: if facts.is_empty() { all_asked(problem) } else { facts } }
        }
    }
}

/// Whether it is one of the universe, and no stand-in.
fn is_package<U: Universe>(memo: &Memo<'_, U>, package: PackageId) -> bool {
    package.index() < memo.universe.package_count()
}

/// What the goals ask for: all that is known when the proof is about nothing but stand-ins.
fn all_asked(problem: &Problem) -> Vec<Fact> {
    let first = |(goal, asked): (usize, &Goal)| match asked.any_of.first() {
        Some(&package) => Fact::Asks { goal, package },
        None => Fact::AsksInVain { goal },
    };
    problem.goals.iter().enumerate().map(first).collect()
}

/// The goals and bans that stand in the proof.
fn used_roots(
    proof: &resolvo::conflict::ConflictGraph<SolvableId>,
    goals: &[Requirement],
    bans: &[(VersionSetId, usize)],
) -> Vec<Root> {
    let mut roots = Vec::new();
    for edge in proof.graph.raw_edges() {
        if !matches!(proof.graph[edge.source()], ConflictNode::Root) {
            continue;
        }
        match edge.weight {
            ConflictEdge::Requires(requirement) => {
                let asked = goals.iter().enumerate().filter(|(_, goal)| **goal == requirement);
                roots.extend(asked.map(|(position, _)| Root::Goal(position)));
            }
            ConflictEdge::Conflict(ConflictCause::Constrains(set)) => {
                let asked = bans.iter().filter(|(ban, _)| *ban == set);
                roots.extend(asked.map(|(_, position)| Root::Ban(*position)));
            }
            ConflictEdge::Conflict(_) => {}
        }
    }
    roots.sort_unstable();
    roots.dedup();
    roots
}

/// The proof as facts, in the order of the graph; the root's own edges are told by the roots.
fn facts_of<U: Universe>(
    memo: &Memo<'_, U>,
    proof: &resolvo::conflict::ConflictGraph<SolvableId>,
) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    for edge in proof.graph.raw_edges() {
        let ConflictNode::Solvable(from) = proof.graph[edge.source()] else { continue };
        let package = package_of(from);
        let to = match proof.graph[edge.target()] {
            ConflictNode::Solvable(to) => Some(package_of(to)),
            _ => None,
        };
        // what stand-ins say is the condition of a relation that is told by itself
        if [Some(package), to].into_iter().flatten().any(|one| !is_package(memo, one)) {
            continue;
        }
        let relations = memo.relations(package);
        let position =
            |lists: &[Vec<PackageId>]| lists.iter().position(|list| to.is_some_and(|to| list.contains(&to)));
        let fact = match (edge.weight, to) {
            (ConflictEdge::Requires(_), Some(on)) => {
                let relation = relations.requires.iter().position(|needed| needed.any_of.contains(&on));
                relation.map(|relation| Fact::Needs { package, relation, on })
            }
            (ConflictEdge::Requires(_), None) => {
                let relation = relations.requires.iter().position(|needed| needed.any_of.is_empty());
                relation.map(|relation| Fact::NeedsInVain { package, relation })
            }
            (ConflictEdge::Conflict(ConflictCause::Constrains(_)), Some(with)) => {
                position(&relations.excludes).map(|relation| Fact::Excludes { package, relation, with })
            }
            (ConflictEdge::Conflict(ConflictCause::ForbidMultipleInstances), Some(with)) => {
                Some(Fact::SameSlot { package, with })
            }
            (ConflictEdge::Conflict(_), _) => None,
        };
        facts.extend(fact.filter(|fact| !facts.contains(fact)));
    }
    facts
}

fn package_of(solvable: SolvableId) -> PackageId {
    PackageId(solvable.into_raw())
}

fn solvable_of(package: PackageId) -> SolvableId {
    SolvableId::from_raw(package.0)
}

/// Packages of one slot, or all but them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Set {
    slot: u32,
    packages: Vec<PackageId>,
    inverse: bool,
}

#[derive(Default)]
struct Sets {
    known: Vec<Set>,
    by_content: HashMap<Set, VersionSetId>,
    unions: Vec<Vec<VersionSetId>>,
    unions_by_content: HashMap<Vec<VersionSetId>, VersionSetUnionId>,
    /// What each stand-in keeps out.
    absent: Vec<Vec<PackageId>>,
    absent_by_content: HashMap<Vec<PackageId>, usize>,
}

impl Sets {
    fn intern(&mut self, set: Set) -> VersionSetId {
        let next = VersionSetId::from_index(self.known.len());
        let id = *self.by_content.entry(set.clone()).or_insert(next);
        if id == next {
            self.known.push(set);
        }
        id
    }

    fn add_union(&mut self, sets: Vec<VersionSetId>) -> VersionSetUnionId {
        self.unions.push(sets);
        VersionSetUnionId::from_index(self.unions.len() - 1)
    }
}

struct Provider<'m, 'u, U> {
    memo: &'m Memo<'u, U>,
    sets: RefCell<Sets>,
    steps: Cell<u64>,
}

impl<U: Universe> Provider<'_, '_, U> {
    /// The name that has no candidates: what an empty list of alternatives asks for.
    fn nothing(&self) -> u32 {
        u32::try_from(self.memo.universe.slot_count()).unwrap_or(u32::MAX)
    }

    /// The stand-in for the absence of all of `packages`. Its number follows those of the packages, and its slot
    /// follows [`Self::nothing`] in the same order.
    fn absence(&self, packages: &[PackageId]) -> PackageId {
        let mut sets = self.sets.borrow_mut();
        let next = sets.absent.len();
        let position = *sets.absent_by_content.entry(packages.to_vec()).or_insert(next);
        if position == next {
            sets.absent.push(packages.to_vec());
        }
        PackageId(u32::try_from(self.memo.universe.package_count() + position).unwrap_or(u32::MAX))
    }

    /// Which stand-in it is, if it is one.
    fn stand_in(&self, package: PackageId) -> Option<usize> {
        package.index().checked_sub(self.memo.universe.package_count())
    }

    fn slot(&self, package: PackageId) -> u32 {
        match self.stand_in(package) {
            None => self.memo.slot(package).0,
            Some(position) => self.nothing() + 1 + u32::try_from(position).unwrap_or(u32::MAX),
        }
    }

    /// Groups `packages` by slot, in order of first appearance.
    fn group(&self, packages: &[PackageId], inverse: bool) -> Vec<VersionSetId> {
        let mut groups: Vec<Set> = Vec::new();
        for &package in packages {
            let slot = self.slot(package);
            match groups.iter_mut().find(|group| group.slot == slot) {
                Some(group) => group.packages.push(package),
                None => groups.push(Set { slot, packages: vec![package], inverse }),
            }
        }
        let mut sets = self.sets.borrow_mut();
        groups.into_iter().map(|group| sets.intern(group)).collect()
    }

    fn alternatives(&self, any_of: &[PackageId]) -> Vec<VersionSetId> {
        let sets = self.group(any_of, false);
        if !sets.is_empty() {
            return sets;
        }
        let nothing = Set { slot: self.nothing(), packages: Vec::new(), inverse: false };
        vec![self.sets.borrow_mut().intern(nothing)]
    }

    fn requirement(&self, any_of: &[PackageId]) -> Requirement {
        let alternatives = self.alternatives(any_of);
        if let [only] = alternatives[..] {
            return only.into();
        }
        let mut sets = self.sets.borrow_mut();
        if let Some(known) = sets.unions_by_content.get(&alternatives) {
            return (*known).into();
        }
        let union = sets.add_union(alternatives.clone());
        sets.unions_by_content.insert(alternatives, union);
        union.into()
    }

    /// A requirement with its conditions; `None` when it never counts.
    fn conditional(&self, needed: &model::Requirement) -> Option<ConditionalRequirement> {
        if needed.when.iter().any(Vec::is_empty) {
            return None;
        }
        let mut any_of: Vec<PackageId> = needed.when.iter().map(|list| self.absence(list)).collect();
        any_of.extend(&needed.any_of);
        Some(ConditionalRequirement { condition: None, requirement: self.requirement(&any_of) })
    }

    /// A requirement that is told apart from an equal one of another goal.
    fn goal(&self, any_of: &[PackageId]) -> Requirement {
        let alternatives = self.alternatives(any_of);
        self.sets.borrow_mut().add_union(alternatives).into()
    }

    fn constraints(&self, excluded: &[PackageId]) -> Vec<VersionSetId> {
        self.group(excluded, true)
    }

    fn members(&self, slot: u32) -> Vec<PackageId> {
        match slot.checked_sub(self.nothing()) {
            None => self.memo.universe.candidates(SlotId(slot)),
            Some(0) => Vec::new(),
            Some(stand_in) => {
                let packages = u32::try_from(self.memo.universe.package_count()).unwrap_or(u32::MAX);
                vec![PackageId(packages + stand_in - 1)]
            }
        }
    }
}

impl<U: Universe> Interner for Provider<'_, '_, U> {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, solvable: SolvableId) -> impl Display + '_ {
        solvable.into_raw()
    }

    fn display_name(&self, name: NameId) -> impl Display + '_ {
        name.into_raw()
    }

    fn display_version_set(&self, version_set: VersionSetId) -> impl Display + '_ {
        version_set.0
    }

    fn display_string(&self, string_id: StringId) -> impl Display + '_ {
        string_id.0
    }

    fn version_set_name(&self, version_set: VersionSetId) -> NameId {
        NameId::from_raw(self.sets.borrow().known[version_set.to_index()].slot)
    }

    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        NameId::from_raw(self.slot(package_of(solvable)))
    }

    fn version_sets_in_union(&self, union: VersionSetUnionId) -> impl Iterator<Item = VersionSetId> {
        self.sets.borrow().unions[union.to_index()].clone().into_iter()
    }

    fn resolve_condition(&self, _condition: ConditionId) -> Condition {
        unreachable!("no requirement is given a condition")
    }
}

impl<U: Universe> DependencyProvider for Provider<'_, '_, U> {
    async fn filter_candidates(
        &self,
        candidates: &[SolvableId],
        version_set: VersionSetId,
        inverse: bool,
    ) -> Vec<SolvableId> {
        let sets = self.sets.borrow();
        let set = &sets.known[version_set.to_index()];
        let matches = |solvable: &SolvableId| set.packages.contains(&package_of(*solvable)) != set.inverse;
        candidates.iter().copied().filter(|solvable| matches(solvable) != inverse).collect()
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates<SolvableId>> {
        let members: Vec<SolvableId> = self.members(name.into_raw()).into_iter().map(solvable_of).collect();
        Some(Candidates {
            candidates: members,
            hint_dependencies_available: HintDependenciesAvailable::None,
            ..Candidates::default()
        })
    }

    async fn sort_candidates(&self, _solver: &SolverCache<Self>, solvables: &mut [SolvableId]) {
        let Some(first) = solvables.first() else { return };
        let members = self.members(self.slot(package_of(*first)));
        solvables.sort_by_key(|solvable| members.iter().position(|member| *member == package_of(*solvable)));
    }

    async fn get_dependencies(&self, solvable: SolvableId) -> Dependencies {
        let package = package_of(solvable);
        if let Some(position) = self.stand_in(package) {
            let absent = self.sets.borrow().absent[position].clone();
            let constrains = self.constraints(&absent);
            return Dependencies::Known(KnownDependencies { requirements: Vec::new(), constrains });
        }
        let relations = self.memo.relations(package);
        let requirements = relations.requires.iter().filter_map(|needed| self.conditional(needed)).collect();
        let constrains = relations.excludes.iter().flat_map(|packages| self.constraints(packages)).collect();
        Dependencies::Known(KnownDependencies { requirements, constrains })
    }

    fn should_cancel_with_value(&self) -> Option<Box<dyn Any>> {
        self.steps.set(self.steps.get() + 1);
        let is_over = self.steps.get() > MAX_STEPS || self.memo.universe.is_stopped();
        is_over.then(|| Box::new(()) as Box<dyn Any>)
    }
}
