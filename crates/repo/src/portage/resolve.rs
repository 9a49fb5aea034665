//! Gentoo's rules for choosing among binary packages, as portage follows them with `--usepkgonly`.

use std::cmp::Ordering;

use super::arena::{Built, is_in_stage, is_set};
use super::relation::{self, Blocker, Node, parse, parts, split_qualifier};
use super::version;
use crate::index::{Kind, Package};
use crate::resolve::switches::masks;
use crate::resolve::{
    Asker, Atom, Base, Family, Formula, Found, Operator, Request, Role, Statement, Wanted, World,
};

/// Gentoo and its family.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gentoo;

/// Categories whose packages are hardly meant by a short name.
const MINOR: [&str; 3] = ["virtual/", "acct-user/", "acct-group/"];

impl Family for Gentoo {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        version::compare(a, b)
    }

    fn statements<'i>(&self, package: Package<'i>) -> Vec<Statement<'i>> {
        let verb = if is_set(package) { "has" } else { "depends on" };
        let fields = [(Kind::PreRequires, "needs for its installation"), (Kind::Requires, verb)];
        let mut statements = Vec::new();
        for (kind, verb) in fields {
            for text in parts(package.relations(kind)) {
                statements.push(statement(text, verb));
            }
        }
        statements
    }

    fn any_arch(&self) -> &'static [&'static str] {
        &[]
    }

    fn accepts(&self, operator: Operator, bound: &str, version: &str) -> bool {
        let operator = match operator {
            Operator::Less => relation::Operator::Less,
            Operator::LessEqual => relation::Operator::LessEqual,
            Operator::Equal => relation::Operator::Equal,
            Operator::GreaterEqual => relation::Operator::GreaterEqual,
            Operator::Greater => relation::Operator::Greater,
            Operator::Like => relation::Operator::Prefix,
            Operator::Revision => relation::Operator::AnyRevision,
        };
        relation::Bound { operator, version: bound }.accepts(version)
    }

    fn satisfies(&self, _world: &World<'_>, atom: &Atom<'_>, found: Found<'_>, _asker: Asker<'_>) -> bool {
        let package = found.package;
        atom.bound.is_none_or(|(operator, bound)| self.accepts(operator, bound, package.version()))
            && (atom.qualifier.is_empty() || is_qualified(atom.qualifier, package))
    }

    /// The later version first, and the later build of one version.
    fn prefer(&self, world: &World<'_>, _asker: Asker<'_>, a: Found<'_>, b: Found<'_>) -> Ordering {
        let minor = |found: Found<'_>| MINOR.iter().any(|minor| found.package.name().starts_with(minor));
        let same = a.package.name_id() == b.package.name_id();
        (a.provided.is_some().cmp(&b.provided.is_some()))
            .then_with(|| minor(a).cmp(&minor(b)))
            .then_with(|| world.priority(b.package).cmp(&world.priority(a.package)))
            .then_with(|| if same { later_first(a.package, b.package) } else { Ordering::Equal })
            .then_with(|| a.package.id().cmp(&b.package.id()))
    }

    fn candidates<'i>(&self, world: &World<'i>, mut packages: Vec<Package<'i>>) -> Vec<Package<'i>> {
        packages.sort_by(|a, b| {
            (world.priority(*b).cmp(&world.priority(*a)))
                .then_with(|| later_first(*a, *b))
                .then_with(|| a.id().cmp(&b.id()))
        });
        packages
    }

    /// An atom with a category (`>=dev-lang/python-3.12:3.12[ssl]`), or a short name with or without a slot.
    fn wanted<'t>(&self, wanted: &'t Wanted) -> Atom<'t> {
        if let Ok(atom) = relation::Atom::parse(&wanted.name)
            && atom.blocker == Blocker::No
        {
            let own = translated(&atom);
            return Atom { bound: wanted.bound().or(own.bound), ..own };
        }
        let (name, qualifier) = split_qualifier(&wanted.name);
        Atom { name, qualifier, bound: wanted.bound() }
    }

    /// The system set of the profile, and what the stage archive has.
    fn base(&self, request: &Request, package: Package<'_>) -> Option<Base> {
        let reason = match package.name() {
            "@system" if is_set(package) => "system set",
            _ if is_in_stage(package) => "stage archive",
            _ => return None,
        };
        request.essential.then_some(Base { reason, vital: false })
    }

    fn has_base(&self, request: &Request) -> bool {
        request.essential
    }

    fn sign(&self, operator: Operator) -> &'static str {
        match operator {
            Operator::Less => "<",
            Operator::LessEqual => "<=",
            Operator::Equal => "=",
            Operator::GreaterEqual => ">=",
            Operator::Greater => ">",
            Operator::Like => "=*",
            Operator::Revision => "~",
        }
    }

    fn has_masks(&self) -> bool {
        true
    }

    /// Masks, slots, builds and flags of what bears the name.
    fn lacking(&self, world: &World<'_>, atom: &Atom<'_>) -> Option<String> {
        if let Some(mask) = self.mask(world, atom) {
            return Some(mask);
        }
        let narrow = relation::Atom::from_qualifier(atom.qualifier).ok()?;
        let fits = |package: &Package<'_>| {
            atom.bound.is_none_or(|(operator, bound)| self.accepts(operator, bound, package.version()))
        };
        let there: Vec<Package<'_>> =
            world.named(atom.name).filter(fits).filter(|package| world.is_member(*package)).collect();
        let slotted =
            |package: &&Package<'_>| narrow.accepts_slot(package.slot(), Built::of(**package).sub_slot);
        let (in_slot, known) = (there.iter().filter(slotted).count(), there.len());
        if known == 0 {
            return None;
        }
        if in_slot == 0 {
            let slots = there.iter().map(|package| slot_text(*package));
            return Some(format!("but it is only in {}", counted("slot", slots.collect())));
        }
        let flags = there.iter().filter(slotted).filter_map(|package| {
            let built = Built::of(*package);
            narrow.flags.iter().find(|flag| !flag.accepts(&built)).map(ToString::to_string)
        });
        let flags: Vec<String> = flags.map(|flag| format!("[{flag}]")).collect();
        (!flags.is_empty()).then(|| format!("but no binary package of it was built with {}", some(flags)))
    }
}

impl Gentoo {
    /// What masks the best version that would satisfy `atom`: that with the fewest masks, then the latest.
    fn mask(self, world: &World<'_>, atom: &Atom<'_>) -> Option<String> {
        let index = world.index();
        let id = index.name_id(atom.name)?;
        let own = index.of_name(id).map(|package| Found { package, provided: None });
        let provided =
            index.providers(id).map(|(package, version)| Found { package, provided: Some(version) });
        let asker = Asker { package: None, role: Role::Requires };
        let fits = own.chain(provided).filter(|found| self.satisfies(world, atom, *found, asker));
        let masked = fits.map(|found| (world.missing_for(found.package), found.package));
        let masked = masked.filter(|(ways, _)| !ways.is_empty());
        let (ways, package) = masked
            .min_by(|(a, one), (b, other)| (a.len().cmp(&b.len())).then_with(|| later_first(*one, *other)))?;
        Some(format!("but {} {} is masked by {}", package.name(), package.version(), masks(&ways)))
    }
}

/// Slot and sub-slot, the second only where it says more.
fn slot_text(package: Package<'_>) -> String {
    let sub_slot = Built::of(package).sub_slot;
    if sub_slot == package.slot() {
        package.slot().to_owned()
    } else {
        format!("{}/{sub_slot}", package.slot())
    }
}

/// `slot 2`, or `the slots 2 and 3`.
fn counted(what: &str, texts: Vec<String>) -> String {
    let text = some(texts);
    match text.rsplit_once(", ") {
        None => format!("{what} {text}"),
        Some((first, last)) => format!("the {what}s {first} and {last}"),
    }
}

/// Up to five different texts.
fn some(mut texts: Vec<String>) -> String {
    texts.sort();
    texts.dedup();
    texts.truncate(5);
    texts.join(", ")
}

fn later_first(a: Package<'_>, b: Package<'_>) -> Ordering {
    version::compare(b.version(), a.version()).then_with(|| b.rank().cmp(&a.rank()))
}

fn is_qualified(qualifier: &str, package: Package<'_>) -> bool {
    let Ok(narrow) = relation::Atom::from_qualifier(qualifier) else { return false };
    let built = Built::of(package);
    narrow.accepts_slot(package.slot(), built.sub_slot)
        && narrow.repository.is_none_or(|repository| repository == built.repository)
        && narrow.accepts_flags(&built)
}

/// One part of a dependency field. What cannot be read is what nothing meets.
fn statement<'i>(text: &'i str, verb: &'static str) -> Statement<'i> {
    let impossible = Formula::Any(Vec::new());
    match parse(text).as_deref() {
        Ok([Node::Leaf(atom)]) if atom.blocker != Blocker::No => {
            Statement { role: Role::Excludes, verb: "blocks", text, formula: Formula::Atom(translated(atom)) }
        }
        Ok([node]) => Statement { role: Role::Requires, verb, text, formula: formula(node) },
        _ => Statement { role: Role::Requires, verb, text, formula: impossible },
    }
}

fn formula<'i>(node: &Node<'i, relation::Atom<'i>>) -> Formula<'i> {
    let all = |parts: &[Node<'i, relation::Atom<'i>>]| parts.iter().map(formula).collect();
    match node {
        Node::Leaf(atom) if atom.blocker == Blocker::No => Formula::Atom(translated(atom)),
        Node::Leaf(atom) => Formula::Atom(translated(atom)).not(),
        Node::All(parts) => Formula::All(all(parts)),
        Node::Any(parts) => Formula::Any(all(parts)),
        // Conditions were decided when the arena was made, and the other groups belong to `REQUIRED_USE`.
        Node::If(..) | Node::ExactlyOne(_) | Node::AtMostOne(_) => Formula::Any(Vec::new()),
    }
}

fn translated<'i>(atom: &relation::Atom<'i>) -> Atom<'i> {
    let bound = atom.bound.map(|bound| {
        let operator = match bound.operator {
            relation::Operator::Less => Operator::Less,
            relation::Operator::LessEqual => Operator::LessEqual,
            relation::Operator::Equal => Operator::Equal,
            relation::Operator::Prefix => Operator::Like,
            relation::Operator::AnyRevision => Operator::Revision,
            relation::Operator::GreaterEqual => Operator::GreaterEqual,
            relation::Operator::Greater => Operator::Greater,
        };
        (operator, bound.version)
    });
    Atom { name: atom.key, qualifier: atom.qualifier(), bound }
}
