//! What a family has to say before its packages can be resolved.

use std::cmp::Ordering;

use super::world::World;
use super::{Request, Wanted};
use crate::index::{Index, Package};
use crate::resolve::formula::Formula;

/// How a version is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operator {
    /// Earlier.
    Less,
    /// Earlier or equal.
    LessEqual,
    /// Equal.
    Equal,
    /// Later or equal.
    GreaterEqual,
    /// Later.
    Greater,
    /// Like the bound as far as that goes: `~` of apk, `=1.2*` of portage.
    Like,
    /// Equal but for the package's own revision: `~` of portage.
    Revision,
}

impl Operator {
    /// Whether a version that compares so with the bound is inside. The last two kinds are more than an order: see
    /// [`Family::accepts`].
    pub fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::LessEqual => order.is_le(),
            Self::Equal | Self::Like | Self::Revision => order.is_eq(),
            Self::GreaterEqual => order.is_ge(),
            Self::Greater => order.is_gt(),
        }
    }
}

/// A bound on a version, such as `>= 1.2`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Constraint {
    /// How.
    pub operator: Operator,
    /// The version text.
    pub version: String,
}

/// The smallest part of a relation: a name with what it must be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Atom<'t> {
    /// Name of a package, or a provided one.
    pub name: &'t str,
    /// What else narrows it, in the family's own form: an architecture, a slot, USE flags, a tag. Empty: nothing.
    pub qualifier: &'t str,
    /// Bound on the version.
    pub bound: Option<(Operator, &'t str)>,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The formula must hold.
    Requires,
    /// The formula must not hold.
    Excludes,
    /// The formula should hold.
    Recommends,
    /// The package should come when the formula holds. Its text must be that of [`crate::index::Kind::Supplements`] or
    /// [`crate::index::Kind::Enhances`].
    Supplements,
}

/// One thing that a package says about others.
#[derive(Debug, Clone)]
pub struct Statement<'i> {
    /// What it does.
    pub role: Role,
    /// In words, between the package and the text: `depends on`, `conflicts with`, `obsoletes`.
    pub verb: &'static str,
    /// As the package writes it.
    pub text: &'i str,
    /// As it is meant.
    pub formula: Formula<'i>,
}

/// A package that may satisfy an atom.
#[derive(Debug, Clone, Copy)]
pub struct Found<'i> {
    /// The package.
    pub package: Package<'i>,
    /// The version (or bound) in which it provides the name, empty for none; `None` when it bears the name itself.
    pub provided: Option<&'i str>,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'i> {
    /// The package whose statement it is; `None` for a request of the user.
    pub package: Option<Package<'i>>,
    /// What the statement does.
    pub role: Role,
}

/// Why a package belongs to the base set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// In a word or two, such as `essential`.
    pub reason: &'static str,
    /// It is settled before anything else chooses, and cannot be left out.
    pub vital: bool,
}

/// The rules of a family. Deb is the worked example: `deb/resolve.rs`.
pub trait Family: Sync {
    /// Orders two version texts.
    fn compare(&self, a: &str, b: &str) -> Ordering;

    /// What `package` says about others, in the order in which the family's own tool looks at it.
    fn statements<'i>(&self, package: Package<'i>) -> Vec<Statement<'i>>;

    /// Architectures that fit every machine: their packages count as native ones.
    fn any_arch(&self) -> &'static [&'static str];

    /// Whether `version` is inside a bound.
    fn accepts(&self, operator: Operator, bound: &str, version: &str) -> bool {
        operator.accepts(self.compare(version, bound))
    }

    /// Whether `found`, which bears or provides the name of `atom`, satisfies it.
    ///
    /// By default architectures do not matter, and what is provided without a version satisfies no bound.
    fn satisfies(&self, _world: &World<'_>, atom: &Atom<'_>, found: Found<'_>, _asker: Asker<'_>) -> bool {
        let version = found.provided.unwrap_or_else(|| found.package.version());
        atom.bound
            .is_none_or(|(operator, bound)| !version.is_empty() && self.accepts(operator, bound, version))
    }

    /// Orders all packages that satisfy the same atom, the best first: by default two by two.
    fn arrange(&self, world: &World<'_>, asker: Asker<'_>, found: &mut Vec<Found<'_>>) {
        found.sort_by(|a, b| self.prefer(world, asker, *a, *b));
    }

    /// Orders two packages that satisfy the same atom, the better first. It has to be an order.
    ///
    /// By default a package of that name before one that provides it, the higher priority first, the later version of
    /// the same package first, then the order of the index.
    fn prefer(&self, world: &World<'_>, _asker: Asker<'_>, a: Found<'_>, b: Found<'_>) -> Ordering {
        let versions = || {
            let same = a.package.name_id() == b.package.name_id();
            if same { self.compare(b.package.version(), a.package.version()) } else { Ordering::Equal }
        };
        a.provided
            .is_some()
            .cmp(&b.provided.is_some())
            .then_with(|| world.priority(b.package).cmp(&world.priority(a.package)))
            .then_with(versions)
            .then_with(|| a.package.id().cmp(&b.package.id()))
    }

    /// Whether `found` is never chosen for the name, but serves when it is there for another reason: the request, or a
    /// package that it may lead to, asks for something else that it has.
    fn waits(&self, _found: Found<'_>) -> bool {
        false
    }

    /// Whether [`Family::waits`] ever says so: then a request for other names makes other packages wait.
    fn has_waiting(&self) -> bool {
        false
    }

    /// Whether a request for a name that some package bears may be met by one that only provides it.
    fn provided_is_own(&self) -> bool {
        false
    }

    /// Which of `packages`, which compete for one slot and whose priority is at least 1, may be chosen; best first.
    ///
    /// By default all of them, the highest priority first, then the latest version, then the first source.
    fn candidates<'i>(&self, world: &World<'i>, mut packages: Vec<Package<'i>>) -> Vec<Package<'i>> {
        packages.sort_by(|a, b| world.better(*a, *b));
        packages
    }

    /// Whether a request for a version or suite replaces the candidates of its name, as in apt, which never looks at
    /// other versions than the candidate. By default such a request only leaves fewer of them.
    fn has_one_candidate(&self) -> bool {
        false
    }

    /// Packages that do not go with `package` although no statement says so, and the words for it.
    fn others<'i>(
        &self,
        _world: &World<'i>,
        _package: Package<'i>,
    ) -> Option<(Vec<Package<'i>>, &'static str)> {
        None
    }

    /// What a provided name stands for when it is more than a name: its kind and what it is called, such as `("library",
    /// "libssl.so.3")`. By default names are just names.
    fn thing<'t>(&self, _name: &'t str) -> Option<(&'static str, &'t str)> {
        None
    }

    /// Names that both packages have, where [`Family::others`] lets only one package have them.
    fn shared<'i>(&self, _world: &World<'i>, _package: Package<'i>, _with: Package<'i>) -> Vec<&'i str> {
        Vec::new()
    }

    /// Path of a package's archive below the base URL of its source. By default what the reader gave.
    fn location(&self, package: Package<'_>) -> String {
        package.location().to_owned()
    }

    /// What a request means. By default its name is a name, whatever it consists of.
    fn wanted<'t>(&self, wanted: &'t Wanted) -> Atom<'t> {
        Atom { name: &wanted.name, qualifier: "", bound: wanted.bound() }
    }

    /// Whether `package` belongs to the base set of a request.
    fn base(&self, _request: &Request, _package: Package<'_>) -> Option<Base> {
        None
    }

    /// Whether anything can be in the base set of a request; asked before each package is.
    fn has_base(&self, _request: &Request) -> bool {
        false
    }

    /// What took the place of a package that is no more, best first. By default the packages that name it in their
    /// [`Kind::Replaces`](crate::index::Kind::Replaces), those that provide it before the others.
    fn renamed(&self, index: &Index, name: &str) -> Vec<String> {
        super::near::replacing(index, name)
    }

    /// Why nothing that bears the name of `atom` satisfies it, if that is neither its version nor a pin: the end of a
    /// sentence, such as `but it is only in slot 2`. Asked only when nothing does.
    fn lacking(&self, _world: &World<'_>, _atom: &Atom<'_>) -> Option<String> {
        None
    }

    /// Whether what is off is masked package by package, as by Gentoo's keywords and licenses, and not a source of its
    /// own.
    fn has_masks(&self) -> bool {
        false
    }

    /// How a bound is written for people.
    fn sign(&self, operator: Operator) -> &'static str {
        match operator {
            Operator::Less => "<",
            Operator::LessEqual => "<=",
            Operator::Equal => "=",
            Operator::GreaterEqual => ">=",
            Operator::Greater => ">",
            Operator::Like | Operator::Revision => "~",
        }
    }
}

/// A name such as `libssl.so` or `libssl.so.3` as [`Family::thing`] tells it.
pub(crate) fn library(name: &str) -> Option<(&'static str, &str)> {
    name.split('.').skip(1).any(|part| part == "so").then_some(("library", name))
}
