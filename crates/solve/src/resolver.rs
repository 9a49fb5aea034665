//! Ties the parts together: walk, search, and the reason when there is no solution.

use std::collections::HashSet;

use crate::memo::Memo;
use crate::minimal;
use crate::model::{Cause, Fact, PackageId, Problem, Root, Solution, SolveError, Universe};
use crate::propagate;
use crate::sat::{self, Answer, MAX_STEPS};
use crate::walk::Walk;

/// Solves problems over one universe; what it learns about packages serves all of them.
pub struct Resolver<'u, U> {
    memo: Memo<'u, U>,
}

impl<'u, U: Universe> Resolver<'u, U> {
    /// A resolver that knows nothing yet.
    pub fn new(universe: &'u U) -> Self {
        Self { memo: Memo::new(universe) }
    }

    /// Finds a set of packages, or the reason why there is none.
    pub fn solve(&self, problem: &Problem) -> Result<Solution, SolveError> {
        match self.attempt(problem) {
            Attempt::Solved(solution) => Ok(solution),
            Attempt::TooHard => Err(SolveError::TooHard { steps: MAX_STEPS }),
            Attempt::Impossible { roots, .. } => {
                Err(SolveError::Unsatisfiable(minimal::conflict(self, problem, &roots)))
            }
        }
    }

    /// Finds a set of packages; `None` when there is none or the search was given up.
    ///
    /// For trying variations of a problem: no reason is worked out.
    pub fn try_solve(&self, problem: &Problem) -> Option<Solution> {
        match self.attempt(problem) {
            Attempt::Solved(solution) => Some(solution),
            Attempt::TooHard | Attempt::Impossible { .. } => None,
        }
    }

    pub(crate) fn memo(&self) -> &Memo<'u, U> {
        &self.memo
    }

    pub(crate) fn attempt(&self, problem: &Problem) -> Attempt {
        if self.memo.universe.is_stopped() {
            return Attempt::TooHard;
        }
        if let Ok(solution) = Walk::new(&self.memo, problem).run(&problem.goals) {
            return Attempt::Solved(solution);
        }
        if let Some(found) = propagate::contradiction(&self.memo, problem) {
            return Attempt::Impossible { roots: found.roots, facts: found.facts };
        }
        match sat::search(&self.memo, problem) {
            Answer::TooHard => Attempt::TooHard,
            Answer::Impossible { roots, facts } => Attempt::Impossible { roots, facts },
            Answer::Solved(packages) => {
                let solution = self.trace(problem, packages);
                let soft = problem.recommends || problem.additions;
                let extend = |solution| Walk::new(&self.memo, problem).extend(solution);
                Attempt::Solved(if soft { extend(solution) } else { solution })
            }
        }
    }

    /// Orders the packages of a solution by who asks for them first.
    fn trace(&self, problem: &Problem, packages: Vec<PackageId>) -> Solution {
        let chosen: HashSet<PackageId> = packages.into_iter().collect();
        let mut seen = HashSet::new();
        let mut order: Vec<(PackageId, Cause)> = Vec::new();
        let mut add = |order: &mut Vec<_>, any_of: &[PackageId], cause| {
            let first = any_of.iter().find(|package| chosen.contains(package));
            if let Some(&package) = first.filter(|package| seen.insert(**package)) {
                order.push((package, cause));
            }
        };
        for (position, goal) in problem.goals.iter().enumerate() {
            add(&mut order, &goal.any_of, Cause::Goal(position));
        }
        let mut position = 0;
        while let Some(&(package, _)) = order.get(position) {
            for needed in &self.memo.relations(package).requires {
                if needed.when.iter().all(|list| list.iter().any(|one| chosen.contains(one))) {
                    add(&mut order, &needed.any_of, Cause::Package(package));
                }
            }
            position += 1;
        }
        Solution { packages: order }
    }
}

/// How one attempt ended.
pub(crate) enum Attempt {
    Solved(Solution),
    Impossible { roots: Vec<Root>, facts: Vec<Fact> },
    TooHard,
}
