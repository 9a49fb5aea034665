//! From requests to a set of packages, by apt's rules.

mod explain;
mod fixes;
mod near;
mod pins;
mod problem;
mod world;

use std::collections::HashSet;

use lbuild_solve::{Cause, Goal, PackageId, Resolver, Solution, SolveError};
use serde::Serialize;

use super::index::{Index, MultiArch, Package};
use super::relation::Constraint;
use problem::Task;

pub use pins::{Pin, PinTarget, source_priority};

/// `Priority` of a package, most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Name, `name:arch`, or the name of a virtual package.
    pub name: String,
    /// Bound on the version.
    pub version: Option<Constraint>,
    /// Suite to take it (and, where needed, its dependencies) from, as `apt install name/suite` does.
    pub suite: Option<String>,
}

/// What to resolve.
#[derive(Debug, Clone)]
pub struct Request {
    /// Native architecture, such as `amd64`.
    pub arch: String,
    /// Requests in order: earlier ones choose first.
    pub packages: Vec<Wanted>,
    /// Packages that must not be in the result.
    pub remove: Vec<String>,
    /// Follow `Recommends`.
    pub recommends: bool,
    /// Add every package of this priority or a more important one.
    pub priority: Option<Priority>,
    /// Add every `Essential: yes` package.
    pub essential: bool,
    /// Preferences among versions; the first that means a version counts. Those for all packages have set
    /// [`IndexSource::pin`](super::index::IndexSource::pin) before.
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
            priority: None,
            essential: false,
            pins: Vec::new(),
        }
    }
}

/// One package of the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Selected {
    /// Package name.
    pub name: String,
    /// Version text.
    pub version: String,
    /// Architecture, possibly `all`.
    pub arch: String,
    /// Bytes of the `.deb`.
    pub size: u64,
    /// `Installed-Size` in bytes.
    pub installed_size_bytes: u64,
    /// Path below [`Selected::base_url`].
    pub filename: String,
    /// What [`Selected::filename`] is relative to.
    pub base_url: String,
    /// Digest of the `.deb`.
    pub sha256: [u8; 32],
    /// Suite it comes from.
    pub suite: String,
    /// Component it comes from.
    pub component: String,
    /// `Priority`.
    pub priority: Priority,
    /// `Essential: yes`.
    pub essential: bool,
    /// `Multi-Arch`, such as `same`; empty when the package has none.
    pub multi_arch: String,
    /// Source package.
    pub source: String,
    /// The request, the package or the rule (`essential`, `priority important`) that first asked for it.
    pub requested_by: String,
    /// No request and no rule is about it: it is there for the sake of other packages, and apt may take it away with
    /// the last of them.
    pub automatic: bool,
}

/// The result: packages by name, then architecture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Selection {
    /// The packages.
    pub packages: Vec<Selected>,
}

/// A request that is part of the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Root {
    /// The request as text, such as `exim4`, `without systemd` or `priority important`.
    pub request: String,
    /// Which of [`Request::packages`] (or, for a removal, [`Request::remove`]) it is; `None` for the base set.
    pub index: Option<usize>,
    /// It is a removal.
    pub removal: bool,
}

/// One step of the reason: `from` `relation` `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// A package with its version, or a request.
    pub from: String,
    /// `requests`, `depends on`, `conflicts with`, `breaks`, `provides`, ...
    pub relation: String,
    /// A package, a dependency text, or `nothing`.
    pub to: String,
}

/// A change to the request that was tried and works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// What to do, in words.
    pub label: String,
    /// The same as data: all of these together.
    pub changes: Vec<Change>,
    /// What it changes in the result.
    pub effect: Effect,
}

/// A change of a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Change {
    /// Drop `packages[index]`.
    DropRequest {
        /// Position in [`Request::packages`].
        index: usize,
    },
    /// Drop `remove[index]`.
    DropRemoval {
        /// Position in [`Request::remove`].
        index: usize,
    },
    /// Ask for another name instead of `packages[index]`.
    Rename {
        /// Position in [`Request::packages`].
        index: usize,
        /// The other name.
        name: String,
    },
    /// Take `packages[index]` without its version bound.
    AnyVersion {
        /// Position in [`Request::packages`].
        index: usize,
    },
    /// Take `packages[index]` from another suite.
    FromSuite {
        /// Position in [`Request::packages`].
        index: usize,
        /// The suite.
        suite: String,
    },
    /// Leave a package of the base set out, by adding it to `remove`.
    LeaveOut {
        /// Its name.
        name: String,
    },
}

/// What a fix changes, against the largest part of the request that can be met without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// Packages that come in.
    pub added: Vec<String>,
    /// Packages that go.
    pub removed: Vec<String>,
    /// Difference of the installed size in bytes.
    pub size_delta: i64,
}

/// Why no set of packages meets the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{summary}")]
pub struct Unsatisfiable {
    /// One sentence.
    pub summary: String,
    /// The requests that clash: leaving out any one of them helps.
    pub roots: Vec<Root>,
    /// The facts between them.
    pub chain: Vec<Link>,
    /// Changes that were tried and work, best first.
    pub fixes: Vec<Fix>,
    /// Requested names that exist nowhere, each with names like it.
    pub unknown: Vec<Unknown>,
}

/// A name that no index has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// The name.
    pub name: String,
    /// Names like it, nearest first.
    pub near: Vec<String>,
}

/// Chooses the packages.
pub fn resolve(index: &Index, request: &Request) -> Result<Selection, Unsatisfiable> {
    let unknown = near::unknown(index, request);
    let task = problem::translate(index, request);
    let resolver = Resolver::new(&task.world);
    match resolver.solve(&task.problem) {
        Ok(solution) => Ok(selection(&task, request, &solution)),
        Err(SolveError::TooHard { steps }) => Err(explain::too_hard(steps)),
        Err(SolveError::Unsatisfiable(conflict)) => {
            Err(explain::unsatisfiable(&task, request, &conflict, unknown))
        }
    }
}

/// The packages of a solution in their lasting order.
fn selection(task: &Task<'_>, request: &Request, solution: &Solution) -> Selection {
    let asked_for = asked_for(task, solution);
    let mut packages: Vec<Selected> = solution
        .packages
        .iter()
        .map(|(id, cause)| {
            let requested_by = match cause {
                Cause::Goal(goal) => task.goal_text(request, *goal),
                Cause::Package(package) => task.world.package(*package).name().to_owned(),
            };
            Selected::new(task.world.package(*id), requested_by, !asked_for.contains(id))
        })
        .collect();
    packages.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
    Selection { packages }
}

/// The packages that meet a goal, whatever asked for them first.
fn asked_for(task: &Task<'_>, solution: &Solution) -> HashSet<PackageId> {
    let selected: HashSet<PackageId> = solution.packages.iter().map(|(id, _)| *id).collect();
    let meets = |goal: &Goal| goal.any_of.iter().find(|id| selected.contains(id)).copied();
    task.problem.goals.iter().filter_map(meets).collect()
}

impl Selected {
    fn new(package: Package<'_>, requested_by: String, automatic: bool) -> Self {
        let source = package.source();
        let multi_arch = match package.multi_arch() {
            MultiArch::No => "",
            MultiArch::Same => "same",
            MultiArch::Foreign => "foreign",
            MultiArch::Allowed => "allowed",
        };
        Self {
            name: package.name().to_owned(),
            version: package.version().to_owned(),
            arch: package.arch().to_owned(),
            size: package.size(),
            installed_size_bytes: package.installed_size(),
            filename: package.filename(),
            base_url: source.base_url.clone(),
            sha256: package.sha256(),
            suite: source.suite.clone(),
            component: source.component.clone(),
            priority: package.priority(),
            essential: package.essential(),
            multi_arch: multi_arch.to_owned(),
            source: package.source_name().to_owned(),
            requested_by,
            automatic,
        }
    }
}
