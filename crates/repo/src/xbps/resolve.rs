//! xbps's rules, as it follows them on an empty system.

use std::cmp::Ordering;

use super::pattern::{Pattern, Versions};
use super::version;
use crate::index::{Kind, Package};
use crate::resolve::family::library;
use crate::resolve::{Asker, Atom, Family, Formula, Found, Operator, Role, Statement, Wanted, World};

/// Void Linux.
///
/// The repository that comes first decides, then the version; a package of the wanted name comes before one that only
/// provides it, and among those the first by repository and name. A set of packages is whole when somebody in it has
/// every shared object that one of them needs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Void;

impl Family for Void {
    fn compare(&self, a: &str, b: &str) -> Ordering {
        version::compare(a, b)
    }

    fn statements<'i>(&self, package: Package<'i>) -> Vec<Statement<'i>> {
        let mut statements = Vec::new();
        for text in package.relations(Kind::Requires).lines() {
            let formula = formula(text);
            statements.push(Statement { role: Role::Requires, verb: "depends on", text, formula });
        }
        for text in package.extra().lines() {
            let formula = Formula::Atom(Atom { name: text, qualifier: "", bound: None });
            statements.push(Statement { role: Role::Requires, verb: "needs", text, formula });
        }
        for text in package.relations(Kind::Conflicts).lines() {
            let formula = formula(text);
            statements.push(Statement { role: Role::Excludes, verb: "conflicts with", text, formula });
        }
        statements
    }

    fn any_arch(&self) -> &'static [&'static str] {
        &["noarch"]
    }

    fn satisfies(&self, _world: &World<'_>, atom: &Atom<'_>, found: Found<'_>, asker: Asker<'_>) -> bool {
        let version = found.provided.unwrap_or_else(|| found.package.version());
        // A conflict with what a package itself provides means the others.
        let own = asker.package.is_some_and(|owner| owner.name_id() == found.package.name_id());
        if own && asker.role == Role::Excludes {
            return false;
        }
        let glob = Pattern { name: "", versions: Versions::Glob(atom.qualifier) };
        (atom.qualifier.is_empty() || glob.accepts_version(version))
            && atom
                .bound
                .is_none_or(|(operator, bound)| !version.is_empty() && self.accepts(operator, bound, version))
    }

    fn thing<'t>(&self, name: &'t str) -> Option<(&'static str, &'t str)> {
        library(name)
    }

    /// `name`, or a relation such as `name>=1.2_1`.
    fn wanted<'t>(&self, wanted: &'t Wanted) -> Atom<'t> {
        let plain = Atom { name: wanted.name.as_str(), qualifier: "", bound: wanted.bound() };
        match Pattern::parse(&wanted.name) {
            Ok(Pattern { name, versions: Versions::Bounds(operator, bound, None) }) => {
                Atom { name, bound: Some((operator, bound)), ..plain }
            }
            Ok(Pattern { name, versions: Versions::Exact(version) }) => {
                Atom { name, bound: Some((Operator::Equal, version)), ..plain }
            }
            _ => plain,
        }
    }
}

/// A relation; what cannot be read is something that nothing meets.
fn formula(text: &str) -> Formula<'_> {
    let Ok(Pattern { name, versions }) = Pattern::parse(text) else { return Formula::Any(Vec::new()) };
    let atom = |qualifier, bound| Formula::Atom(Atom { name, qualifier, bound });
    match versions {
        Versions::Any => atom("", None),
        Versions::Glob(pattern) => atom(pattern, None),
        Versions::Exact(version) => atom("", Some((Operator::Equal, version))),
        Versions::Bounds(operator, bound, None) => atom("", Some((operator, bound))),
        Versions::Bounds(operator, bound, Some((second, upper))) => Formula::With(
            Box::new(atom("", Some((operator, bound)))),
            Box::new(atom("", Some((second, upper)))),
        ),
    }
}
