//! Changes of a request that were tried and work.

use std::collections::{BTreeMap, HashSet, VecDeque};

use lbuild_solve::{Conflict, Resolver, Root as SolverRoot, SolveError};

use super::problem::{self, Origin, split_arch};
use super::{Change, Effect, Fix, Request, Unknown};
use crate::deb::index::Index;

/// Fixes that are shown.
const MOST: usize = 6;
/// Changes that one fix makes at most.
const MOST_CHANGES: usize = 4;
/// Requests that are solved to find fixes.
const MOST_ATTEMPTS: usize = 24;

/// Pin of a suite that is in use without being asked for.
const NORMAL_PIN: i32 = 500;

/// Names with installed sizes in bytes.
type Installed = BTreeMap<String, u64>;

/// Tries what could help, and keeps what does: what keeps all requests first, then the fewest removals.
///
/// What keeps all requests must help by itself. Dropping one request may show the next clash; each of its roots is
/// then tried as a further drop, breadth first, so that small fixes are found before large ones.
pub(super) fn find(
    index: &Index,
    request: &Request,
    origins: &[Origin],
    conflict: &Conflict,
    names: &Names<'_>,
) -> Vec<Fix> {
    let attempts = Attempts { index, request };
    let before = attempts.without_roots(origins, &conflict.roots);
    let mut queue: VecDeque<Vec<Change>> =
        ideas(index, request, origins, conflict, names).into_iter().map(|idea| vec![idea]).collect();
    let mut seen: HashSet<Vec<Change>> = queue.iter().cloned().collect();
    let mut fixes: Vec<Fix> = Vec::new();
    for _ in 0..MOST_ATTEMPTS {
        let Some(changes) = queue.pop_front() else { break };
        let contains = |fix: &Fix| fix.changes.iter().all(|change| changes.contains(change));
        if fixes.iter().any(contains) {
            continue;
        }
        match attempts.solve(&changed(request, &changes)) {
            Ok(installed) => fixes.push(describe(request, changes, &before, &installed)),
            Err(next) if changes.len() < MOST_CHANGES && changes.iter().all(Change::drops) => {
                for change in next.into_iter().filter_map(|change| attempts.as_original(&changes, change)) {
                    let mut more = changes.clone();
                    more.push(change);
                    more.sort();
                    if seen.insert(more.clone()) {
                        queue.push_back(more);
                    }
                }
            }
            Err(_) => {}
        }
    }
    fixes.sort_by_key(|fix| {
        let drops = fix.changes.iter().filter(|change| change.drops()).count();
        (drops, fix.changes.len(), fix.effect.removed.len())
    });
    fixes.truncate(MOST);
    fixes
}

/// What is known about names that the requests use.
pub(super) struct Names<'a> {
    /// Names that do not exist.
    pub(super) unknown: &'a [Unknown],
    /// The version that stands for a request now, by position in the request.
    pub(super) current: &'a dyn Fn(usize) -> Option<String>,
    /// The package that a goal of the base set means.
    pub(super) base_package: &'a dyn Fn(usize) -> Option<String>,
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
            Self::AnyVersion { index } => {
                format!(
                    "take any version of `{}` instead of `{}`",
                    request.packages[*index].name,
                    wanted(index)
                )
            }
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
    conflict: &Conflict,
    names: &Names<'_>,
) -> Vec<Change> {
    let mut ideas = Vec::new();
    for root in &conflict.roots {
        match root {
            SolverRoot::Ban(ban) => ideas.push(Change::DropRemoval { index: *ban }),
            SolverRoot::Goal(goal) => match origins[*goal] {
                Origin::Wanted(position) => ideas.append(&mut for_request(index, request, position, names)),
                Origin::Priority(_) => {
                    ideas.extend((names.base_package)(*goal).map(|name| Change::LeaveOut { name }));
                }
                Origin::Essential => {}
            },
        }
    }
    ideas
}

fn for_request(index: &Index, request: &Request, position: usize, names: &Names<'_>) -> Vec<Change> {
    let mut ideas = Vec::new();
    let wanted = &request.packages[position];
    let (name, _) = split_arch(&wanted.name);
    if let Some(unknown) = names.unknown.iter().find(|unknown| unknown.name == name) {
        let rename = |near: &String| Change::Rename { index: position, name: near.clone() };
        ideas.extend(unknown.near.iter().take(3).map(rename));
    }
    if wanted.version.is_some() {
        ideas.push(Change::AnyVersion { index: position });
    }
    let current = (names.current)(position);
    let mut suites: Vec<&str> = index
        .named(name)
        // Naming the suite of a backport brings its dependencies along; naming a suite in normal use changes nothing.
        .filter(|package| current.as_deref() != Some(package.version()) || package.source().pin < NORMAL_PIN)
        .map(|package| package.source().suite.as_str())
        .filter(|suite| wanted.suite.as_deref() != Some(*suite))
        .collect();
    suites.sort_unstable();
    suites.dedup();
    ideas.extend(
        suites.into_iter().map(|suite| Change::FromSuite { index: position, suite: suite.to_owned() }),
    );
    ideas.push(Change::DropRequest { index: position });
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

    /// Translates the position of a changed request back to that of the original one.
    fn as_original(&self, changes: &[Change], change: Change) -> Option<Change> {
        let back = |position: usize, count: usize, drop: fn(usize) -> Change| {
            (0..count).filter(|at| !changes.contains(&drop(*at))).nth(position).map(drop)
        };
        match change {
            Change::DropRequest { index } => {
                back(index, self.request.packages.len(), |index| Change::DropRequest { index })
            }
            Change::DropRemoval { index } => {
                back(index, self.request.remove.len(), |index| Change::DropRemoval { index })
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
    removed.sort();
    removed.dedup();
    let effect = Effect {
        added: missing(after, before),
        removed,
        size_delta: total(after).saturating_sub(total(before)),
    };
    Fix { label: texts.join(" and "), changes, effect }
}
