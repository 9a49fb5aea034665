//! Changes of a request that were tried and work.

use std::collections::{BTreeMap, HashSet, VecDeque};

use lbuild_solve::{Conflict, Resolver, Root as SolverRoot, Solution, SolveError};

use super::change::{advice, changed};
use super::ideas::{ideas, switches};
use super::problem::{self, Origin, Task};
use super::switches::way;
use super::world::World;
use super::{Change, Effect, Fix, Unknown};

/// Fixes that are shown.
const MOST: usize = 6;
/// Changes that one fix makes at most.
const MOST_CHANGES: usize = 4;
/// Requests that are solved to find fixes.
const MOST_ATTEMPTS: usize = 40;

/// Names with installed sizes in bytes.
type Installed = BTreeMap<String, u64>;

/// Tries what could help, and keeps what does: what keeps all requests first, then the fewest removals.
///
/// What keeps all requests must help by itself. Dropping one request may show the next clash; each of its roots is
/// then tried as a further drop, breadth first, so that small fixes are found before large ones.
pub(super) fn find(
    task: &Task<'_, '_>,
    resolver: &Resolver<'_, World<'_>>,
    conflict: &Conflict,
    unknown: &[Unknown],
) -> Vec<Fix> {
    let attempts = Attempts { task, resolver };
    let before = attempts.without_roots(&conflict.roots);
    let mut queue: VecDeque<Vec<Change>> = ideas(task, conflict, unknown).into();
    let mut seen: HashSet<Vec<Change>> = queue.iter().cloned().collect();
    let mut fixes: Vec<Fix> = Vec::new();
    for _ in 0..MOST_ATTEMPTS {
        if task.world.knowledge.is_stopped() {
            break;
        }
        let Some(changes) = queue.pop_front() else { break };
        let contains = |fix: &Fix| fix.changes.iter().all(|change| changes.contains(change));
        if fixes.iter().any(contains) {
            continue;
        }
        match attempts.solve(&changes) {
            Ok(installed) => fixes.push(attempts.describe(changes, &before, &installed)),
            Err(next) if changes.len() < MOST_CHANGES && may_grow(&changes) => {
                for next in next.into_iter().filter(|next| goes_with(next, &changes)) {
                    let next = next.into_iter().filter_map(|change| attempts.as_original(&changes, change));
                    let mut more: Vec<Change> = changes.iter().cloned().chain(next).collect();
                    more.sort();
                    more.dedup();
                    if seen.insert(more.clone()) {
                        queue.push_back(more);
                    }
                }
            }
            Err(_) => {}
        }
    }
    fixes.sort_by_key(|fix| {
        let loss = fix.changes.iter().map(|change| attempts.loss(change)).sum::<usize>();
        // However many acceptances there are, they give up nothing that was asked for.
        let loss = loss + usize::from(fix.changes.iter().any(|change| attempts.accepts_all(change)));
        (loss, fix.changes.len(), fix.effect.removed.len())
    });
    fixes.truncate(MOST);
    fixes
}

/// What does not help alone may help with more of its kind: another drop, another source that is switched on.
fn may_grow(changes: &[Change]) -> bool {
    let enables = |change: &Change| matches!(change, Change::Enable { .. });
    changes.iter().all(Change::drops) || changes.iter().all(enables)
}

/// Whether `next` is of the kind of `changes`. Where something is accepted for one package alone, so is the rest.
fn goes_with(next: &[Change], changes: &[Change]) -> bool {
    let drops = |changes: &[Change]| changes.iter().all(Change::drops);
    let is_own = |change: &Change| matches!(change, Change::Enable { switch } if way(switch).1.is_some());
    drops(next) == drops(changes) && (next.iter().all(is_own) || !changes.iter().any(is_own))
}

struct Attempts<'a, 'w, 'i> {
    task: &'a Task<'w, 'i>,
    resolver: &'a Resolver<'w, World<'i>>,
}

impl Attempts<'_, '_, '_> {
    /// Solves the request with changes; on failure, what the user could drop or switch on next.
    fn solve(&self, changes: &[Change]) -> Result<Installed, Vec<Vec<Change>>> {
        let request = changed(self.task.request, changes);
        if changes.iter().all(|change| change.keeps_world(self.task.world.family, self.task.request)) {
            let task = problem::translate(self.task.world, &request);
            return answer(&task, self.resolver.solve(&task.problem));
        }
        let World { family, index, knowledge, .. } = *self.task.world;
        let world = problem::world(family, index, &request).with(knowledge);
        let task = problem::translate(&world, &request);
        answer(&task, Resolver::new(&world).solve(&task.problem))
    }

    /// How much of what the user wants a change gives up.
    fn loss(&self, change: &Change) -> usize {
        match change {
            Change::DropRequest { .. } | Change::LeaveOut { .. } => 3,
            // Another package in place of one that exists, not a name that was meant.
            Change::Rename { index, .. } => {
                let name = self.task.world.family.wanted(&self.task.request.packages[*index]).name;
                if self.task.world.named(name).next().is_some() { 2 } else { 0 }
            }
            Change::DropRemoval { .. } => 1,
            Change::AnyVersion { .. }
            | Change::FromSuite { .. }
            | Change::Enable { .. }
            | Change::DropPin { .. } => 0,
        }
    }

    /// Whether a change accepts something for all packages: that changes more than what is missing.
    fn accepts_all(&self, change: &Change) -> bool {
        let is_for_all = |switch: &str| way(switch).1.is_none();
        self.task.world.family.has_masks()
            && matches!(change, Change::Enable { switch } if is_for_all(switch))
    }

    /// What a system has when none of the clashing requests is made.
    fn without_roots(&self, roots: &[SolverRoot]) -> Installed {
        let drop = |root: &SolverRoot| match root {
            SolverRoot::Ban(index) => Some(Change::DropRemoval { index: *index }),
            SolverRoot::Goal(goal) => match self.task.origins[*goal] {
                Origin::Wanted(index) => Some(Change::DropRequest { index }),
                Origin::Base(_) | Origin::Forced(_) => None,
            },
        };
        let drops: Vec<Change> = roots.iter().filter_map(drop).collect();
        self.solve(&drops).unwrap_or_default()
    }

    /// Translates the position of a changed request back to that of the original one.
    fn as_original(&self, changes: &[Change], change: Change) -> Option<Change> {
        let back = |position: usize, count: usize, drop: fn(usize) -> Change| {
            (0..count).filter(|at| !changes.contains(&drop(*at))).nth(position).map(drop)
        };
        match change {
            Change::DropRequest { index } => {
                back(index, self.task.request.packages.len(), |index| Change::DropRequest { index })
            }
            Change::DropRemoval { index } => {
                back(index, self.task.request.remove.len(), |index| Change::DropRemoval { index })
            }
            other => Some(other),
        }
    }

    fn describe(&self, changes: Vec<Change>, before: &Installed, after: &Installed) -> Fix {
        let (request, family) = (self.task.request, self.task.world.family);
        let missing = |from: &Installed, other: &Installed| -> Vec<String> {
            from.keys().filter(|name| !other.contains_key(*name)).cloned().collect()
        };
        let total = |installed: &Installed| {
            installed.values().fold(0_i64, |sum, size| sum.saturating_add_unsigned(*size))
        };
        let mut removed: Vec<String> = changes
            .iter()
            .filter_map(|change| match change {
                Change::DropRequest { index } => {
                    Some(family.wanted(&request.packages[*index]).name.to_owned())
                }
                _ => None,
            })
            .filter(|name| !after.contains_key(name))
            .collect();
        removed.extend(missing(before, after));
        removed.sort();
        removed.dedup();
        let effect = Effect {
            added: missing(after, before),
            removed,
            size_delta: total(after).saturating_sub(total(before)),
        };
        Fix { label: advice(&changes, family, request), changes, effect }
    }
}

/// What a solved request installs; for one that cannot be, what the user could drop or switch on next.
fn answer(task: &Task<'_, '_>, result: Result<Solution, SolveError>) -> Result<Installed, Vec<Vec<Change>>> {
    match result {
        Ok(solution) => Ok(solution
            .packages
            .iter()
            .map(|(id, _)| task.world.package(*id))
            .map(|package| (package.name().to_owned(), package.installed_size()))
            .collect()),
        Err(SolveError::TooHard { .. }) => Err(Vec::new()),
        Err(SolveError::Unsatisfiable(conflict)) => {
            let drop = |root: &SolverRoot| match root {
                SolverRoot::Ban(index) => Some(Change::DropRemoval { index: *index }),
                SolverRoot::Goal(goal) => match task.origins[*goal] {
                    Origin::Wanted(index) => Some(Change::DropRequest { index }),
                    Origin::Base(base) if !base.vital => {
                        Some(Change::LeaveOut { name: task.first(*goal)?.name().to_owned() })
                    }
                    Origin::Base(_) | Origin::Forced(_) => None,
                },
            };
            let drops = conflict.roots.iter().filter_map(drop).map(|drop| vec![drop]);
            Err(drops.chain(switches(task, &conflict)).collect())
        }
    }
}
