//! Debian's rules, as apt follows them.

use std::cmp::{Ordering, Reverse};

use super::index::{MultiArch, is_essential, is_phased, is_protected, location, priority};
use super::relation::{accepts, alternatives, relations};
use super::version;
use crate::index::{Kind, Package};
use crate::resolve::{
    Asker, Atom, Base, Family, Formula, Found, Operator, Request, Role, Statement, Wanted, World,
};

pub use crate::resolve::Priority;

/// Debian and its family.
#[derive(Debug, Clone, Copy, Default)]
pub struct Debian;

/// At most the priority of an update that only some systems are to have yet.
const PHASED_PRIORITY: i32 = 1;

/// The fields that count, in apt's order.
const FIELDS: [(Kind, Role, &str); 5] = [
    (Kind::PreRequires, Role::Requires, "pre-depends on"),
    (Kind::Requires, Role::Requires, "depends on"),
    (Kind::Conflicts, Role::Excludes, "conflicts with"),
    (Kind::Breaks, Role::Excludes, "breaks"),
    (Kind::Recommends, Role::Recommends, "recommends"),
];

impl Family for Debian {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        version::compare(a, b)
    }

    fn statements<'i>(&self, package: Package<'i>) -> Vec<Statement<'i>> {
        let mut statements = Vec::new();
        for (kind, role, verb) in FIELDS {
            for text in relations(package.relations(kind)) {
                // An alternative that cannot be read is one that nothing meets.
                let any = alternatives(text).flatten().map(Formula::Atom).collect();
                statements.push(Statement { role, verb, text, formula: Formula::Any(any) });
            }
        }
        statements
    }

    fn any_arch(&self) -> &'static [&'static str] {
        &["all"]
    }

    fn satisfies(&self, world: &World<'_>, atom: &Atom<'_>, found: Found<'_>, asker: Asker<'_>) -> bool {
        let version_fits = match found.provided {
            None => accepts(atom, found.package.version()),
            Some("") => atom.bound.is_none(),
            Some(version) => accepts(atom, version),
        };
        version_fits
            && match asker.role {
                Role::Excludes => is_excluded(world, atom, found.package, asker),
                _ => serves(world, atom, found.package, asker),
            }
    }

    /// apt's order among packages that satisfy the same dependency, as far as an empty system has one: essential,
    /// protected, same architecture, more important, and, for want of a reason, the later one.
    fn prefer(&self, world: &World<'_>, asker: Asker<'_>, a: Found<'_>, b: Found<'_>) -> Ordering {
        let arch = asker.package.map_or(0, |package| world.arches().of(package));
        let key = |found: Found<'_>| {
            let package = found.package;
            let other_arch = world.arches().of(package) != arch;
            let weight = (!is_essential(package), !is_protected(package), other_arch, priority(package));
            (found.provided.is_some(), weight, Reverse(package.id()))
        };
        key(a).cmp(&key(b))
    }

    fn candidates<'i>(&self, world: &World<'i>, packages: Vec<Package<'i>>) -> Vec<Package<'i>> {
        // An update that is not for everybody yet counts like one of priority 1 (apt_preferences(5), "Phased Updates"). An
        // image is many systems, so that it is for none of them: which one it is for depends on the id of the machine.
        let priority = |package: Package<'i>| {
            let own = world.priority(package);
            if is_phased(package) { own.min(PHASED_PRIORITY) } else { own }
        };
        let order = |a: &Package<'i>, b: &Package<'i>| {
            priority(*b).cmp(&priority(*a)).then_with(|| world.better(*a, *b))
        };
        packages.into_iter().min_by(order).into_iter().collect()
    }

    fn has_one_candidate(&self) -> bool {
        true
    }

    /// The same name for another architecture, unless both can be there at once.
    fn others<'i>(
        &self,
        world: &World<'i>,
        package: Package<'i>,
    ) -> Option<(Vec<Package<'i>>, &'static str)> {
        if world.arches().len() == 1 {
            return None;
        }
        let same = |package: Package<'_>| MultiArch::of(package) == MultiArch::Same;
        let together =
            |other: Package<'_>| same(package) && same(other) && package.version() == other.version();
        let arch = world.arches().of(package);
        let of_name = world.index().of_name(package.name_id());
        let others = of_name.filter(|other| {
            world.arches().of(*other) != arch && world.is_member(*other) && !together(*other)
        });
        Some((others.collect(), "cannot be installed for another architecture beside"))
    }

    fn location(&self, package: Package<'_>) -> String {
        location(package)
    }

    /// `name`, or `name:arch`.
    fn wanted<'t>(&self, wanted: &'t Wanted) -> Atom<'t> {
        let (name, qualifier) = wanted.name.split_once(':').unwrap_or((&wanted.name, ""));
        Atom { name, qualifier, bound: wanted.bound() }
    }

    /// The architecture that a request names.
    fn lacking(&self, world: &World<'_>, atom: &Atom<'_>) -> Option<String> {
        let arch = Some(atom.qualifier).filter(|name| !["", "any", "native", "all"].contains(name))?;
        let known = world.arches().find(arch).is_some();
        (!known).then(|| {
            format!("but there are no packages for {arch} here, only for {}", world.arches().native())
        })
    }

    fn base(&self, request: &Request, package: Package<'_>) -> Option<Base> {
        if request.essential && is_essential(package) {
            return Some(Base { reason: "essential", vital: true });
        }
        let own = priority(package);
        let reason = match own {
            Priority::Required => "priority required",
            Priority::Important => "priority important",
            Priority::Standard => "priority standard",
            Priority::Optional => "priority optional",
            Priority::Extra => "priority extra",
        };
        request.priority.is_some_and(|least| own <= least).then_some(Base { reason, vital: false })
    }

    fn has_base(&self, request: &Request) -> bool {
        request.essential || request.priority.is_some()
    }

    fn sign(&self, operator: Operator) -> &'static str {
        super::relation::sign(operator)
    }
}

/// Whether the architecture of `package` is one that the asking package means.
fn serves(world: &World<'_>, atom: &Atom<'_>, package: Package<'_>, asker: Asker<'_>) -> bool {
    let own = world.arches().of(package);
    let arch = asker.package.map_or(0, |package| world.arches().of(package));
    match atom.qualifier {
        "" => own == arch || MultiArch::of(package) == MultiArch::Foreign,
        "any" => matches!(MultiArch::of(package), MultiArch::Allowed | MultiArch::Foreign),
        "native" => own == 0,
        name => world.arches().find(name) == Some(own),
    }
}

/// A negative relation means packages of every architecture unless it names one, and never the owner's own name.
fn is_excluded(world: &World<'_>, atom: &Atom<'_>, package: Package<'_>, asker: Asker<'_>) -> bool {
    let own_name = asker.package.is_some_and(|owner| owner.name_id() == package.name_id());
    let meant = match atom.qualifier {
        "" | "any" => true,
        name => world.arches().find(name) == Some(world.arches().of(package)),
    };
    meant && !own_name
}
