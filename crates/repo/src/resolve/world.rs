//! An index seen through a family's rules, pins and requests: relations expanded to lists of packages.

use std::cell::{OnceCell, RefCell};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use lbuild_solve::{Addition, PackageId, Relations, Requirement, SlotId, Universe};

use super::arches::Arches;
use super::family::{Asker, Atom, Family, Found, Role, Statement};
use super::formula::clauses;
use super::pins::Pins;
use super::switches::Switches;
use super::{Base, Knowledge, NothingMore, Request};
use crate::index::{Index, Kind, Package};

/// An index seen through a family's rules, pins and requests.
///
/// A slot here is a slot of the index for one architecture.
pub struct World<'i> {
    pub(super) index: &'i Index,
    pub(super) family: &'i dyn Family,
    request: &'i Request,
    arches: Arches,
    pins: Pins<'i>,
    /// Versions that requests ask for, by slot: instead of the candidates, or beside them.
    chosen: HashMap<u32, Vec<u32>>,
    candidates: RefCell<Candidates>,
    switches: Switches<'i>,
    /// Packages that an expert insists on.
    forced: HashSet<u32>,
    /// The base set, once it was asked for.
    base: OnceCell<Vec<(u32, Base)>>,
    /// Packages that may be there for another reason than that they are waited for, see [`Family::waits`].
    expected: OnceCell<HashSet<u32>>,
    /// What is known beyond the index, and whether anybody still wants the answer.
    pub(super) knowledge: &'i dyn Knowledge,
}

/// Candidates that were looked up.
struct Candidates {
    /// Per slot: 0 for unknown, else 1 + the place in `lists`.
    places: Vec<u32>,
    /// Length, then packages.
    lists: Vec<u32>,
}

/// The relations of a package with the statements that they come from.
pub(super) struct Expansion<'i> {
    pub(super) statements: Vec<Statement<'i>>,
    pub(super) relations: Relations,
    /// The statement of each requirement.
    pub(super) requires: Vec<usize>,
    /// The statement of each recommendation.
    pub(super) recommends: Vec<usize>,
    /// The statement of each exclusion; `None` for the family's [`Family::others`].
    pub(super) excludes: Vec<Option<usize>>,
}

impl<'i> World<'i> {
    /// The same world, of somebody who knows more.
    pub(super) fn with(self, knowledge: &'i dyn Knowledge) -> Self {
        Self { knowledge, ..self }
    }

    pub(super) fn new(index: &'i Index, family: &'i dyn Family, request: &'i Request) -> Self {
        let arches = Arches::new(index, &request.arch, family.any_arch());
        let places = vec![0; index.slot_count() * arches.len()];
        Self {
            index,
            family,
            request,
            arches,
            pins: Pins::new(&request.pins),
            chosen: HashMap::new(),
            candidates: RefCell::new(Candidates { places, lists: Vec::new() }),
            switches: Switches::new(index, &request.enable),
            forced: HashSet::new(),
            base: OnceCell::new(),
            expected: OnceCell::new(),
            knowledge: &NothingMore,
        }
    }

    /// Whether the source of a package is in use.
    pub fn is_in_use(&self, package: Package<'_>) -> bool {
        self.switches.is_in_use(package)
    }

    /// What would have to be switched on for a package; nothing when its source is in use.
    pub fn missing_for(&self, package: Package<'i>) -> Vec<&'i str> {
        self.switches.missing_for(package)
    }

    /// All versions of a name from sources in use.
    pub fn named(&self, name: &str) -> impl Iterator<Item = Package<'i>> {
        self.index.named(name).filter(|package| self.is_in_use(*package))
    }

    /// The index.
    pub fn index(&self) -> &'i Index {
        self.index
    }

    /// The architectures.
    pub fn arches(&self) -> &Arches {
        &self.arches
    }

    /// The priority of a version by pins and by its source, as `apt-cache policy` shows it.
    pub fn priority(&self, package: Package<'i>) -> i32 {
        let arch = self.arches.of(package);
        if arch > 0 {
            return package.source().pin;
        }
        let versions = || {
            let same_arch = |other: &Package<'i>| self.arches.of(*other) == arch;
            self.index.of_name(package.name_id()).filter(same_arch).collect()
        };
        self.pins.priority(package, &versions)
    }

    /// Orders packages of one name, the better first: by priority, by version, then by source.
    pub fn better(&self, a: Package<'i>, b: Package<'i>) -> Ordering {
        let priority = || self.priority(b).cmp(&self.priority(a));
        let version = || self.family.compare(b.version(), a.version());
        priority().then_with(version).then_with(|| a.id().cmp(&b.id()))
    }

    /// Lets `package` stand for its slot beside what was chosen for it before.
    pub(super) fn choose(&mut self, package: Package<'i>) {
        let slot = self.slot_of(package);
        let chosen = self.chosen.entry(slot).or_default();
        if !chosen.contains(&package.id()) {
            chosen.push(package.id());
        }
    }

    /// Makes `package` the only one of its slot, whatever relations say of it.
    pub(super) fn force(&mut self, package: Package<'i>) {
        self.chosen.insert(self.slot_of(package), vec![package.id()]);
        self.forced.insert(package.id());
    }

    fn is_forced(&self, package: Package<'_>) -> bool {
        !self.forced.is_empty() && self.forced.contains(&package.id())
    }

    /// The base set of `request`, which differs from that of the world in its packages and removals only.
    pub(super) fn base(&self, request: &Request) -> &[(u32, Base)] {
        self.base.get_or_init(|| self.find_base(request))
    }

    fn find_base(&self, request: &Request) -> Vec<(u32, Base)> {
        if !self.family.has_base(request) {
            return Vec::new();
        }
        let mut slots_seen = vec![false; self.index.slot_count()];
        let mut base = Vec::new();
        for package in self.index.packages() {
            if self.arches.of(package) != 0
                || self.family.base(request, package).is_none()
                || std::mem::replace(&mut slots_seen[package.slot_id() as usize], true)
            {
                continue;
            }
            base.extend(self.members(self.slot_of(package)).first().copied());
        }
        let reason = |package: Package<'i>| Some((package.id(), self.family.base(request, package)?));
        base.into_iter().filter_map(reason).collect()
    }

    pub(super) fn is_chosen(&self, slot: u32) -> bool {
        self.chosen.contains_key(&slot)
    }

    pub(super) fn package(&self, id: PackageId) -> Package<'i> {
        self.index.package(id.0)
    }

    /// The slot that a package takes: that of the index, for its architecture.
    pub fn slot_of(&self, package: Package<'_>) -> u32 {
        self.slot(package.slot_id(), self.arches.of(package))
    }

    fn slot(&self, slot: u32, arch: usize) -> u32 {
        slot * u32::try_from(self.arches.len()).unwrap_or(1) + u32::try_from(arch).unwrap_or_default()
    }

    /// The packages that may stand for a slot, best first.
    pub fn members(&self, slot: u32) -> Vec<Package<'i>> {
        let chosen = self.chosen.get(&slot).map_or(&[][..], Vec::as_slice);
        let all = chosen.is_empty() || !(self.family.has_one_candidate() || self.has_forced(chosen));
        let mut ids = if all { self.candidates(slot) } else { Vec::new() };
        ids.extend(chosen.iter().filter(|id| !ids.contains(id)).copied().collect::<Vec<_>>());
        ids.into_iter().map(|id| self.index.package(id)).collect()
    }

    fn has_forced(&self, chosen: &[u32]) -> bool {
        !self.forced.is_empty() && chosen.iter().any(|id| self.forced.contains(id))
    }

    fn candidates(&self, slot: u32) -> Vec<u32> {
        if let Some(known) = self.candidates.borrow().get(slot) {
            return known.to_vec();
        }
        let arches = u32::try_from(self.arches.len()).unwrap_or(1);
        let arch = (slot % arches) as usize;
        let of_slot = self.index.of_slot(slot / arches).filter(|package| self.arches.of(*package) == arch);
        let allowed: Vec<Package<'i>> =
            of_slot.filter(|package| self.is_in_use(*package) && self.priority(*package) > 0).collect();
        let found = if allowed.len() > 1 { self.family.candidates(self, allowed) } else { allowed };
        let found: Vec<u32> = found.into_iter().map(|package| package.id()).collect();
        self.candidates.borrow_mut().put(slot, &found);
        found
    }

    /// Whether a package may stand for its slot.
    pub fn is_member(&self, package: Package<'i>) -> bool {
        let slot = self.slot_of(package);
        if let Some(chosen) = self.chosen.get(&slot) {
            if chosen.contains(&package.id()) {
                return true;
            }
            if self.family.has_one_candidate() || self.has_forced(chosen) {
                return false;
            }
        }
        let known = self.candidates.borrow().contains(slot, package.id());
        known.unwrap_or_else(|| self.candidates(slot).contains(&package.id()))
    }

    /// The packages that satisfy `atom`, best first.
    pub fn satisfying(&self, atom: &Atom<'_>, asker: Asker<'i>) -> Vec<Package<'i>> {
        let Some(name) = self.index.name_id(atom.name) else { return Vec::new() };
        let real = self.index.of_name(name).map(|package| Found { package, provided: None });
        let provided =
            self.index.providers(name).map(|(package, version)| Found { package, provided: Some(version) });
        let mut found: Vec<Found<'i>> = Vec::new();
        for one in real.chain(provided) {
            if self.is_member(one.package)
                && !self.is_waiting(one, asker)
                && self.satisfies(atom, one, asker)
                && found.iter().all(|known| known.package != one.package)
            {
                found.push(one);
            }
        }
        if found.len() > 1 {
            self.family.arrange(self, asker, &mut found);
        }
        found.into_iter().map(|found| found.package).collect()
    }

    /// A package that is forced is like every bound says, and excludes nothing.
    fn satisfies(&self, atom: &Atom<'_>, found: Found<'i>, asker: Asker<'i>) -> bool {
        if !self.is_forced(found.package) {
            return self.family.satisfies(self, atom, found, asker);
        }
        let unbound = Atom { bound: None, ..*atom };
        asker.role != Role::Excludes && self.family.satisfies(self, &unbound, found, asker)
    }

    /// Whether `found` waits for another reason to be there, and there can be none.
    fn is_waiting(&self, found: Found<'_>, asker: Asker<'_>) -> bool {
        let may_choose = matches!(asker.role, Role::Requires | Role::Recommends);
        may_choose && self.family.waits(found) && !self.expected().contains(&found.package.id())
    }

    /// The packages that the request may lead to without those that wait.
    fn expected(&self) -> &HashSet<u32> {
        self.expected.get_or_init(|| {
            let wanted = self.request.packages.iter().map(|wanted| self.family.wanted(wanted).name);
            let mut queue: Vec<u32> = wanted.filter_map(|name| self.index.name_id(name)).collect();
            let mut asked: HashSet<u32> = queue.iter().copied().collect();
            let mut expected = HashSet::new();
            while let Some(name) = queue.pop() {
                let own = self.index.of_name(name).map(|package| Found { package, provided: None });
                let provided = self.index.providers(name);
                let provided = provided.map(|(package, version)| Found { package, provided: Some(version) });
                for found in own.chain(provided).filter(|found| !self.family.waits(*found)) {
                    if expected.insert(found.package.id()) {
                        let statements = self.family.statements(found.package);
                        let needs = statements.iter().filter(|one| one.role != Role::Excludes);
                        let names = needs.flat_map(|statement| statement.formula.atoms());
                        let names = names.filter_map(|atom| self.index.name_id(atom.name));
                        queue.extend(names.filter(|name| asked.insert(*name)));
                    }
                }
            }
            expected
        })
    }

    /// What a package says, with the packages that it means.
    pub(super) fn expand(&self, package: Package<'i>) -> Expansion<'i> {
        let statements = self.family.statements(package);
        let mut relations = Relations::default();
        let (mut requires, mut recommends, mut excludes) = (Vec::new(), Vec::new(), Vec::new());
        for (position, statement) in statements.iter().enumerate() {
            let found = self.clauses(statement, package);
            match statement.role {
                Role::Requires => {
                    requires.resize(requires.len() + found.len(), position);
                    relations.requires.extend(found);
                }
                Role::Recommends => {
                    recommends.resize(recommends.len() + found.len(), position);
                    relations.recommends.extend(found);
                }
                Role::Excludes => {
                    let (simple, conditional): (Vec<_>, Vec<_>) = found
                        .into_iter()
                        .partition(|clause| clause.any_of.is_empty() && clause.when.len() == 1);
                    requires.resize(requires.len() + conditional.len(), position);
                    relations.requires.extend(conditional);
                    let own = PackageId(package.id());
                    let others = simple.into_iter().flat_map(|clause| clause.when).flatten();
                    relations.excludes.push(others.filter(|other| *other != own).collect());
                    excludes.push(Some(position));
                }
                Role::Supplements => {}
            }
        }
        if self.is_forced(package) {
            relations.excludes.iter_mut().for_each(Vec::clear);
            relations.requires.iter_mut().filter(|needed| needed.any_of.is_empty()).for_each(|needed| {
                // A condition without alternatives never counts.
                needed.when = vec![Vec::new()];
            });
        }
        if let Some((others, _)) = self.family.others(self, package) {
            relations.excludes.push(others.into_iter().map(|other| PackageId(other.id())).collect());
            excludes.push(None);
        }
        Expansion { statements, relations, requires, recommends, excludes }
    }

    /// What a statement asks for. A formula without a translation is one that nothing meets.
    fn clauses(&self, statement: &Statement<'i>, owner: Package<'i>) -> Vec<Requirement> {
        let asker = Asker { package: Some(owner), role: statement.role };
        let mut packages = |atom: &Atom<'_>| {
            self.satisfying(atom, asker).into_iter().map(|package| package.id()).collect::<Vec<u32>>()
        };
        let ids = |list: Vec<u32>| list.into_iter().map(PackageId).collect::<Vec<_>>();
        let negated = statement.role == Role::Excludes;
        match clauses(&statement.formula, negated, &mut packages) {
            Ok(found) => found
                .into_iter()
                .map(|clause| Requirement {
                    any_of: ids(clause.any_of),
                    when: clause.when.into_iter().map(ids).collect(),
                })
                .collect(),
            Err(_) => vec![Requirement::default()],
        }
    }
}

impl Candidates {
    fn get(&self, slot: u32) -> Option<&[u32]> {
        let place = self.places.get(slot as usize)?.checked_sub(1)? as usize;
        let length = self.lists[place] as usize;
        Some(&self.lists[place + 1..][..length])
    }

    fn contains(&self, slot: u32, package: u32) -> Option<bool> {
        Some(self.get(slot)?.contains(&package))
    }

    fn put(&mut self, slot: u32, found: &[u32]) {
        let Some(place) = self.places.get_mut(slot as usize) else { return };
        let (Ok(start), Ok(length)) = (u32::try_from(self.lists.len()), u32::try_from(found.len())) else {
            return;
        };
        *place = start + 1;
        self.lists.push(length);
        self.lists.extend_from_slice(found);
    }
}

impl Universe for World<'_> {
    fn package_count(&self) -> usize {
        self.index.len()
    }

    fn slot_count(&self) -> usize {
        self.index.slot_count() * self.arches.len()
    }

    fn is_stopped(&self) -> bool {
        self.knowledge.is_stopped()
    }

    fn slot(&self, package: PackageId) -> SlotId {
        SlotId(self.slot_of(self.package(package)))
    }

    fn candidates(&self, slot: SlotId) -> Vec<PackageId> {
        self.members(slot.0).into_iter().map(|package| PackageId(package.id())).collect()
    }

    fn relations(&self, package: PackageId) -> Relations {
        self.expand(self.package(package)).relations
    }

    fn additions(&self) -> Vec<Addition> {
        let mut additions = Vec::new();
        for package in self.index.packages() {
            let says = |kind| !package.relations(kind).is_empty();
            if !(says(Kind::Supplements) || says(Kind::Enhances)) || !self.is_member(package) {
                continue;
            }
            let statements = self.family.statements(package);
            for statement in statements.iter().filter(|statement| statement.role == Role::Supplements) {
                let found = self.clauses(statement, package);
                // "Unless" is a clause that only excludes; one that chooses and excludes has no such meaning.
                let (when, other): (Vec<_>, Vec<_>) =
                    found.into_iter().partition(|clause| clause.when.is_empty());
                if other.iter().all(|clause| clause.any_of.is_empty() && clause.when.len() == 1) {
                    additions.push(Addition {
                        package: PackageId(package.id()),
                        when: when.into_iter().map(|clause| clause.any_of).collect(),
                        unless: other.into_iter().flat_map(|clause| clause.when).flatten().collect(),
                    });
                }
            }
        }
        additions
    }
}
