//! Changes of a request that were tried and work.

use std::collections::{BTreeMap, HashSet};

use lbuild_solve::{Resolver, Root as SolverRoot, SolveError};

use super::problem::{self, Origin, split_arch};
use super::{Change, Effect, Fix, Request, Unknown};
use crate::deb::index::Index;

/// Fixes that are shown.
const MOST: usize = 6;
/// Requests that one fix drops at most.
const MOST_DROPS: usize = 5;

/// Names with installed sizes in bytes.
type Installed = BTreeMap<String, u64>;

/// Tries what could help, and keeps what does: what keeps all requests first, then the fewest removals.
pub(super) fn find(
    index: &Index,
    request: &Request,
    origins: &[Origin],
    roots: &[SolverRoot],
    unknown: &[Unknown],
) -> Vec<Fix> {
    let attempts = Attempts { index, request };
    let before = attempts.without_roots(origins, roots);
    let mut seen: HashSet<Vec<Change>> = HashSet::new();
    let mut fixes: Vec<Fix> = Vec::new();
    for change in ideas(index, request, origins, roots, unknown) {
        let Some((changes, installed)) = attempts.complete(change) else { continue };
        if seen.insert(changes.clone()) {
            fixes.push(describe(request, changes, &before, &installed));
        }
    }
    fixes.sort_by_key(|fix| {
        let drops = fix.changes.iter().filter(|change| change.drops()).count();
        (drops, fix.changes.len(), fix.effect.removed.len())
    });
    fixes.truncate(MOST);
    fixes
}

impl Change {
    /// Whether the user loses something that was asked for.
    fn drops(&self) -> bool {
        matches!(self, Self::DropRequest { .. } | Self::DropRemoval { .. } | Self::LeaveOut { .. })
    }

    fn apply(&self, request: &mut Request) {
        match self {
            Self::DropRequest { .. } | Self::DropRemoval { .. } => {}
            Self::Rename { index, name } => request.packages[*index].name.clone_from(name),
            Self::AnyVersion { index } => request.packages[*index].version = None,
            Self::FromSuite { index, suite } => request.packages[*index].suite = Some(suite.clone()),
            Self::LeaveOut { name } => request.remove.push(name.clone()),
        }
    }

    fn text(&self, request: &Request) -> String {
        let wanted = |index: &usize| request.packages[*index].to_string();
        match self {
            Self::DropRequest { index } => format!("do not ask for `{}`", wanted(index)),
            Self::DropRemoval { index } => format!("allow `{}`", request.remove[*index]),
            Self::Rename { index, name } => format!("ask for `{name}` instead of `{}`", wanted(index)),
            Self::AnyVersion { index } => format!("take any version of `{}`", request.packages[*index].name),
            Self::FromSuite { index, suite } => {
                format!("take `{}` from {suite}", request.packages[*index].name)
            }
            Self::LeaveOut { name } => format!("leave out `{name}`"),
        }
    }
}

/// The request with changes. Drops come last, because they move positions.
fn changed(request: &Request, changes: &[Change]) -> Request {
    let mut new = request.clone();
    for change in changes {
        change.apply(&mut new);
    }
    let keep = |position: usize, drop: fn(usize) -> Change| !changes.contains(&drop(position));
    let mut position = 0..;
    new.packages.retain(|_| position.next().is_none_or(|at| keep(at, |index| Change::DropRequest { index })));
    let mut position = 0..;
    new.remove.retain(|_| position.next().is_none_or(|at| keep(at, |index| Change::DropRemoval { index })));
    new
}

/// First steps worth trying, for each root.
fn ideas(
    index: &Index,
    request: &Request,
    origins: &[Origin],
    roots: &[SolverRoot],
    unknown: &[Unknown],
) -> Vec<Change> {
    let mut ideas = Vec::new();
    for root in roots {
        let goal = match root {
            SolverRoot::Ban(ban) => {
                ideas.push(Change::DropRemoval { index: *ban });
                continue;
            }
            SolverRoot::Goal(goal) => *goal,
        };
        let Origin::Wanted(position) = origins[goal] else { continue };
        let wanted = &request.packages[position];
        let (name, _) = split_arch(&wanted.name);
        if let Some(unknown) = unknown.iter().find(|unknown| unknown.name == name) {
            let rename = |near: &String| Change::Rename { index: position, name: near.clone() };
            ideas.extend(unknown.near.iter().take(3).map(rename));
        }
        if wanted.version.is_some() {
            ideas.push(Change::AnyVersion { index: position });
        }
        let mut suites: Vec<&str> =
            index.named(name).map(|package| package.source().suite.as_str()).collect();
        suites.sort_unstable();
        suites.dedup();
        let other = suites.into_iter().filter(|suite| wanted.suite.as_deref() != Some(*suite));
        ideas.extend(other.map(|suite| Change::FromSuite { index: position, suite: suite.to_owned() }));
        ideas.push(Change::DropRequest { index: position });
    }
    ideas
}

struct Attempts<'a> {
    index: &'a Index,
    request: &'a Request,
}

impl Attempts<'_> {
    /// Solves a request; on failure, what the user could drop next.
    fn solve(&self, request: &Request) -> Result<Installed, Vec<Change>> {
        let task = problem::translate(self.index, request);
        match Resolver::new(&task.world).solve(&task.problem) {
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
                        Origin::Priority(_) => {
                            let package = task.problem.goals[*goal].any_of.first()?;
                            Some(Change::LeaveOut { name: task.world.package(*package).name().to_owned() })
                        }
                        Origin::Essential => None,
                    },
                };
                Err(conflict.roots.iter().filter_map(drop).collect())
            }
        }
    }

    /// What a system has when none of the clashing requests is made.
    fn without_roots(&self, origins: &[Origin], roots: &[SolverRoot]) -> Installed {
        let drop = |root: &SolverRoot| match root {
            SolverRoot::Ban(index) => Some(Change::DropRemoval { index: *index }),
            SolverRoot::Goal(goal) => match origins[*goal] {
                Origin::Wanted(index) => Some(Change::DropRequest { index }),
                Origin::Essential | Origin::Priority(_) => None,
            },
        };
        let drops: Vec<Change> = roots.iter().filter_map(drop).collect();
        self.solve(&changed(self.request, &drops)).unwrap_or_default()
    }

    /// Starts with one change and drops more until the rest can be met.
    fn complete(&self, first: Change) -> Option<(Vec<Change>, Installed)> {
        let mut changes = vec![first];
        for _ in 0..MOST_DROPS {
            let request = changed(self.request, &changes);
            let next = match self.solve(&request) {
                Ok(installed) => {
                    changes.sort();
                    return Some((changes, installed));
                }
                Err(next) => next,
            };
            let next = next.into_iter().find_map(|change| self.as_original(&changes, change))?;
            changes.push(next);
        }
        None
    }

    /// Translates positions of a changed request back to those of the original one. A request that a change of its
    /// own concerns is not dropped: that would be another fix.
    fn as_original(&self, changes: &[Change], change: Change) -> Option<Change> {
        let back = |position: usize, count: usize, drop: fn(usize) -> Change| {
            (0..count).filter(|at| !changes.contains(&drop(*at))).nth(position)
        };
        match change {
            Change::DropRequest { index } => {
                let drop = |index| Change::DropRequest { index };
                let index = back(index, self.request.packages.len(), drop)?;
                let concerned = changes.iter().any(|change| match change {
                    Change::Rename { index: at, .. }
                    | Change::AnyVersion { index: at }
                    | Change::FromSuite { index: at, .. } => *at == index,
                    _ => false,
                });
                (!concerned).then_some(drop(index))
            }
            Change::DropRemoval { index } => {
                let drop = |index| Change::DropRemoval { index };
                back(index, self.request.remove.len(), drop).map(drop)
            }
            other => Some(other),
        }
    }
}

fn describe(request: &Request, changes: Vec<Change>, before: &Installed, after: &Installed) -> Fix {
    let texts: Vec<String> = changes.iter().map(|change| change.text(request)).collect();
    let missing = |from: &Installed, other: &Installed| -> Vec<String> {
        from.keys().filter(|name| !other.contains_key(*name)).cloned().collect()
    };
    let total = |installed: &Installed| {
        installed.values().fold(0_i64, |sum, size| sum.saturating_add_unsigned(*size))
    };
    let mut removed: Vec<String> = changes
        .iter()
        .filter_map(|change| match change {
            Change::DropRequest { index } => Some(split_arch(&request.packages[*index].name).0.to_owned()),
            _ => None,
        })
        .filter(|name| !after.contains_key(name))
        .collect();
    removed.extend(missing(before, after));
    let effect = Effect {
        added: missing(after, before),
        removed,
        size_delta: total(after).saturating_sub(total(before)),
    };
    Fix { label: texts.join(" and "), changes, effect }
}
