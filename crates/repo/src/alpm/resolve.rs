//! pacman's rules, as it follows them on an empty system.

use std::cmp::Ordering;

use super::relation::Relation;
use super::version;
use crate::index::{Kind, Package};
use crate::resolve::family::library;
use crate::resolve::{Atom, Family, Formula, Role, Statement, Wanted};

/// Arch Linux and its family.
///
/// The repository that comes first decides, then the version; a package of the wanted name comes before one that only
/// provides it, and among those the first by repository and name, as with `pacman --noconfirm`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Arch;

/// The relations that count on an empty system, in pacman's order.
const FIELDS: [(Kind, Role, &str); 2] =
    [(Kind::Requires, Role::Requires, "depends on"), (Kind::Conflicts, Role::Excludes, "conflicts with")];

impl Family for Arch {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        version::compare(a, b)
    }

    fn statements<'i>(&self, package: Package<'i>) -> Vec<Statement<'i>> {
        let mut statements = Vec::new();
        for (kind, role, verb) in FIELDS {
            for text in package.relations(kind).lines() {
                // What cannot be read is something that nothing meets.
                let formula = atom(text).map_or_else(|| Formula::Any(Vec::new()), Formula::Atom);
                statements.push(Statement { role, verb, text, formula });
            }
        }
        statements
    }

    fn any_arch(&self) -> &'static [&'static str] {
        &["any"]
    }

    fn thing<'t>(&self, name: &'t str) -> Option<(&'static str, &'t str)> {
        library(name)
    }

    /// `name`, `name>=1.2`, or `repository/name` as on pacman's command line.
    fn wanted<'t>(&self, wanted: &'t Wanted) -> Atom<'t> {
        let text = wanted.name.split_once('/').map_or(wanted.name.as_str(), |(_, name)| name);
        match atom(text) {
            Some(atom) => Atom { bound: wanted.bound().or(atom.bound), ..atom },
            None => Atom { name: text, qualifier: "", bound: wanted.bound() },
        }
    }
}

fn atom(text: &str) -> Option<Atom<'_>> {
    let Relation { name, bound } = Relation::parse(text).ok()?;
    Some(Atom { name, qualifier: "", bound })
}
