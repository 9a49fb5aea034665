//! What follows from goals and bans alone, without any choice.
//!
//! Most real conflicts need no search: each step has only one way to go until nothing is left. Following those steps
//! breadth first gives a short chain of facts, which is what a person wants to read.

use std::collections::HashMap;

use crate::chain::{Contradiction, Need, Out, trace};
use crate::memo::Memo;
use crate::model::{PackageId, Problem, Requirement, SlotId, Universe};

/// How deep the needs of one of several alternatives are looked into before it counts as possible.
const LOOK_DEPTH: usize = 2;

/// The same for the few roots of a conflict, until one of them is deep enough.
const DEEPER: [usize; 4] = [LOOK_DEPTH, 4, 8, 16];

/// Alternatives that are looked into at most: what a search finds in a moment may hide behind very many.
const MOST_LOOKS: usize = 200_000;

/// Follows all forced steps; `None` when they end without contradiction.
pub(crate) fn contradiction<U: Universe>(memo: &Memo<'_, U>, problem: &Problem) -> Option<Contradiction> {
    contradiction_to(memo, problem, LOOK_DEPTH)
}

/// The same with a longer look at alternatives.
pub(crate) fn deeper<U: Universe>(memo: &Memo<'_, U>, problem: &Problem) -> Option<Contradiction> {
    DEEPER.into_iter().find_map(|depth| contradiction_to(memo, problem, depth))
}

fn contradiction_to<U: Universe>(
    memo: &Memo<'_, U>,
    problem: &Problem,
    depth: usize,
) -> Option<Contradiction> {
    let mut state = Propagation {
        depth,
        looks: MOST_LOOKS,
        open: HashMap::new(),
        memo,
        problem,
        inside: HashMap::new(),
        order: Vec::new(),
        outside: HashMap::new(),
        slots: HashMap::new(),
    };
    for (position, packages) in problem.bans.iter().enumerate() {
        for package in packages {
            state.outside.entry(*package).or_insert(Out::Ban(position));
        }
    }
    let end = state.run()?;
    Some(trace(&state, end))
}

/// What is known so far.
pub(crate) struct Propagation<'m, 'u, U> {
    pub(crate) memo: &'m Memo<'u, U>,
    pub(crate) problem: &'m Problem,
    /// Packages that must be in, with the need that left only them.
    pub(crate) inside: HashMap<PackageId, Need>,
    /// The same in the order of discovery.
    order: Vec<PackageId>,
    /// Packages that cannot be in.
    pub(crate) outside: HashMap<PackageId, Out>,
    slots: HashMap<SlotId, PackageId>,
    depth: usize,
    /// Looks that are left.
    looks: usize,
    /// How deep was looked into packages that may be in, as things stand.
    open: HashMap<PackageId, usize>,
}

/// What is left of a list of alternatives.
enum Left {
    /// One is in already, or there is a choice.
    Open,
    /// Only this one.
    One(PackageId),
    /// None.
    Nothing,
}

impl<U: Universe> Propagation<'_, '_, U> {
    /// Steps until nothing changes; the need that cannot be met, if there is one.
    fn run(&mut self) -> Option<Need> {
        loop {
            let before = (self.order.len(), self.outside.len());
            for position in 0..self.problem.goals.len() {
                if self.step(Need::Goal(position)) {
                    return Some(Need::Goal(position));
                }
            }
            let mut position = 0;
            while let Some(&package) = self.order.get(position) {
                for relation in 0..self.memo.relations(package).requires.len() {
                    let need = Need::Relation { package, relation };
                    if self.step(need) {
                        return Some(need);
                    }
                }
                position += 1;
            }
            if before == (self.order.len(), self.outside.len()) {
                return None;
            }
        }
    }

    /// The alternatives of a need.
    pub(crate) fn alternatives(&self, need: Need) -> Vec<PackageId> {
        match need {
            Need::Goal(position) => self.problem.goals[position].any_of.clone(),
            Need::Relation { package, relation } => {
                self.memo.relations(package).requires[relation].any_of.clone()
            }
        }
    }

    /// The packages that make a need count, one per condition; `None` when it does not count so far.
    pub(crate) fn reasons(&self, need: Need) -> Option<Vec<PackageId>> {
        let Need::Relation { package, relation } = need else { return Some(Vec::new()) };
        self.reasons_of(&self.memo.relations(package).requires[relation])
    }

    fn reasons_of(&self, requirement: &Requirement) -> Option<Vec<PackageId>> {
        let inside = |list: &Vec<PackageId>| list.iter().copied().find(|one| self.inside.contains_key(one));
        requirement.when.iter().map(inside).collect()
    }

    /// Draws the conclusion of one need; true when it cannot be met.
    fn step(&mut self, need: Need) -> bool {
        if self.reasons(need).is_none() {
            return false;
        }
        let any_of = self.alternatives(need);
        match self.left(&any_of, self.depth) {
            Left::Open => false,
            Left::Nothing => true,
            Left::One(package) => {
                self.put_in(package, need);
                false
            }
        }
    }

    fn put_in(&mut self, package: PackageId, need: Need) {
        self.inside.insert(package, need);
        self.open.clear();
        self.order.push(package);
        self.slots.insert(self.memo.slot(package), package);
        for (relation, others) in self.memo.relations(package).excludes.iter().enumerate() {
            for other in others {
                self.outside.entry(*other).or_insert(Out::ExcludedBy { package, relation });
            }
        }
    }

    fn left(&mut self, any_of: &[PackageId], depth: usize) -> Left {
        if any_of.iter().any(|package| self.inside.contains_key(package)) {
            return Left::Open;
        }
        // A single alternative is followed anyway: what it needs shows then.
        let look = if any_of.len() > 1 { depth } else { 0 };
        let mut left = Left::Nothing;
        for &package in any_of {
            if self.is_out(package, look) {
                continue;
            }
            if matches!(left, Left::One(_)) {
                return Left::Open;
            }
            left = Left::One(package);
        }
        left
    }

    fn is_out(&mut self, package: PackageId, depth: usize) -> bool {
        if self.outside.contains_key(&package) {
            return true;
        }
        if self.open.get(&package).is_some_and(|looked| *looked >= depth) || self.looks == 0 {
            return false;
        }
        self.looks -= 1;
        // Who needs it in turn takes it as possible.
        self.open.insert(package, depth);
        let reason = self.reason_out(package, depth);
        if let Some(reason) = reason {
            self.outside.insert(package, reason);
            // What seemed possible because of it may be so no more.
            self.open.clear();
        }
        reason.is_some()
    }

    fn reason_out(&mut self, package: PackageId, depth: usize) -> Option<Out> {
        if let Some(&owner) = self.slots.get(&self.memo.slot(package)) {
            return Some(Out::SlotOf(owner));
        }
        let relations = self.memo.relations(package);
        for (relation, others) in relations.excludes.iter().enumerate() {
            if let Some(&with) = others.iter().find(|other| self.inside.contains_key(other)) {
                return Some(Out::Excludes { relation, with });
            }
        }
        if depth == 0 {
            return None;
        }
        let hopeless = |state: &mut Self, requirement: &Requirement| {
            let any_of = &requirement.any_of;
            !any_of.iter().any(|other| state.inside.contains_key(other))
                && state.reasons_of(requirement).is_some()
                && any_of.iter().all(|other| *other != package && state.is_out(*other, depth - 1))
        };
        let relation = relations.requires.iter().position(|requirement| hopeless(self, requirement))?;
        Some(Out::Hopeless { relation })
    }
}
