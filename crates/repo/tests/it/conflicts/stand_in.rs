//! What real repositories ask for and do not have: the distribution below them, of which the shared data has no index.

use std::collections::BTreeMap;

use lbuild_repo::index::Index;
use lbuild_repo::resolve::{Family, Role};

/// The names that nothing bears or provides, each in the latest version that is asked for; empty where none is.
pub fn missing(family: &dyn Family, index: &Index) -> BTreeMap<String, String> {
    let mut missing: BTreeMap<String, String> = BTreeMap::new();
    let exists = |name: &str| {
        index
            .name_id(name)
            .is_some_and(|id| index.of_name(id).next().is_some() || index.providers(id).next().is_some())
    };
    for package in index.packages() {
        let statements = family.statements(package);
        for statement in statements.iter().filter(|statement| statement.role == Role::Requires) {
            let atoms = statement.formula.atoms();
            let Some(first) = atoms.first().filter(|_| !atoms.iter().any(|atom| exists(atom.name))) else {
                continue;
            };
            let known = missing.entry(first.name.to_owned()).or_default();
            let bound = first.bound.map_or("", |(_, version)| version);
            if known.is_empty() || !bound.is_empty() && family.compare(bound, known).is_gt() {
                bound.clone_into(known);
            }
        }
    }
    missing
}
