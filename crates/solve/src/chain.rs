//! From a contradiction back to the goals and bans that lead to it.

use std::collections::HashSet;

use crate::model::{Fact, PackageId, Root, Universe};
use crate::propagate::Propagation;

/// Side reasons nested deeper than this are left out; the roots are checked by solving again in any case.
const MAX_NESTING: usize = 64;

/// Something that must be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// A goal.
    Goal(usize),
    /// A requirement of a package.
    Relation { package: PackageId, relation: usize },
}

/// Why a package cannot be in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Out {
    /// A ban names it.
    Ban(usize),
    /// A package that is in excludes it.
    ExcludedBy { package: PackageId, relation: usize },
    /// It excludes a package that is in.
    Excludes { relation: usize, with: PackageId },
    /// Its slot is taken.
    SlotOf(PackageId),
    /// One of its requirements cannot be met.
    Hopeless { relation: usize },
}

/// A contradiction found without search.
pub(crate) struct Contradiction {
    /// The goals and bans that lead to it, sorted.
    pub(crate) roots: Vec<Root>,
    /// The facts from the roots to it, in reading order.
    pub(crate) facts: Vec<Fact>,
}

/// Collects roots and facts behind the need that cannot be met.
pub(crate) fn trace<U: Universe>(state: &Propagation<'_, '_, U>, end: Need) -> Contradiction {
    let mut tracer = Tracer { state, roots: HashSet::new(), seen: HashSet::new(), facts: Vec::new() };
    tracer.need(end, 0);
    tracer.in_vain(end, 0);
    let mut roots: Vec<Root> = tracer.roots.into_iter().collect();
    roots.sort_unstable();
    Contradiction { roots, facts: tracer.facts }
}

struct Tracer<'s, 'm, 'u, U> {
    state: &'s Propagation<'m, 'u, U>,
    roots: HashSet<Root>,
    seen: HashSet<PackageId>,
    facts: Vec<Fact>,
}

impl<U: Universe> Tracer<'_, '_, '_, U> {
    /// Why the need exists.
    fn need(&mut self, need: Need, nesting: usize) {
        match need {
            Need::Goal(position) => {
                self.roots.insert(Root::Goal(position));
            }
            Need::Relation { package, .. } => self.why_in(package, nesting),
        }
    }

    /// The way from a root to a package that must be in.
    fn why_in(&mut self, package: PackageId, nesting: usize) {
        let mut way = Vec::new();
        let mut at = package;
        while self.seen.insert(at) {
            let Some(&need) = self.state.inside.get(&at) else { break };
            way.push((need, at));
            match need {
                Need::Goal(position) => {
                    self.roots.insert(Root::Goal(position));
                    break;
                }
                Need::Relation { package, .. } => at = package,
            }
        }
        for (need, chosen) in way.into_iter().rev() {
            self.facts.push(match need {
                Need::Goal(goal) => Fact::Asks { goal, package: chosen },
                Need::Relation { package, relation } => Fact::Needs { package, relation, on: chosen },
            });
            self.why_counts(need, nesting);
            let others = self.state.alternatives(need);
            for other in others.into_iter().filter(|other| *other != chosen) {
                self.why_out(other, nesting + 1);
            }
        }
    }

    /// Why the packages that make a need count are in.
    fn why_counts(&mut self, need: Need, nesting: usize) {
        for reason in self.state.reasons(need).unwrap_or_default() {
            self.why_in(reason, nesting + 1);
        }
    }

    /// Why nothing meets the need.
    fn in_vain(&mut self, need: Need, nesting: usize) {
        self.why_counts(need, nesting);
        let any_of = self.state.alternatives(need);
        self.facts.push(match (need, &any_of[..]) {
            (Need::Goal(goal), [package]) => Fact::Asks { goal, package: *package },
            (Need::Goal(goal), _) => Fact::AsksInVain { goal },
            (Need::Relation { package, relation }, [on]) => Fact::Needs { package, relation, on: *on },
            (Need::Relation { package, relation }, _) => Fact::NeedsInVain { package, relation },
        });
        for package in any_of {
            self.why_out(package, nesting + 1);
        }
    }

    /// Why a package cannot be in.
    fn why_out(&mut self, package: PackageId, nesting: usize) {
        if nesting > MAX_NESTING || !self.seen.insert(package) {
            return;
        }
        match self.state.outside.get(&package) {
            None => {}
            Some(&Out::Ban(ban)) => {
                self.roots.insert(Root::Ban(ban));
                self.facts.push(Fact::Banned { ban, package });
            }
            Some(&Out::ExcludedBy { package: by, relation }) => {
                self.why_in(by, nesting);
                self.facts.push(Fact::Excludes { package: by, relation, with: package });
            }
            Some(&Out::Excludes { relation, with }) => {
                self.why_in(with, nesting);
                self.facts.push(Fact::Excludes { package, relation, with });
            }
            Some(&Out::SlotOf(owner)) => {
                self.why_in(owner, nesting);
                self.facts.push(Fact::SameSlot { package, with: owner });
            }
            Some(&Out::Hopeless { relation }) => self.in_vain(Need::Relation { package, relation }, nesting),
        }
    }
}
