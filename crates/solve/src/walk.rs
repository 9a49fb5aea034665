//! The first attempt: walk the requirements depth first and take the first alternative that works, as apt, pacman
//! and their like do.
//!
//! Where the walk ends, its result is what those tools choose, at the cost of looking at each relation once. Where
//! an early choice blocks a later one it gives up, and the complete search of [`crate::sat`] decides.

use std::collections::{BTreeSet, HashSet};

use crate::memo::Memo;
use crate::model::{Addition, Cause, Goal, PackageId, Problem, Requirement, Solution, Universe};

/// Deeper chains are left to the complete search, which does not recurse.
const MAX_DEPTH: usize = 1500;
/// Attempts to select a package, per package of the universe and at least.
const MIN_ATTEMPTS: usize = 200_000;

/// Why a package could not be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It is blocked, or something that it needs is.
    Blocked,
    /// Depth or number of attempts is spent: the walk has no say.
    Spent,
}

pub(crate) struct Walk<'m, 'u, U> {
    memo: &'m Memo<'u, U>,
    recommends: bool,
    additions: bool,
    selected: Vec<bool>,
    /// How many selected packages exclude each package; bans count too.
    blocked: Vec<u32>,
    slot_taken: Vec<bool>,
    /// Slots that a goal asks for.
    named: Vec<bool>,
    /// Positions of additions that a selected package may bring, and that were not tried yet.
    brought: BTreeSet<usize>,
    /// Positions of additions that were tried.
    tried: HashSet<usize>,
    /// Those of them that could not come then.
    failed: BTreeSet<usize>,
    /// How much of the trail was asked what it brings.
    asked: usize,
    trail: Vec<(PackageId, Cause)>,
    attempts: usize,
    /// Requirements of selected packages that did not count when they were looked at.
    waiting: Vec<Waiting>,
}

/// A requirement that may begin to count.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    package: PackageId,
    relation: usize,
    /// It is a recommendation.
    soft: bool,
}

impl<'m, 'u, U: Universe> Walk<'m, 'u, U> {
    pub(crate) fn new(memo: &'m Memo<'u, U>, problem: &Problem) -> Self {
        let packages = memo.universe.package_count();
        let mut blocked = vec![0; packages];
        for package in problem.bans.iter().flatten() {
            blocked[package.index()] += 1;
        }
        Self {
            memo,
            recommends: problem.recommends,
            additions: problem.additions,
            selected: vec![false; packages],
            blocked,
            slot_taken: vec![false; memo.universe.slot_count()],
            named: named(memo, problem),
            brought: BTreeSet::new(),
            tried: HashSet::new(),
            failed: BTreeSet::new(),
            asked: 0,
            trail: Vec::new(),
            attempts: MIN_ATTEMPTS.max(packages * 4),
            waiting: Vec::new(),
        }
    }

    /// Meets all goals, stage by stage.
    pub(crate) fn run(mut self, goals: &[Goal]) -> Result<Solution, Stop> {
        let mut stages: Vec<u8> = goals.iter().map(|goal| goal.stage).collect();
        stages.sort_unstable();
        stages.dedup();
        for stage in stages {
            let of_stage = || goals.iter().enumerate().filter(move |(_, goal)| goal.stage == stage);
            // What is asked for by name stands before anything chooses an alternative.
            for (position, goal) in of_stage() {
                if let [package] = goal.any_of[..] {
                    self.enter(package, Cause::Goal(position))?;
                }
            }
            // What comes with these chooses before what they need does.
            self.add()?;
            for (position, goal) in of_stage() {
                match goal.any_of[..] {
                    [package] => self.follow(package, 0)?,
                    _ => self.meet(&goal.any_of, Cause::Goal(position), 0)?,
                }
            }
            self.wake(0)?;
        }
        self.add()?;
        Ok(Solution { packages: self.trail })
    }

    /// Starts from a solution of the complete search and adds what it recommends.
    pub(crate) fn extend(mut self, solution: Solution) -> Solution {
        for (package, cause) in &solution.packages {
            if self.enter(*package, *cause).is_err() {
                return solution;
            }
        }
        for (package, _) in &solution.packages {
            if self.follow(*package, 0).is_err() {
                return solution;
            }
        }
        if self.wake(0).and_then(|()| self.add()).is_err() {
            return solution;
        }
        Solution { packages: self.trail }
    }

    /// Selects `package` and what it needs, or leaves everything as it was.
    fn select(&mut self, package: PackageId, cause: Cause, depth: usize) -> Result<(), Stop> {
        if self.selected[package.index()] {
            return Ok(());
        }
        if depth > MAX_DEPTH || self.attempts == 0 {
            return Err(Stop::Spent);
        }
        self.attempts -= 1;
        let mark = self.trail.len();
        self.enter(package, cause)?;
        self.follow(package, depth).inspect_err(|_| self.roll_back(mark))
    }

    /// Marks `package` alone.
    fn enter(&mut self, package: PackageId, cause: Cause) -> Result<(), Stop> {
        if self.selected[package.index()] {
            return Ok(());
        }
        let slot = self.memo.slot(package).index();
        let relations = self.memo.relations(package);
        let never = |needed: &Requirement| needed.any_of.is_empty() && needed.when.is_empty();
        let hopeless = || relations.requires.iter().any(never);
        let clashes = || relations.excludes.iter().flatten().any(|other| self.selected[other.index()]);
        if self.blocked[package.index()] > 0 || self.slot_taken[slot] || hopeless() || clashes() {
            return Err(Stop::Blocked);
        }
        for other in relations.excludes.iter().flatten() {
            self.blocked[other.index()] += 1;
        }
        self.slot_taken[slot] = true;
        self.selected[package.index()] = true;
        self.trail.push((package, cause));
        Ok(())
    }

    /// Selects what a marked package needs.
    fn follow(&mut self, package: PackageId, depth: usize) -> Result<(), Stop> {
        let relations = self.memo.relations(package);
        for relation in 0..relations.requires.len() {
            self.need(Waiting { package, relation, soft: false }, depth + 1)?;
        }
        if self.recommends {
            for relation in 0..relations.recommends.len() {
                self.need(Waiting { package, relation, soft: true }, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Meets one requirement, or notes it when it does not count yet.
    fn need(&mut self, need: Waiting, depth: usize) -> Result<(), Stop> {
        let relations = self.memo.relations(need.package);
        let all = if need.soft { &relations.recommends } else { &relations.requires };
        let needed = &all[need.relation];
        if !self.holds(&needed.when) {
            self.waiting.push(need);
            return Ok(());
        }
        let cause = Cause::Package(need.package);
        if need.soft {
            self.try_to_meet(&needed.any_of, cause, depth)
        } else {
            self.meet(&needed.any_of, cause, depth)
        }
    }

    /// What is recommended stays out when it cannot be met, and when a requirement that begins to count with it cannot.
    fn try_to_meet(&mut self, any_of: &[PackageId], cause: Cause, depth: usize) -> Result<(), Stop> {
        let mark = self.trail.len();
        match self.meet(any_of, cause, depth) {
            Err(Stop::Blocked) => return Ok(()),
            Err(Stop::Spent) => return Err(Stop::Spent),
            Ok(()) if self.trail.len() == mark || !self.waiting.iter().any(|need| self.counts(*need)) => {
                return Ok(());
            }
            Ok(()) => {}
        }
        let waiting = self.waiting.clone();
        match self.wake(depth) {
            Err(Stop::Blocked) => {
                self.roll_back(mark);
                self.waiting = waiting;
                Ok(())
            }
            done => done,
        }
    }

    /// Whether each list has a selected package.
    fn holds(&self, when: &[Vec<PackageId>]) -> bool {
        when.iter().all(|list| list.iter().any(|package| self.selected[package.index()]))
    }

    /// Meets the requirements that have begun to count, until none is left.
    fn wake(&mut self, depth: usize) -> Result<(), Stop> {
        loop {
            let ready = self.waiting.iter().position(|need| self.counts(*need));
            let Some(ready) = ready else { return Ok(()) };
            let need = self.waiting.remove(ready);
            // The package may have been given up since.
            if self.selected[need.package.index()] {
                self.need(need, depth + 1)?;
            }
        }
    }

    fn counts(&self, need: Waiting) -> bool {
        let relations = self.memo.relations(need.package);
        let all = if need.soft { &relations.recommends } else { &relations.requires };
        self.holds(&all[need.relation].when)
    }

    /// Adds what comes along by itself, until nothing more comes. What would break a requirement stays out; what chose
    /// badly is tried again when others have come, among which it has less to choose.
    ///
    /// What comes only without something else waits until the rest is settled.
    fn add(&mut self) -> Result<(), Stop> {
        if !self.additions {
            return Ok(());
        }
        let additions = self.memo.additions();
        loop {
            let mark = self.trail.len();
            while let Some(ready) = self.ready() {
                self.brought.remove(&ready);
                self.tried.insert(ready);
                if !self.try_addition(additions.get(ready))? {
                    self.failed.insert(ready);
                }
            }
            if self.trail.len() == mark || self.failed.is_empty() {
                return Ok(());
            }
            self.brought.append(&mut self.failed);
        }
    }

    /// The first addition that may come now.
    fn ready(&mut self) -> Option<usize> {
        let additions = self.memo.additions();
        for (package, _) in &self.trail[self.asked..] {
            let new = additions.brought_by(*package).iter().filter(|position| !self.tried.contains(position));
            self.brought.extend(new);
        }
        self.asked = self.trail.len();
        let is_there = |package: &PackageId| self.selected[package.index()];
        let ready = |addition: &Addition| self.holds(&addition.when) && !addition.unless.iter().any(is_there);
        let mut brought = self.brought.iter().map(|position| (*position, additions.get(*position)));
        let plain = brought.clone().find(|(_, addition)| addition.unless.is_empty() && ready(addition));
        plain.or_else(|| brought.find(|(_, addition)| ready(addition))).map(|(position, _)| position)
    }

    /// Whether the addition came.
    fn try_addition(&mut self, addition: &Addition) -> Result<bool, Stop> {
        let reason = addition.when[0].iter().find(|package| self.selected[package.index()]);
        let Some(&reason) = reason else { return Ok(false) };
        let (mark, waiting) = (self.trail.len(), self.waiting.clone());
        for package in &addition.unless {
            self.blocked[package.index()] += 1;
        }
        match self.select(addition.package, Cause::Package(reason), 0).and_then(|()| self.wake(0)) {
            Err(Stop::Blocked) => {
                for package in &addition.unless {
                    self.blocked[package.index()] -= 1;
                }
                self.roll_back(mark);
                self.waiting = waiting;
                Ok(false)
            }
            done => done.map(|()| true),
        }
    }

    fn meet(&mut self, any_of: &[PackageId], cause: Cause, depth: usize) -> Result<(), Stop> {
        if any_of.iter().any(|package| self.selected[package.index()]) {
            return Ok(());
        }
        // What is asked for by name comes first.
        for asked_for in [true, false] {
            for &package in any_of {
                if self.named[self.memo.slot(package).index()] != asked_for {
                    continue;
                }
                match self.select(package, cause, depth) {
                    Err(Stop::Blocked) => {}
                    done => return done,
                }
            }
        }
        Err(Stop::Blocked)
    }

    fn roll_back(&mut self, mark: usize) {
        self.asked = self.asked.min(mark);
        for (package, _) in self.trail.split_off(mark) {
            for other in self.memo.relations(package).excludes.iter().flatten() {
                self.blocked[other.index()] -= 1;
            }
            let slot = self.memo.slot(package).index();
            self.slot_taken[slot] = false;
            self.selected[package.index()] = false;
        }
    }
}

/// The slots that a goal asks for: those of goals that leave only one.
fn named<U: Universe>(memo: &Memo<'_, U>, problem: &Problem) -> Vec<bool> {
    let mut named = vec![false; memo.universe.slot_count()];
    for goal in &problem.goals {
        let mut slots = goal.any_of.iter().map(|package| memo.slot(*package));
        if let Some(first) = slots.next()
            && slots.all(|slot| slot == first)
        {
            named[first.index()] = true;
        }
    }
    named
}
