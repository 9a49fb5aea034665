//! Alpine's rules, as apk follows them (apk-package(5), apk-world(5)).
//!
//! What a package provides with a version is as good as a package of that name, so only one may be there; what it provides
//! without one may be provided by several. The latter is chosen by itself only by its `provider_priority`, or when
//! something asks for the package by its own name.

use std::cmp::{Ordering, Reverse};

use super::arena::BROKEN;
use super::relation::{self, Dependency, RelationError, words};
use super::version;
use crate::index::{Digest, Index, Kind, Package};
use crate::resolve::{
    Asker, Atom, Constraint, Family, Formula, Found, Operator, Role, Statement, Wanted, World,
};

/// Alpine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alpine;

/// A word of `/etc/apk/world`, or of the command line of `apk add`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// A package that must be there.
    Wanted(Wanted),
    /// A package that must not be there.
    Unwanted(String),
}

/// Reads `name`, `name@tag`, `name>=1` or `!name`.
///
/// # Errors
/// When it is malformed, or forbids only some versions of a package.
pub fn word(text: &str) -> Result<Word, RelationError> {
    let dependency = Dependency::parse_wanted(text)?;
    if dependency.conflict {
        return match dependency.bound {
            None => Ok(Word::Unwanted(dependency.name.to_owned())),
            Some(_) => Err(RelationError::Sign(text.to_owned())),
        };
    }
    let version = bound(text, dependency)
        .map(|(operator, version)| Constraint { operator, version: version.to_owned() });
    let suite = dependency.tag.map(str::to_owned);
    Ok(Word::Wanted(Wanted { name: dependency.name.to_owned(), version, suite }))
}

/// The bound of the dependency `text` in neutral words. What these cannot say (`<~`, `>~`, `><`) is `Like` a text that
/// still has its sign; [`Family::accepts`] reads it again.
fn bound<'t>(text: &'t str, dependency: Dependency<'t>) -> Option<(Operator, &'t str)> {
    let (operator, version) = dependency.bound?;
    Some(match operator {
        relation::Operator::LESS => (Operator::Less, version),
        relation::Operator::LESS_EQUAL => (Operator::LessEqual, version),
        relation::Operator::EQUAL => (Operator::Equal, version),
        relation::Operator::GREATER_EQUAL => (Operator::GreaterEqual, version),
        relation::Operator::GREATER => (Operator::Greater, version),
        relation::Operator::FUZZY => (Operator::Like, version),
        _ => (Operator::Like, text.find(['<', '>']).map_or(version, |at| &text[at..])),
    })
}

/// What one word of a field means. What cannot be read is met by nothing.
fn formula(text: &str) -> (Role, &'static str, Formula<'_>) {
    let Ok(dependency) = Dependency::parse(text) else {
        return (Role::Requires, "depends on", Formula::Any(Vec::new()));
    };
    let bound = bound(text, dependency);
    let atom = Formula::Atom(Atom { name: dependency.name, qualifier: "", bound });
    if dependency.conflict {
        (Role::Excludes, "conflicts with", atom)
    } else {
        (Role::Requires, "depends on", atom)
    }
}

/// The conditions of `install_if`, as one statement.
fn install_if(text: &str) -> Option<Statement<'_>> {
    let conditions = words(text).map(|word| match formula(word) {
        (Role::Excludes, _, atom) => atom.not(),
        (_, _, atom) => atom,
    });
    let conditions: Vec<Formula<'_>> = conditions.collect();
    (!conditions.is_empty()).then_some(Statement {
        role: Role::Supplements,
        verb: "comes with",
        text,
        formula: Formula::All(conditions),
    })
}

/// What a package says that makes it impossible: provisions with a version of a name that it has already.
fn contradiction(package: Package<'_>) -> Option<&str> {
    let mut names: Vec<(&str, bool)> = vec![(package.name(), true)];
    for text in words(package.relations(Kind::Provides)) {
        let Ok(provision) = relation::Provision::parse(text) else { continue };
        let versioned = provision.version.is_some();
        let clashes = |(name, other): &(&str, bool)| *name == provision.name && (versioned || *other);
        if names.iter().any(clashes) {
            return Some(text);
        }
        names.push((provision.name, versioned));
    }
    None
}

impl Family for Alpine {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        version::compare(a, b)
    }

    fn any_arch(&self) -> &'static [&'static str] {
        &["noarch"]
    }

    fn statements<'i>(&self, package: Package<'i>) -> Vec<Statement<'i>> {
        let mut statements: Vec<Statement<'i>> = words(package.relations(Kind::Requires))
            .map(|text| {
                let (role, verb, formula) = formula(text);
                Statement { role, verb, text, formula }
            })
            .collect();
        let impossible =
            |verb, text| Statement { role: Role::Requires, verb, text, formula: Formula::Any(Vec::new()) };
        if package.flags() & BROKEN != 0
            && statements.iter().all(|one| one.formula != Formula::Any(Vec::new()))
        {
            statements.push(impossible("cannot be installed by this version of apk:", package.name()));
        }
        statements
            .extend(contradiction(package).map(|text| impossible("contradicts itself by providing", text)));
        statements.extend(install_if(package.relations(Kind::Supplements)));
        statements
    }

    fn accepts(&self, operator: Operator, bound: &str, version: &str) -> bool {
        if operator != Operator::Like {
            return operator.accepts(version::compare(version, bound));
        }
        let plain = bound.trim_start_matches(['<', '>', '=', '~']);
        match relation::Operator::parse(&bound[..bound.len() - plain.len()]) {
            None => version::compare_fuzzy(version, bound).is_eq(),
            Some(sign) => sign.accepts(version, plain),
        }
    }

    fn satisfies(&self, world: &World<'_>, atom: &Atom<'_>, found: Found<'_>, asker: Asker<'_>) -> bool {
        let own = asker.package == Some(found.package);
        if world.arches().of(found.package) != 0 || (own && asker.role == Role::Excludes) {
            return false;
        }
        let Some((operator, bound)) = atom.bound else { return true };
        if let Some(checksum) = bound.strip_prefix("><").filter(|_| operator == Operator::Like) {
            return is_digest(checksum, found.package.digest());
        }
        match found.provided.unwrap_or_else(|| found.package.version()) {
            // apk compares no version with every one as it is wanted.
            "" => true,
            version => self.accepts(operator, bound, version),
        }
    }

    /// The later version of the name that was asked for, be it the package's own or provided; then the higher
    /// `provider_priority`; then the first repository.
    fn prefer(&self, world: &World<'_>, _asker: Asker<'_>, a: Found<'_>, b: Found<'_>) -> Ordering {
        let version = |found: &Found<'_>| match found.provided {
            None => found.package.version().to_owned(),
            Some(version) => version.to_owned(),
        };
        let pin = |found: &Found<'_>| Reverse(world.priority(found.package));
        let (of_a, of_b) = (version(&a), version(&b));
        let same_name = a.package.name_id() == b.package.name_id();
        let rank = |found: &Found<'_>| Reverse(found.package.rank());
        pin(&a)
            .cmp(&pin(&b))
            .then_with(|| of_a.is_empty().cmp(&of_b.is_empty()))
            .then_with(|| version::compare(&of_b, &of_a))
            .then_with(|| rank(&a).cmp(&rank(&b)))
            .then_with(|| {
                if same_name {
                    world.better(a.package, b.package)
                } else {
                    a.package.name_id().cmp(&b.package.name_id())
                }
            })
    }

    /// A version and none are no order: between such packages the priority alone decides. Each kind has its own order,
    /// so that the best of both come in turn.
    fn arrange(&self, world: &World<'_>, asker: Asker<'_>, found: &mut Vec<Found<'_>>) {
        found.sort_by(|a, b| self.prefer(world, asker, *a, *b));
        let is_bare = |found: &Found<'_>| found.provided == Some("");
        let (bare, versioned): (Vec<_>, Vec<_>) = found.drain(..).partition(is_bare);
        let (mut bare, mut versioned) = (bare.into_iter().peekable(), versioned.into_iter().peekable());
        while let (Some(without), Some(with)) = (bare.peek(), versioned.peek()) {
            let (without, with) = (without.package, with.package);
            let better = world.priority(without) > world.priority(with)
                || (world.priority(without) == world.priority(with) && without.rank() > with.rank());
            found.extend(if better { bare.next() } else { versioned.next() });
        }
        found.extend(versioned.chain(bare));
    }

    /// What provides a name without version and without priority is not chosen for it.
    fn waits(&self, found: Found<'_>) -> bool {
        found.provided == Some("") && found.package.rank() == 0
    }

    fn has_waiting(&self) -> bool {
        true
    }

    /// A name that is provided with a version is as good as the package of that name.
    fn provided_is_own(&self) -> bool {
        true
    }

    /// Every other package that has a name which this one has, unless both provide it without version.
    fn others<'i>(
        &self,
        world: &World<'i>,
        package: Package<'i>,
    ) -> Option<(Vec<Package<'i>>, &'static str)> {
        let index = world.index();
        let mut others: Vec<Package<'i>> = Vec::new();
        let mut add = |other: Package<'i>| {
            if other != package
                && other.name_id() != package.name_id()
                && world.is_member(other)
                && !others.contains(&other)
            {
                others.push(other);
            }
        };
        let versioned = |(other, version): (Package<'i>, &'i str)| (!version.is_empty()).then_some(other);
        index.providers(package.name_id()).for_each(|(other, _)| add(other));
        for text in words(package.relations(Kind::Provides)) {
            let Ok(provision) = relation::Provision::parse(text) else { continue };
            let Some(name) = index.name_id(provision.name) else { continue };
            index.of_name(name).for_each(&mut add);
            match provision.version {
                None => index.providers(name).filter_map(versioned).for_each(&mut add),
                Some(_) => index.providers(name).for_each(|(other, _)| add(other)),
            }
        }
        Some((others, "cannot be installed beside"))
    }

    fn shared<'i>(&self, world: &World<'i>, package: Package<'i>, with: Package<'i>) -> Vec<&'i str> {
        let index = world.index();
        let provided = |package: Package<'i>| -> Vec<&'i str> {
            let provisions = words(package.relations(Kind::Provides)).map(relation::Provision::parse);
            let names = provisions.filter_map(|provision| provision.ok().map(|provision| provision.name));
            std::iter::once(package.name()).chain(names).collect()
        };
        let both = provided(with);
        let mut names: Vec<&str> = provided(package).into_iter().filter(|name| both.contains(name)).collect();
        // A name without version may be had by many.
        let counts = |name: &&str| {
            let id = index.name_id(name);
            let versioned = |id| index.providers(id).any(|(_, version)| !version.is_empty());
            id.is_some_and(|id| versioned(id) || index.of_name(id).next().is_some())
        };
        names.retain(counts);
        names
    }

    fn thing<'t>(&self, name: &'t str) -> Option<(&'static str, &'t str)> {
        let (kind, rest) = name.split_once(':')?;
        let kind = match kind {
            "so" => "library",
            "cmd" => "command",
            "pc" => "pkg-config module",
            "dbus" => "D-Bus service",
            _ if kind.starts_with("py3") => "Python module",
            _ => return None,
        };
        Some((kind, rest))
    }

    /// Packages that provide the name: of those that wait to be asked for, one has to be named.
    fn renamed(&self, index: &Index, name: &str) -> Vec<String> {
        let Some(name) = index.name_id(name) else { return Vec::new() };
        let mut found: Vec<Package<'_>> = index.providers(name).map(|(package, _)| package).collect();
        found.sort_by_key(|package| (Reverse(package.rank()), package.id()));
        let mut names: Vec<String> = Vec::new();
        for package in found {
            if !names.iter().any(|known| known == package.name()) {
                names.push(package.name().to_owned());
            }
        }
        names
    }
}

/// Whether `text`, such as `Q1...`, is this digest.
fn is_digest(text: &str, digest: Digest) -> bool {
    let checksum = match digest {
        Digest::Sha1(bytes) => super::stanza::Checksum::Sha1(bytes),
        Digest::Sha256(bytes) => super::stanza::Checksum::Sha256(bytes),
        _ => return false,
    };
    text.parse() == Ok(checksum)
}
