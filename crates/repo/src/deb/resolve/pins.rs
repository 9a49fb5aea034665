//! Which version of a package counts: apt's policy (`apt_preferences(5)`), plus what requests ask for.

use std::cmp::Ordering;

use crate::deb::index::{Index, Package};
use crate::deb::version;

/// The version that apt would take: the highest pin, then the highest version, then the first source.
///
/// A negative pin never wins.
pub(super) fn candidate<'i>(versions: impl Iterator<Item = Package<'i>>) -> Option<Package<'i>> {
    let mut best: Option<Package<'i>> = None;
    for package in versions.filter(|package| package.source().pin >= 0) {
        if best.is_none_or(|best| prefer(package, best).is_gt()) {
            best = Some(package);
        }
    }
    best
}

fn prefer(a: Package<'_>, b: Package<'_>) -> Ordering {
    a.source().pin.cmp(&b.source().pin).then_with(|| version::compare(a.version(), b.version()))
}

/// Whether `package` comes from `suite`; the suite `trixie` means itself alone, not `trixie-updates`.
pub(super) fn is_from(package: Package<'_>, suite: &str) -> bool {
    package.source().suite == suite
}

/// Which architectures an index has, the native one first; `all` counts as native.
pub(super) struct Arches {
    names: Vec<String>,
    /// From [`Package::arch_number`] to a position in `names`.
    positions: Vec<usize>,
}

impl Arches {
    pub(super) fn new(index: &Index, native: &str) -> Self {
        let mut names = vec![native.to_owned()];
        let mut positions = Vec::new();
        for arch in index.arches() {
            let known = if arch == "all" { Some(0) } else { names.iter().position(|name| name == arch) };
            positions.push(known.unwrap_or_else(|| {
                names.push(arch.clone());
                names.len() - 1
            }));
        }
        Self { names, positions }
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn of(&self, package: Package<'_>) -> usize {
        self.positions.get(package.arch_number()).copied().unwrap_or_default()
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        if name == "all" { Some(0) } else { self.names.iter().position(|known| known == name) }
    }
}
