//! What every base asks of the resolver in the same way, and why.

use lbuild_repo::resolve::{Constraint, Operator, Wanted};
use lbuild_spec::{Blueprint, PackageRequest, Relation};

/// What a request of the resolver came from, so that a conflict can name the line of the spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// `Blueprint::packages[index]`.
    Spec(usize),
    /// Something that the image needs by its own fields, such as its kernel.
    Field(&'static str),
    /// What every system of the base has, by this name, unless the spec removes it.
    Base(String),
}

/// A package by its name alone.
pub(crate) fn plain(name: &str) -> Wanted {
    Wanted { name: name.to_owned(), ..Wanted::default() }
}

/// A package as a spec asks for it.
pub(crate) fn asked(package: &PackageRequest) -> Wanted {
    let version = package
        .version
        .as_ref()
        .map(|version| Constraint { operator: operator(version.relation), version: version.version.clone() });
    Wanted { name: package.name.clone(), version, suite: package.suite.clone() }
}

/// The flavor of the kernel; none when nothing has to boot and none was asked for.
pub(crate) fn kernel_flavor(blueprint: &Blueprint, boots: bool) -> Option<&str> {
    match blueprint.kernel.flavor.as_deref() {
        Some("none") => None,
        None => boots.then_some("default"),
        flavor => flavor,
    }
}

fn operator(relation: Relation) -> Operator {
    match relation {
        Relation::Earlier => Operator::Less,
        Relation::EarlierOrEqual => Operator::LessEqual,
        Relation::Equal => Operator::Equal,
        Relation::LaterOrEqual => Operator::GreaterEqual,
        Relation::Later => Operator::Greater,
    }
}
