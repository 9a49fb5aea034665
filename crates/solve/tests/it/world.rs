//! Small worlds written as text, for tests.

use std::collections::BTreeMap;

use lbuild_solve::{Addition, Goal, PackageId, Problem, Relations, Requirement, SlotId, Universe};

/// Packages by position; a slot per name.
#[derive(Debug, Clone, Default)]
pub struct World {
    pub names: Vec<String>,
    pub slots: Vec<u32>,
    pub members: Vec<Vec<PackageId>>,
    pub relations: Vec<Relations>,
    pub additions: Vec<Addition>,
}

impl Universe for World {
    fn package_count(&self) -> usize {
        self.names.len()
    }

    fn slot_count(&self) -> usize {
        self.names.len()
    }

    fn slot(&self, package: PackageId) -> SlotId {
        SlotId(self.slots[package.0 as usize])
    }

    fn candidates(&self, slot: SlotId) -> Vec<PackageId> {
        self.members.get(slot.0 as usize).cloned().unwrap_or_default()
    }

    fn relations(&self, package: PackageId) -> Relations {
        self.relations[package.0 as usize].clone()
    }

    fn additions(&self) -> Vec<Addition> {
        self.additions.clone()
    }
}

impl World {
    /// Reads lines such as `a: b|c !d ~e f?g|h&i ^j&k`: what `a` requires, excludes, recommends, requires when `g` or
    /// `h` and `i` are there, and comes along with; `^j/x|y` comes with `j` unless `x` or `y` is there. `a@1` and `a@2` share the slot `a`. A name that no line begins with
    /// does not exist.
    pub fn read(text: &str) -> Self {
        let lines: Vec<(&str, &str)> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| line.split_once(':').map_or((line.trim(), ""), |(name, rest)| (name.trim(), rest)))
            .collect();
        let ids: BTreeMap<&str, PackageId> =
            (0..).zip(&lines).map(|(id, (name, _))| (*name, PackageId(id))).collect();
        let mut world = Self::default();
        let mut slots: BTreeMap<&str, u32> = BTreeMap::new();
        for (name, rest) in &lines {
            let next = u32::try_from(slots.len()).unwrap();
            let slot = *slots.entry(name.split('@').next().unwrap_or(name)).or_insert(next);
            world.add_to_slot(slot);
            world.names.push((*name).to_owned());
            let mut relations = Relations::default();
            for word in rest.split_whitespace() {
                let list = |word: &str| word.split('|').filter_map(|name| ids.get(name).copied()).collect();
                if let Some(word) = word.strip_prefix('!') {
                    relations.excludes.push(list(word));
                } else if let Some(word) = word.strip_prefix('~') {
                    relations.recommends.push(Requirement::from(list(word)));
                } else if let Some(word) = word.strip_prefix('^') {
                    let (when, unless) = word.split_once('/').unwrap_or((word, ""));
                    let when = when.split('&').map(list).collect();
                    world.additions.push(Addition { package: ids[name], when, unless: list(unless) });
                } else if let Some((word, condition)) = word.split_once('?') {
                    let when = condition.split('&').map(list).collect();
                    relations.requires.push(Requirement { any_of: list(word), when });
                } else {
                    relations.requires.push(Requirement::from(list(word)));
                }
            }
            world.relations.push(relations);
        }
        world
    }

    /// Gives the next package its slot.
    pub fn add_to_slot(&mut self, slot: u32) {
        let package = PackageId(u32::try_from(self.slots.len()).unwrap());
        self.slots.push(slot);
        if self.members.len() <= slot as usize {
            self.members.resize(slot as usize + 1, Vec::new());
        }
        self.members[slot as usize].push(package);
    }

    pub fn id(&self, name: &str) -> Option<PackageId> {
        let position = self.names.iter().position(|known| known == name)?;
        Some(PackageId(u32::try_from(position).unwrap()))
    }

    /// A problem from `a b|c -d`: goals, and bans with a minus.
    pub fn problem(&self, text: &str) -> Problem {
        let list = |word: &str| word.split('|').filter_map(|name| self.id(name)).collect::<Vec<_>>();
        let mut problem = Problem::default();
        for word in text.split_whitespace() {
            match word.strip_prefix('-') {
                Some(word) => problem.bans.push(list(word)),
                None if word == "+recommends" => problem.recommends = true,
                None if word == "+additions" => problem.additions = true,
                None => problem.goals.push(Goal { any_of: list(word), stage: 0 }),
            }
        }
        problem
    }

    pub fn name(&self, package: PackageId) -> &str {
        &self.names[package.0 as usize]
    }
}

/// Whether a set (by package position) meets a problem.
pub fn is_solution(world: &World, problem: &Problem, inside: &[bool]) -> bool {
    let has = |package: &PackageId| inside[package.0 as usize];
    let goals = problem.goals.iter().all(|goal| goal.any_of.iter().any(has));
    let bans = !problem.bans.iter().flatten().any(has);
    let mut slots = vec![false; world.names.len()];
    goals
        && bans
        && (0..world.names.len()).filter(|at| inside[*at]).all(|at| {
            let relations = &world.relations[at];
            let free = !std::mem::replace(&mut slots[world.slots[at] as usize], true);
            free && relations.requires.iter().all(|needed| {
                let counts = needed.when.iter().all(|list| list.iter().any(has));
                !counts || needed.any_of.iter().any(has)
            }) && !relations.excludes.iter().flatten().any(has)
        })
}
