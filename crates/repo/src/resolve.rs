//! From requests to a set of packages, for every family.
//!
//! A [`Family`] says what the relations of its packages mean; [`resolve`] translates a [`Request`] for
//! [`lbuild_solve`], and what that answers into a [`Selection`] or into words.
//!
//! - [`family`]: the trait that a family implements, and its vocabulary
//! - [`formula`]: relations as formulas, and as clauses
//! - `world`: an index seen through the family's rules
//! - `arches`, `pins`: which versions count
//! - [`switches`]: sources that are off, and what switches them on
//! - `problem`: a request as the solver's problem
//! - `explain`, `chain`, `phrase`, `near`: a conflict in words, and names like those that do not exist
//! - `ideas`, `change`, `fixes`: what might help, what it does to the request, and what was tried and works
//! - `why`: why a package is there
//! - [`snapshot`]: a problem that can be saved and solved again
//! - `answer`: what all of that gives

mod answer;
mod arches;
mod chain;
mod change;
mod explain;
pub mod family;
mod fixes;
pub mod formula;
mod ideas;
mod near;
mod phrase;
mod pins;
mod problem;
pub mod snapshot;
pub mod switches;
mod why;
mod world;

use std::collections::HashSet;

use lbuild_solve::{Cause, Goal, PackageId, Resolver, Solution, SolveError};
use serde::{Deserialize, Serialize};

use crate::index::Index;
use problem::Task;

pub use answer::{Change, Effect, Fix, Link, Root, Selected, Selection, Unknown, Unsatisfiable};
pub use arches::Arches;
pub use family::{Asker, Atom, Base, Constraint, Family, Found, Operator, Role, Statement};
pub use formula::Formula;
pub use near::near;
pub use pins::{Pin, PinTarget, source_priority};
pub use snapshot::Snapshot;
pub use why::why;
pub use world::World;

/// How important a package is for a system, most important first; only Debian's index says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Needed for a working system.
    Required,
    /// Expected on any Unix-like system.
    Important,
    /// A reasonable text-mode system.
    Standard,
    /// Everything else.
    Optional,
    /// Deprecated.
    Extra,
}

/// One request: a package that must be in the result.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wanted {
    /// Name of a package or of something provided, in the family's own form (`name:arch`, `category/name:slot`), or
    /// of a group.
    pub name: String,
    /// Bound on the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Constraint>,
    /// Suite or repository to take it (and, where needed, its dependencies) from, as `apt install name/suite` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
}

impl Wanted {
    /// The bound on the version, as atoms have it.
    pub fn bound(&self) -> Option<(Operator, &str)> {
        self.version.as_ref().map(|bound| (bound.operator, bound.version.as_str()))
    }
}

/// A package that an expert insists on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Forced {
    /// Name, as in [`Wanted::name`].
    pub name: String,
    /// Version text.
    pub version: String,
}

/// What is known about names beyond the index. Asked only about a name that the index does not have.
pub trait Knowledge {
    /// Packages that ship a command or file of this name, the best first.
    fn shipping(&self, _name: &str) -> Vec<String> {
        Vec::new()
    }

    /// What this base calls what others call so.
    fn called(&self, _name: &str) -> Vec<String> {
        Vec::new()
    }

    /// Other releases of this base that have a package of this name, the best first.
    fn releases(&self, _name: &str) -> Vec<String> {
        Vec::new()
    }

    /// Whether this base is known to have no package of the program that is called so.
    fn unpackaged(&self, _name: &str) -> bool {
        false
    }

    /// Whether the answer is not wanted any more. Then it comes soon, and means nothing.
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Knows nothing more.
#[derive(Debug, Clone, Copy, Default)]
pub struct NothingMore;

impl Knowledge for NothingMore {}

/// What to resolve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// Native architecture in the family's own words, such as `amd64`.
    pub arch: String,
    /// Requests in order: earlier ones choose first.
    pub packages: Vec<Wanted>,
    /// Packages that must not be in the result.
    pub remove: Vec<String>,
    /// Follow weak dependencies.
    pub recommends: bool,
    /// Add what comes along by itself: `Supplements` of rpm, `install_if` of apk.
    pub supplements: bool,
    /// Add every package of this priority or a more important one.
    pub priority: Option<Priority>,
    /// Add every essential package.
    pub essential: bool,
    /// What is switched on although it is off: ways of [`IndexSource::switch`](crate::index::IndexSource::switch), with
    /// ` for NAME` at the end for one package alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enable: Vec<String>,
    /// Packages that are in the result in exactly this version, whatever relations say of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub force: Vec<Forced>,
    /// Preferences among versions; the first that means a version counts. Those for all packages have set
    /// [`IndexSource::pin`](crate::index::IndexSource::pin) before.
    pub pins: Vec<Pin>,
}

impl Request {
    /// A request for nothing, without a base set.
    pub fn new(arch: &str) -> Self {
        Self {
            arch: arch.to_owned(),
            packages: Vec::new(),
            remove: Vec::new(),
            recommends: false,
            supplements: false,
            priority: None,
            essential: false,
            enable: Vec::new(),
            force: Vec::new(),
            pins: Vec::new(),
        }
    }
}

/// Chooses the packages.
pub fn resolve(family: &dyn Family, index: &Index, request: &Request) -> Result<Selection, Unsatisfiable> {
    resolve_with(family, index, request, &NothingMore)
}

/// Chooses the packages; `knowledge` helps to explain names that do not exist.
pub fn resolve_with(
    family: &dyn Family,
    index: &Index,
    request: &Request,
    knowledge: &dyn Knowledge,
) -> Result<Selection, Unsatisfiable> {
    let world = problem::world(family, index, request).with(knowledge);
    let resolver = Resolver::new(&world);
    let task = problem::translate(&world, request);
    match resolver.solve(&task.problem) {
        Ok(solution) => Ok(selection(&task, &solution)),
        Err(SolveError::TooHard { steps }) => Err(explain::too_hard(steps)),
        Err(SolveError::Unsatisfiable(conflict)) => {
            Err(explain::unsatisfiable(&task, &resolver, &conflict, knowledge))
        }
    }
}

/// The packages of a solution in their lasting order.
fn selection(task: &Task<'_, '_>, solution: &Solution) -> Selection {
    let asked_for = asked_for(task, solution);
    let mut packages: Vec<Selected> = solution
        .packages
        .iter()
        .map(|(id, cause)| {
            let requested_by = match cause {
                Cause::Goal(goal) => task.goal_text(*goal),
                Cause::Package(package) => task.world.package(*package).name().to_owned(),
            };
            let automatic = !asked_for.contains(id);
            Selected::new(task.world.family, task.world.package(*id), requested_by, automatic)
        })
        .collect();
    packages.sort_by(|a, b| (&a.name, &a.arch, &a.version).cmp(&(&b.name, &b.arch, &b.version)));
    Selection { packages }
}

/// The packages that meet a goal, whatever asked for them first.
fn asked_for(task: &Task<'_, '_>, solution: &Solution) -> HashSet<PackageId> {
    let selected: HashSet<PackageId> = solution.packages.iter().map(|(id, _)| *id).collect();
    let meets = |goal: &Goal| goal.any_of.iter().find(|id| selected.contains(id)).copied();
    task.problem.goals.iter().filter_map(meets).collect()
}
