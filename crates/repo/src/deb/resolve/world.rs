//! Debian's relations, expanded to lists of packages for the solver.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::HashMap;

use lbuild_solve::{PackageId, Relations, SlotId, Universe};

use super::pins::{Arches, Pin, Pins};
use crate::deb::index::{Index, MultiArch, Package, RelationField};
use crate::deb::relation::{Atom, alternatives, relations};

/// An index seen through pins and requests.
pub(super) struct World<'i> {
    pub(super) index: &'i Index,
    pub(super) arches: Arches,
    pins: Pins<'i>,
    /// Versions that requests ask for, instead of the candidate.
    chosen: HashMap<u32, Vec<u32>>,
    /// Candidates that were looked up: the id + 1, or [`NO_CANDIDATE`] when there is none, or 0.
    candidates: RefCell<Vec<u32>>,
}

const NO_CANDIDATE: u32 = u32::MAX;

/// The fields whose relations must be met, in apt's order.
pub(super) const REQUIRES: [RelationField; 2] = [RelationField::PreDepends, RelationField::Depends];
/// The fields whose relations exclude, in apt's order.
pub(super) const EXCLUDES: [RelationField; 2] = [RelationField::Conflicts, RelationField::Breaks];

impl<'i> World<'i> {
    pub(super) fn new(index: &'i Index, native: &str, pins: &'i [Pin]) -> Self {
        let arches = Arches::new(index, native);
        let slots = index.name_count() * arches.len();
        let pins = Pins::new(pins);
        Self { index, arches, pins, chosen: HashMap::new(), candidates: RefCell::new(vec![0; slots]) }
    }

    /// Lets `package` stand for its name beside what was chosen for it before.
    pub(super) fn choose(&mut self, package: Package<'i>) {
        let slot = self.slot_of(package);
        let chosen = self.chosen.entry(slot).or_default();
        if !chosen.contains(&package.id()) {
            chosen.push(package.id());
        }
    }

    pub(super) fn is_chosen(&self, slot: u32) -> bool {
        self.chosen.contains_key(&slot)
    }

    pub(super) fn package(&self, id: PackageId) -> Package<'i> {
        self.index.package(id.0)
    }

    pub(super) fn slot_of(&self, package: Package<'_>) -> u32 {
        self.slot(package.name_id(), self.arches.of(package))
    }

    pub(super) fn slot(&self, name: u32, arch: usize) -> u32 {
        name * u32::try_from(self.arches.len()).unwrap_or(1) + u32::try_from(arch).unwrap_or_default()
    }

    /// The packages that may stand for a name of one architecture.
    pub(super) fn members(&self, slot: u32) -> Vec<Package<'i>> {
        if let Some(chosen) = self.chosen.get(&slot) {
            return chosen.iter().map(|id| self.index.package(*id)).collect();
        }
        self.candidate(slot).into_iter().collect()
    }

    fn candidate(&self, slot: u32) -> Option<Package<'i>> {
        let known = self.candidates.borrow().get(slot as usize).copied().unwrap_or(NO_CANDIDATE);
        match known {
            0 => {}
            NO_CANDIDATE => return None,
            id => return Some(self.index.package(id - 1)),
        }
        let arches = u32::try_from(self.arches.len()).unwrap_or(1);
        let arch = (slot % arches) as usize;
        let found = self.pins.candidate(&self.versions(slot / arches, arch), arch == 0);
        self.candidates.borrow_mut()[slot as usize] = found.map_or(NO_CANDIDATE, |package| package.id() + 1);
        found
    }

    /// All versions of a name for one architecture, in the order of the texts.
    fn versions(&self, name: u32, arch: usize) -> Vec<Package<'i>> {
        self.index.of_name(name).filter(|package| self.arches.of(*package) == arch).collect()
    }

    /// The priority of a version by pins and by its source, as `apt-cache policy` shows it.
    pub(super) fn priority(&self, package: Package<'i>) -> i32 {
        let arch = self.arches.of(package);
        self.pins.priority(package, &self.versions(package.name_id(), arch), arch == 0)
    }

    fn is_member(&self, package: Package<'i>) -> bool {
        let slot = self.slot_of(package);
        match self.chosen.get(&slot) {
            Some(chosen) => chosen.contains(&package.id()),
            None => self.candidate(slot).is_some_and(|candidate| candidate.id() == package.id()),
        }
    }

    /// The packages that satisfy `atom` for a package of architecture `arch`, best first.
    pub(super) fn satisfying(&self, atom: &Atom<'_>, arch: usize) -> Vec<Package<'i>> {
        let Some(name) = self.index.name_id(atom.name) else { return Vec::new() };
        let serves = |package: Package<'i>| self.serves(package, atom.qualifier, arch);
        let mut found: Vec<Package<'i>> = (0..self.arches.len())
            .flat_map(|other| self.members(self.slot(name, other)))
            .filter(|package| serves(*package) && atom.accepts(package.version()))
            .collect();
        let real = found.len();
        for (package, version) in self.index.providers(name) {
            let matches = if version.is_empty() { atom.bound.is_none() } else { atom.accepts(version) };
            let new = found.iter().all(|known| known.id() != package.id());
            if matches && new && serves(package) && self.is_member(package) {
                found.push(package);
            }
        }
        found[..real].sort_by_key(|package| self.rank(*package, arch));
        found[real..].sort_by_key(|package| self.rank(*package, arch));
        found
    }

    /// apt's order among packages that satisfy the same dependency, as far as an empty system has one: essential,
    /// protected, same architecture, more important, and, for want of a reason, the later one.
    fn rank(&self, package: Package<'_>, arch: usize) -> impl Ord + use<> {
        let other_arch = self.arches.of(package) != arch;
        (!package.essential(), !package.protected(), other_arch, package.priority(), Reverse(package.id()))
    }

    /// Whether the architecture of `package` is one that a package of architecture `arch` means.
    fn serves(&self, package: Package<'_>, qualifier: &str, arch: usize) -> bool {
        let own = self.arches.of(package);
        match qualifier {
            "" => own == arch || package.multi_arch() == MultiArch::Foreign,
            "any" => matches!(package.multi_arch(), MultiArch::Allowed | MultiArch::Foreign),
            "native" => own == 0,
            name => self.arches.find(name) == Some(own),
        }
    }

    /// The packages that a negative relation of `owner` means: of every architecture unless it names one, and never
    /// the owner's own name.
    pub(super) fn excluded(&self, atom: &Atom<'_>, owner: Package<'i>) -> Vec<Package<'i>> {
        let Some(name) = self.index.name_id(atom.name) else { return Vec::new() };
        let means = |package: Package<'i>| match atom.qualifier {
            "" | "any" => true,
            name => self.arches.find(name) == Some(self.arches.of(package)),
        };
        let other_name = |package: &Package<'i>| package.name_id() != owner.name_id();
        let real = (0..self.arches.len()).flat_map(|arch| self.members(self.slot(name, arch)));
        let real = real.filter(|package| atom.accepts(package.version()));
        let virtuals = self.index.providers(name).filter_map(|(package, version)| {
            let matches = if version.is_empty() { atom.bound.is_none() } else { atom.accepts(version) };
            (matches && self.is_member(package)).then_some(package)
        });
        real.chain(virtuals).filter(other_name).filter(|package| means(*package)).collect()
    }

    /// The same name for another architecture, unless both can be there at once.
    fn other_arches(&self, owner: Package<'i>) -> Vec<Package<'i>> {
        let together = |other: &Package<'i>| {
            let same = |package: &Package<'_>| package.multi_arch() == MultiArch::Same;
            same(&owner) && same(other) && owner.version() == other.version()
        };
        (0..self.arches.len())
            .filter(|arch| *arch != self.arches.of(owner))
            .flat_map(|arch| self.members(self.slot(owner.name_id(), arch)))
            .filter(|other| !together(other))
            .collect()
    }

    fn expand(&self, package: Package<'i>, fields: &'static [RelationField]) -> Vec<Vec<PackageId>> {
        let arch = self.arches.of(package);
        relation_texts(package, fields)
            .map(|relation| {
                // An alternative that cannot be read is one that nothing meets.
                let mut any_of: Vec<PackageId> = Vec::new();
                for atom in alternatives(relation).flatten() {
                    let new = |found: &Package<'_>| !any_of.contains(&PackageId(found.id()));
                    let found: Vec<_> = self.satisfying(&atom, arch).into_iter().filter(new).collect();
                    any_of.extend(found.into_iter().map(|found| PackageId(found.id())));
                }
                any_of
            })
            .collect()
    }
}

/// The relations of several fields, in order: positions are those of the solver's facts.
pub(super) fn relation_texts<'i>(
    package: Package<'i>,
    fields: &'static [RelationField],
) -> impl Iterator<Item = &'i str> + use<'i> {
    fields.iter().flat_map(move |field| relations(package.relations(*field)))
}

impl Universe for World<'_> {
    fn package_count(&self) -> usize {
        self.index.len()
    }

    fn slot_count(&self) -> usize {
        self.index.name_count() * self.arches.len()
    }

    fn slot(&self, package: PackageId) -> SlotId {
        SlotId(self.slot_of(self.package(package)))
    }

    fn candidates(&self, slot: SlotId) -> Vec<PackageId> {
        self.members(slot.0).into_iter().map(|package| PackageId(package.id())).collect()
    }

    fn relations(&self, package: PackageId) -> Relations {
        let package = self.package(package);
        let ids = |packages: Vec<Package<'_>>| {
            packages.into_iter().map(|package| PackageId(package.id())).collect()
        };
        let mut excludes: Vec<Vec<PackageId>> = relation_texts(package, &EXCLUDES)
            .map(|relation| {
                alternatives(relation).flatten().flat_map(|atom| self.excluded(&atom, package)).collect()
            })
            .map(ids)
            .collect();
        if self.arches.len() > 1 {
            excludes.push(ids(self.other_arches(package)));
        }
        Relations {
            requires: self.expand(package, &REQUIRES),
            excludes,
            recommends: self.expand(package, &[RelationField::Recommends]),
        }
    }
}
