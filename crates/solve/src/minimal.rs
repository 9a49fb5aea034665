//! Minimal reasons: the fewest goals and bans that cannot be met together.

use crate::model::{Conflict, Fact, Problem, Root, Universe};
use crate::propagate;
use crate::resolver::{Attempt, Resolver};

/// Reduces `roots` until each of them is necessary, and gives the facts between those that stay.
pub(crate) fn conflict<U: Universe>(
    resolver: &Resolver<'_, U>,
    problem: &Problem,
    roots: &[Root],
) -> Conflict {
    let found = clash(resolver, problem, roots).or_else(|| clash(resolver, problem, &all_roots(problem)));
    let (mut roots, mut facts) = found.unwrap_or_default();
    // The first reason may have been cut short: then everything is tried one by one.
    if clash(resolver, problem, &roots).is_none() {
        roots = all_roots(problem);
    }
    let mut at = 0;
    while at < roots.len() {
        let mut fewer = roots.clone();
        fewer.remove(at);
        match clash(resolver, problem, &fewer) {
            Some((_, reason)) => (roots, facts) = (fewer, reason),
            None => at += 1,
        }
    }
    // A proof by search says little where following all steps far enough comes to the same end.
    let told = propagate::deeper(resolver.memo(), &part(problem, &roots));
    if let Some(found) = told.filter(|found| found.roots.len() == roots.len()) {
        facts = found.facts.into_iter().map(|fact| translate_fact(fact, &roots)).collect();
    }
    Conflict { roots, facts }
}

/// Whether these roots alone are impossible, and by which of them.
fn clash<U: Universe>(
    resolver: &Resolver<'_, U>,
    problem: &Problem,
    roots: &[Root],
) -> Option<(Vec<Root>, Vec<Fact>)> {
    let Attempt::Impossible { roots: found, facts } = resolver.attempt(&part(problem, roots)) else {
        return None;
    };
    let back = |root: Root| translate(root, roots);
    let found: Vec<Root> = found.into_iter().map(back).collect();
    Some((found, facts.into_iter().map(|fact| translate_fact(fact, roots)).collect()))
}

/// The problem with these roots alone.
fn part(problem: &Problem, roots: &[Root]) -> Problem {
    Problem {
        goals: pick(&problem.goals, roots, |root| match root {
            Root::Goal(position) => Some(position),
            Root::Ban(_) => None,
        }),
        bans: pick(&problem.bans, roots, |root| match root {
            Root::Ban(position) => Some(position),
            Root::Goal(_) => None,
        }),
        recommends: false,
        additions: false,
    }
}

/// Every goal and ban.
pub(crate) fn all_roots(problem: &Problem) -> Vec<Root> {
    let goals = (0..problem.goals.len()).map(Root::Goal);
    goals.chain((0..problem.bans.len()).map(Root::Ban)).collect()
}

fn pick<T: Clone>(all: &[T], roots: &[Root], position: impl Fn(Root) -> Option<usize>) -> Vec<T> {
    roots.iter().filter_map(|root| position(*root)).map(|at| all[at].clone()).collect()
}

/// From a root of a part of the problem, made of `roots` in order, to the root of the whole.
fn translate(root: Root, roots: &[Root]) -> Root {
    let same_kind = |other: &&Root| {
        matches!((root, other), (Root::Goal(_), Root::Goal(_)) | (Root::Ban(_), Root::Ban(_)))
    };
    let (Root::Goal(at) | Root::Ban(at)) = root;
    roots.iter().filter(same_kind).nth(at).copied().unwrap_or(root)
}

fn translate_fact(fact: Fact, roots: &[Root]) -> Fact {
    let goal_of = |goal| match translate(Root::Goal(goal), roots) {
        Root::Goal(goal) => goal,
        Root::Ban(_) => unreachable!("a goal translates to a goal"),
    };
    let ban_of = |ban| match translate(Root::Ban(ban), roots) {
        Root::Ban(ban) => ban,
        Root::Goal(_) => unreachable!("a ban translates to a ban"),
    };
    match fact {
        Fact::Asks { goal, package } => Fact::Asks { goal: goal_of(goal), package },
        Fact::AsksInVain { goal } => Fact::AsksInVain { goal: goal_of(goal) },
        Fact::Banned { ban, package } => Fact::Banned { ban: ban_of(ban), package },
        other => other,
    }
}
