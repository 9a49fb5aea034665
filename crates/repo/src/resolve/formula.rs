//! Relations as formulas, and their translation into what the solver knows.
//!
//! A formula becomes clauses: "one of these, when each of those lists has a package". That is exact for every formula
//! of atoms; the number of clauses is bounded.

use super::family::Atom;

/// What must hold among the packages of a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Formula<'t> {
    /// A package that satisfies the atom is there.
    Atom(Atom<'t>),
    /// One of these holds, the first if possible. Of none: never.
    Any(Vec<Formula<'t>>),
    /// All of these hold. Of none: always.
    All(Vec<Formula<'t>>),
    /// This does not hold.
    Not(Box<Formula<'t>>),
    /// One package satisfies both: `with` of rpm.
    With(Box<Formula<'t>>, Box<Formula<'t>>),
    /// One package satisfies the first and not the second: `without` of rpm.
    Without(Box<Formula<'t>>, Box<Formula<'t>>),
}

impl<'t> Formula<'t> {
    /// `then`, if `when` holds; else `otherwise`, if there is such: `if` of rpm.
    #[must_use]
    pub fn when(when: Self, then: Self, otherwise: Option<Self>) -> Self {
        let first = Self::Any(vec![then, Self::not(when.clone())]);
        match otherwise {
            None => first,
            Some(otherwise) => Self::All(vec![first, Self::Any(vec![otherwise, when])]),
        }
    }

    /// `then`, and `when` does not hold; or both `otherwise` and `when`, if there is such: `unless` of rpm.
    #[must_use]
    pub fn unless(when: Self, then: Self, otherwise: Option<Self>) -> Self {
        match otherwise {
            None => Self::All(vec![then, Self::not(when)]),
            Some(otherwise) => Self::All(vec![
                Self::Any(vec![then, when.clone()]),
                Self::Any(vec![otherwise, Self::not(when)]),
            ]),
        }
    }

    /// The opposite.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "it builds a formula, it does not calculate")]
    pub fn not(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Every atom, in order.
    pub fn atoms(&self) -> Vec<Atom<'t>> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect(&self, found: &mut Vec<Atom<'t>>) {
        match self {
            Self::Atom(atom) => found.push(*atom),
            Self::Any(parts) | Self::All(parts) => parts.iter().for_each(|part| part.collect(found)),
            Self::Not(part) => part.collect(found),
            Self::With(a, b) | Self::Without(a, b) => {
                a.collect(found);
                b.collect(found);
            }
        }
    }
}

/// One of `any_of`, when each list of `when` has a package. Packages are numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Clause {
    pub(super) any_of: Vec<u32>,
    pub(super) when: Vec<Vec<u32>>,
}

/// More clauses than this are not made of one relation; what real packages write gives a handful.
const MOST_CLAUSES: usize = 256;
/// Formulas nested deeper than this are not looked into.
const MOST_DEPTH: usize = 64;

/// The formula has no translation of bounded size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooComplex;

/// The clauses of a formula (or, if `negated`, of its opposite), where `packages` gives those of an atom, best first.
pub(super) fn clauses(
    formula: &Formula<'_>,
    negated: bool,
    packages: &mut dyn FnMut(&Atom<'_>) -> Vec<u32>,
) -> Result<Vec<Clause>, TooComplex> {
    Translation { packages }.clauses(formula, negated, MOST_DEPTH)
}

struct Translation<'p> {
    packages: &'p mut dyn FnMut(&Atom<'_>) -> Vec<u32>,
}

impl Translation<'_> {
    fn clauses(
        &mut self,
        formula: &Formula<'_>,
        negated: bool,
        depth: usize,
    ) -> Result<Vec<Clause>, TooComplex> {
        let depth = depth.checked_sub(1).ok_or(TooComplex)?;
        match formula {
            Formula::Atom(_) | Formula::With(..) | Formula::Without(..) => {
                let set = self.set(formula, depth)?;
                Ok(literal(set, negated))
            }
            Formula::Not(part) => self.clauses(part, !negated, depth),
            Formula::All(parts) if !negated => self.each(parts, negated, depth),
            Formula::Any(parts) if negated => self.each(parts, negated, depth),
            Formula::Any(parts) | Formula::All(parts) => {
                let mut product = vec![Clause::default()];
                for part in parts {
                    let more = self.clauses(part, negated, depth)?;
                    if product.len() * more.len() > MOST_CLAUSES {
                        return Err(TooComplex);
                    }
                    product = product.iter().flat_map(|a| more.iter().map(|b| a.or(b))).collect();
                }
                Ok(product)
            }
        }
    }

    /// The clauses of all parts together.
    fn each(
        &mut self,
        parts: &[Formula<'_>],
        negated: bool,
        depth: usize,
    ) -> Result<Vec<Clause>, TooComplex> {
        let mut all = Vec::new();
        for part in parts {
            all.append(&mut self.clauses(part, negated, depth)?);
            if all.len() > MOST_CLAUSES {
                return Err(TooComplex);
            }
        }
        Ok(all)
    }

    /// The packages that satisfy a formula each by itself.
    fn set(&mut self, formula: &Formula<'_>, depth: usize) -> Result<Vec<u32>, TooComplex> {
        let depth = depth.checked_sub(1).ok_or(TooComplex)?;
        match formula {
            Formula::Atom(atom) => Ok((self.packages)(atom)),
            Formula::With(a, b) => {
                let other = self.set(b, depth)?;
                Ok(retained(self.set(a, depth)?, |package| other.contains(package)))
            }
            Formula::Without(a, b) => {
                let other = self.set(b, depth)?;
                Ok(retained(self.set(a, depth)?, |package| !other.contains(package)))
            }
            Formula::Any(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    let more = self.set(part, depth)?;
                    merge(&mut all, &more);
                }
                Ok(all)
            }
            Formula::All(parts) => {
                let mut sets =
                    parts.iter().map(|part| self.set(part, depth)).collect::<Result<Vec<_>, _>>()?;
                let first = if sets.is_empty() { Vec::new() } else { sets.remove(0) };
                Ok(retained(first, |package| sets.iter().all(|set| set.contains(package))))
            }
            // "Every package but those" is never meant by a relation.
            Formula::Not(_) => Err(TooComplex),
        }
    }
}

/// The clauses that say that one of `set` is there, or that none is.
fn literal(set: Vec<u32>, negated: bool) -> Vec<Clause> {
    match (negated, set.is_empty()) {
        (false, _) => vec![Clause { any_of: set, when: Vec::new() }],
        (true, true) => Vec::new(),
        (true, false) => vec![Clause { any_of: Vec::new(), when: vec![set] }],
    }
}

impl Clause {
    fn or(&self, other: &Self) -> Self {
        let mut both = self.clone();
        merge(&mut both.any_of, &other.any_of);
        both.when.extend(other.when.iter().cloned());
        both
    }
}

fn merge(all: &mut Vec<u32>, more: &[u32]) {
    for package in more {
        if !all.contains(package) {
            all.push(*package);
        }
    }
}

fn retained(mut set: Vec<u32>, keep: impl Fn(&u32) -> bool) -> Vec<u32> {
    set.retain(keep);
    set
}

#[cfg(test)]
mod tests {
    use super::{Atom, Clause, Formula, clauses};

    fn atom(name: &str) -> Formula<'_> {
        Formula::Atom(Atom { name, ..Atom::default() })
    }

    /// Package 1 is `a`, 2 is `b`, 3 is both; 4 is `c`.
    fn packages(atom: &Atom<'_>) -> Vec<u32> {
        match atom.name {
            "a" => vec![1, 3],
            "b" => vec![2, 3],
            "c" => vec![4],
            _ => Vec::new(),
        }
    }

    fn of(formula: &Formula<'_>, negated: bool) -> Vec<(Vec<u32>, Vec<Vec<u32>>)> {
        let found = clauses(formula, negated, &mut packages).expect("small");
        found.into_iter().map(|Clause { any_of, when }| (any_of, when)).collect()
    }

    #[test]
    fn alternatives_keep_their_order_and_stand_once() {
        let any = Formula::Any(vec![atom("b"), atom("a"), atom("gone")]);
        assert_eq!(of(&any, false), [(vec![2, 3, 1], vec![])]);
        assert_eq!(of(&any, true), [(vec![], vec![vec![2, 3]]), (vec![], vec![vec![1, 3]])]);
    }

    #[test]
    fn a_condition_becomes_one() {
        let formula = Formula::when(atom("c"), atom("a"), None);
        assert_eq!(of(&formula, false), [(vec![1, 3], vec![vec![4]])]);
        let formula = Formula::when(atom("c"), atom("a"), Some(atom("b")));
        assert_eq!(of(&formula, false), [(vec![1, 3], vec![vec![4]]), (vec![2, 3, 4], vec![])]);
        let formula = Formula::unless(atom("c"), atom("a"), None);
        assert_eq!(of(&formula, true), [(vec![4], vec![vec![1, 3]])], "a conflict with `a unless c`");
        let formula = Formula::when(atom("gone"), atom("a"), None);
        assert_eq!(of(&formula, false), [], "a condition that cannot hold asks for nothing");
    }

    #[test]
    fn both_must_be_one_package() {
        let (a, b) = (Box::new(atom("a")), Box::new(atom("b")));
        assert_eq!(of(&Formula::With(a.clone(), b.clone()), false), [(vec![3], vec![])]);
        assert_eq!(of(&Formula::Without(a, b), false), [(vec![1], vec![])]);
    }

    #[test]
    fn a_conflict_with_two_together_names_both() {
        let both = Formula::All(vec![atom("a"), atom("c")]);
        assert_eq!(of(&both, true), [(vec![], vec![vec![1, 3], vec![4]])]);
    }

    #[test]
    fn what_would_explode_is_refused() {
        let pair = || Formula::All(vec![atom("a"), atom("b"), atom("c")]);
        let formula = Formula::Any((0..12).map(|_| pair()).collect());
        assert!(clauses(&formula, false, &mut packages).is_err());
        let mut deep = atom("a");
        for _ in 0..500 {
            deep = Formula::Not(Box::new(deep));
        }
        assert!(clauses(&deep, false, &mut packages).is_err());
    }
}
