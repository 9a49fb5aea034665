//! The model that every family translates its packages into.
//!
//! Names, versions and provides are gone here: a relation is the list of packages that would satisfy it (or that it
//! excludes). The family expands its own rules into such lists, on demand and once per package.

/// A package: one version of one name for one architecture. Ids are dense and start at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId(pub u32);

/// A place that at most one package can take, such as a name of one architecture. Ids are dense and start at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub u32);

impl PackageId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl SlotId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Something that a package needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirement {
    /// At least one of these; the order is the preference.
    pub any_of: Vec<PackageId>,
    /// It counts only when each of these lists has a package in the result. Empty: it always counts.
    pub when: Vec<Vec<PackageId>>,
}

impl From<Vec<PackageId>> for Requirement {
    fn from(any_of: Vec<PackageId>) -> Self {
        Self { any_of, when: Vec::new() }
    }
}

/// What one package says about others. The position of a relation in its list is how facts refer to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relations {
    /// What must be there beside this package.
    pub requires: Vec<Requirement>,
    /// Each entry forbids all of its packages beside this one. Never names the package itself.
    pub excludes: Vec<Vec<PackageId>>,
    /// Like `requires`, but given up when it cannot be met.
    pub recommends: Vec<Requirement>,
}

/// A package that comes along by itself when others are there, such as a translation of an installed program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The package. It stays out when it cannot be met.
    pub package: PackageId,
    /// It comes when each of these lists has a package in the result; empty: never.
    pub when: Vec<Vec<PackageId>>,
    /// It does not come when one of these is in the result, and none of these comes along by itself after it.
    pub unless: Vec<PackageId>,
}

/// The packages of a family.
pub trait Universe {
    /// Number of packages: every id is below it.
    fn package_count(&self) -> usize;
    /// Number of slots: every id is below it.
    fn slot_count(&self) -> usize;
    /// The slot that `package` takes.
    fn slot(&self, package: PackageId) -> SlotId;
    /// The packages that may take `slot`, best first.
    fn candidates(&self, slot: SlotId) -> Vec<PackageId>;
    /// What `package` says about others.
    fn relations(&self, package: PackageId) -> Relations;
    /// The packages that come along by themselves, in the order in which they are tried.
    fn additions(&self) -> Vec<Addition> {
        Vec::new()
    }
    /// Whether the answer is not wanted any more: then every search is given up, and what comes out means nothing.
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Something that must be in the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// One of these, the first if possible.
    pub any_of: Vec<PackageId>,
    /// Goals of a lower stage are settled, with all that they need, before those of a higher one choose.
    pub stage: u8,
}

/// What to solve.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    /// All of these must be met.
    pub goals: Vec<Goal>,
    /// None of the packages of any entry may be in the result.
    pub bans: Vec<Vec<PackageId>>,
    /// Follow `recommends` where possible.
    pub recommends: bool,
    /// Add what comes along by itself, see [`Universe::additions`].
    pub additions: bool,
}

/// What first asked for a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The goal at this position.
    Goal(usize),
    /// A requirement or recommendation of this package, or its presence.
    Package(PackageId),
}

/// A set of packages that meets the problem, in the order of choice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Solution {
    /// Each package with what first asked for it.
    pub packages: Vec<(PackageId, Cause)>,
}

/// Where a chain of facts starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// The goal at this position.
    Goal(usize),
    /// The ban at this position.
    Ban(usize),
}

/// One fact of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fact {
    /// The goal leaves only this package.
    Asks {
        /// Position of the goal.
        goal: usize,
        /// The package.
        package: PackageId,
    },
    /// No package can meet the goal.
    AsksInVain {
        /// Position of the goal.
        goal: usize,
    },
    /// `package` needs `on`, by its requirement number `relation`.
    Needs {
        /// The package that needs.
        package: PackageId,
        /// Position in [`Relations::requires`].
        relation: usize,
        /// The package that meets the requirement, the only one left.
        on: PackageId,
    },
    /// Nothing is left that meets the requirement number `relation` of `package`.
    NeedsInVain {
        /// The package that needs.
        package: PackageId,
        /// Position in [`Relations::requires`].
        relation: usize,
    },
    /// `package` does not go with `with`, by its exclusion number `relation`.
    Excludes {
        /// The package that excludes.
        package: PackageId,
        /// Position in [`Relations::excludes`].
        relation: usize,
        /// The package that is excluded.
        with: PackageId,
    },
    /// Both want the same slot.
    SameSlot {
        /// One package.
        package: PackageId,
        /// The other.
        with: PackageId,
    },
    /// A ban forbids the package.
    Banned {
        /// Position of the ban.
        ban: usize,
        /// The package.
        package: PackageId,
    },
}

/// Why a problem has no solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// A minimal set of goals and bans that cannot be met together: without any one of them the rest can.
    pub roots: Vec<Root>,
    /// The facts that lead from the roots to the contradiction, in reading order.
    pub facts: Vec<Fact>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SolveError {
    /// There is no solution, and this is why.
    #[error("the requests cannot be met together")]
    Unsatisfiable(Conflict),
    /// The search was given up after a fixed number of steps.
    #[error("the search was given up after {steps} steps")]
    TooHard {
        /// The number of steps.
        steps: u64,
    },
}
