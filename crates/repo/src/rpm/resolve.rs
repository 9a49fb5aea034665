//! RPM's rules for choosing packages, as libsolv follows them for dnf and zypper.

use std::cmp::Ordering;

use super::relation::{self, Bound, Dependency};
use super::version::Evr;
use crate::index::{Index, Kind, Package};
use crate::resolve::family::library;
use crate::resolve::{Asker, Atom, Family, Formula, Found, Operator, Role, Statement, World};

/// Fedora, openSUSE and their relatives.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rpm;

/// In the flags of a package: another package of the index obsoletes it.
pub(super) const OBSOLETED: u32 = 1;

/// Marks atoms that mean packages of that name only, not what they provide: those of obsoletes.
const OWN_NAME: &str = "own name";

/// The dependencies that count, in libsolv's order.
const FIELDS: [(Kind, Role, &str); 6] = [
    (Kind::PreRequires, Role::Requires, "requires"),
    (Kind::Requires, Role::Requires, "requires"),
    (Kind::Conflicts, Role::Excludes, "conflicts with"),
    (Kind::Replaces, Role::Excludes, "obsoletes"),
    (Kind::Recommends, Role::Recommends, "recommends"),
    (Kind::Supplements, Role::Supplements, "supplements"),
];

impl Family for Rpm {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        Evr::split(a).cmp(&Evr::split(b))
    }

    fn any_arch(&self) -> &'static [&'static str] {
        &["noarch"]
    }

    fn statements<'i>(&self, package: Package<'i>) -> Vec<Statement<'i>> {
        let mut statements = Vec::new();
        for (kind, role, verb) in FIELDS {
            for text in package.relations(kind).lines() {
                // What rpm itself must be able to do is no matter of packages.
                if !text.starts_with("rpmlib(") {
                    let qualifier = if kind == Kind::Replaces { OWN_NAME } else { "" };
                    statements.push(Statement { role, verb, text, formula: formula(text, qualifier) });
                }
            }
        }
        statements
    }

    fn accepts(&self, operator: Operator, bound: &str, version: &str) -> bool {
        bound_of(operator, bound).is_none_or(|bound| bound.meets(&Bound::exactly(Evr::split(version))))
    }

    fn satisfies(&self, _world: &World<'_>, atom: &Atom<'_>, found: Found<'_>, _asker: Asker<'_>) -> bool {
        if atom.qualifier == OWN_NAME && found.provided.is_some() {
            return false;
        }
        let Some(wanted) = atom.bound.and_then(|(operator, version)| bound_of(operator, version)) else {
            return true;
        };
        match found.provided {
            None => wanted.meets(&Bound::exactly(Evr::split(found.package.version()))),
            // What is provided without a version is there in every version.
            Some("") => true,
            Some(range) => read_range(range).is_none_or(|range| wanted.meets(&range)),
        }
    }

    /// The architecture of the system first, then the priority, then what nothing obsoletes, then what the asker
    /// recommends or suggests, then latest versions, then who provides the latest version of what is wanted, then by
    /// name: in libsolv's order, but for a package of the wanted name, which comes before those that provide it without
    /// a version.
    fn prefer(&self, world: &World<'_>, asker: Asker<'_>, a: Found<'_>, b: Found<'_>) -> Ordering {
        let provided = (provided_version(a), provided_version(b));
        let (a, b) = (a.package, b.package);
        let obsoleted = |package: Package<'_>| package.flags() & OBSOLETED != 0;
        let foreign = |package| world.arches().of(package);
        // Before an old version of one package, the latest one of another is taken.
        let old =
            |package| world.members(world.slot_of(package)).first().is_some_and(|best| *best != package);
        foreign(a)
            .cmp(&foreign(b))
            .then_with(|| world.priority(b).cmp(&world.priority(a)))
            .then_with(|| obsoleted(a).cmp(&obsoleted(b)))
            .then_with(|| liking(asker.package, a).cmp(&liking(asker.package, b)))
            .then_with(|| old(a).cmp(&old(b)))
            .then_with(|| provided.1.cmp(&provided.0))
            .then_with(|| a.name().cmp(b.name()))
            .then_with(|| self.compare(b.version(), a.version()))
            .then_with(|| a.id().cmp(&b.id()))
    }

    fn thing<'t>(&self, name: &'t str) -> Option<(&'static str, &'t str)> {
        if name.starts_with('/') {
            return Some(("file", name));
        }
        if let Some((library, _)) = name.split_once('(').filter(|(name, _)| name.contains(".so")) {
            return Some(("library", library));
        }
        if let Some(library) = library(name) {
            return Some(library);
        }
        let (kind, rest) = name.strip_suffix(')')?.split_once('(')?;
        // A package of one architecture: `audit-libs(x86-64)`.
        if rest.ends_with("-64") || rest.ends_with("-32") {
            return None;
        }
        let kind = match kind {
            "pkgconfig" => "pkg-config module",
            "perl" => "Perl module",
            "config" => "configuration",
            "bundled" => "bundled code",
            "rtld" => return Some(("program loader's feature", name)),
            _ if kind.starts_with("python") && kind.ends_with("dist") => "Python module",
            _ => return Some(("capability", name)),
        };
        Some((kind, rest))
    }

    fn renamed(&self, index: &Index, name: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for package in index.packages() {
            let mut obsoletes = package.relations(Kind::Replaces).lines();
            let names = |text: &str| text.split(' ').next() == Some(name);
            if package.name() != name
                && obsoletes.any(names)
                && !found.iter().any(|known| known == package.name())
            {
                found.push(package.name().to_owned());
            }
        }
        let mut providers: Vec<&str> = match index.name_id(name) {
            Some(id) => index.providers(id).map(|(package, _)| package.name()).collect(),
            None => Vec::new(),
        };
        providers.retain(|provider| *provider != name && !found.iter().any(|known| known == provider));
        providers.sort_unstable();
        providers.dedup();
        found.extend(providers.into_iter().map(str::to_owned));
        found
    }
}

/// The version in which a package has what is wanted, if it says one.
fn provided_version(found: Found<'_>) -> Option<Evr<'_>> {
    match found.provided {
        None => Some(Evr::split(found.package.version())),
        Some("") => None,
        Some(range) => read_range(range).map(|range| range.evr),
    }
}

/// How much a package likes another: 0 when it recommends it, 1 when it suggests it, else 2.
fn liking(asker: Option<Package<'_>>, other: Package<'_>) -> usize {
    let likes = |kind| {
        let lines = asker.map_or("", |asker| asker.relations(kind)).lines();
        lines.map(|line| line.split(' ').next()).any(|name| name == Some(other.name()))
    };
    [Kind::Recommends, Kind::Suggests].into_iter().position(likes).unwrap_or(2)
}

/// What a dependency means. What cannot be read is met by nothing.
fn formula<'t>(text: &'t str, qualifier: &'t str) -> Formula<'t> {
    match Dependency::parse(text) {
        Ok(dependency) => translate(&dependency, qualifier),
        Err(_) => Formula::Any(Vec::new()),
    }
}

fn translate<'t>(dependency: &Dependency<'t>, qualifier: &'t str) -> Formula<'t> {
    let each = |parts: &[Dependency<'t>]| parts.iter().map(|part| translate(part, qualifier)).collect();
    let one = |part: &Dependency<'t>| translate(part, qualifier);
    let boxed = |part: &Dependency<'t>| Box::new(one(part));
    match dependency {
        Dependency::Atom(atom) => Formula::Atom(atom_of(atom, qualifier)),
        Dependency::And(parts) => Formula::All(each(parts)),
        Dependency::Or(parts) => Formula::Any(each(&by_name(parts))),
        Dependency::If { then, condition, otherwise } => {
            Formula::when(one(condition), one(then), otherwise.as_deref().map(one))
        }
        Dependency::Unless { then, condition, otherwise } => {
            Formula::unless(one(condition), one(then), otherwise.as_deref().map(one))
        }
        Dependency::Without(first, second) => Formula::Without(boxed(first), boxed(second)),
        Dependency::With(parts) => {
            let mut parts = parts.iter().map(one);
            let first = parts.next().unwrap_or_else(|| Formula::Any(Vec::new()));
            parts.fold(first, |all, part| Formula::With(Box::new(all), Box::new(part)))
        }
    }
}

/// Alternatives in the order in which libsolv takes them, which is by name and not as they are written; those of one
/// kind (`java-headless`, `java-17-headless`) stay in their order, which is that of their versions.
fn by_name<'t>(parts: &[Dependency<'t>]) -> Vec<Dependency<'t>> {
    let mut parts = parts.to_vec();
    parts.sort_by_key(|part| {
        let mut first = None;
        part.atoms(&mut |atom| first = first.or(atom.name.split('-').next()));
        first
    });
    parts
}

fn atom_of<'t>(atom: &relation::Atom<'t>, qualifier: &'t str) -> Atom<'t> {
    let bound = atom.bound.map(|bound| (operator(bound.operator), atom.written));
    Atom { name: atom.name, qualifier, bound }
}

fn operator(operator: relation::Operator) -> Operator {
    match operator {
        relation::Operator::Less => Operator::Less,
        relation::Operator::LessEqual => Operator::LessEqual,
        relation::Operator::Equal => Operator::Equal,
        relation::Operator::GreaterEqual => Operator::GreaterEqual,
        relation::Operator::Greater => Operator::Greater,
    }
}

fn bound_of(operator: Operator, version: &str) -> Option<Bound<'_>> {
    let operator = match operator {
        Operator::Less => relation::Operator::Less,
        Operator::LessEqual => relation::Operator::LessEqual,
        Operator::Equal => relation::Operator::Equal,
        Operator::GreaterEqual => relation::Operator::GreaterEqual,
        Operator::Greater => relation::Operator::Greater,
        Operator::Like | Operator::Revision => return None,
    };
    Some(Bound { operator, evr: Evr::split(version) })
}

/// Reads the range in which something is provided: a version, or a sign and a version.
fn read_range(text: &str) -> Option<Bound<'_>> {
    match text.split_once(' ') {
        None => Some(Bound::exactly(Evr::split(text))),
        Some((sign, version)) => {
            let operator = relation::Operator::from_sign(sign)?;
            Some(Bound { operator, evr: Evr::split(version) })
        }
    }
}
