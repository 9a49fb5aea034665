//! The architectures of an index, as a request sees them.

use crate::index::{Index, Package};

/// Which architectures an index has, the native one first; those that fit every machine count as native.
#[derive(Debug)]
pub struct Arches {
    names: Vec<String>,
    /// From [`Package::arch_number`] to a position in `names`.
    positions: Vec<usize>,
    any: &'static [&'static str],
}

impl Arches {
    pub(super) fn new(index: &Index, native: &str, any: &'static [&'static str]) -> Self {
        let mut names = vec![native.to_owned()];
        let mut positions = Vec::new();
        for arch in index.arches() {
            let fits_all = any.contains(&arch.as_str());
            let known = if fits_all { Some(0) } else { names.iter().position(|name| name == arch) };
            positions.push(known.unwrap_or_else(|| {
                names.push(arch.clone());
                names.len() - 1
            }));
        }
        Self { names, positions, any }
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "the native one is always there")]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The native one.
    pub fn native(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// That of a package; 0 is the native one.
    pub fn of(&self, package: Package<'_>) -> usize {
        self.positions.get(package.arch_number()).copied().unwrap_or_default()
    }

    /// That of a name.
    pub fn find(&self, name: &str) -> Option<usize> {
        if self.any.contains(&name) { Some(0) } else { self.names.iter().position(|known| known == name) }
    }
}
