//! What comes along by itself, found by what it comes with.

use std::collections::HashMap;

use crate::model::{Addition, PackageId};

/// The additions of a universe.
pub(crate) struct Additions {
    /// In the order in which they are tried; each can come.
    all: Vec<Addition>,
    /// By package: the positions of those that it may bring.
    brought: HashMap<PackageId, Vec<usize>>,
}

impl Additions {
    pub(crate) fn new(mut all: Vec<Addition>) -> Self {
        all.retain(|addition| !addition.when.is_empty());
        let mut brought: HashMap<PackageId, Vec<usize>> = HashMap::new();
        for (position, addition) in all.iter().enumerate() {
            // all of its lists have to be met: watching one is enough
            let shortest = addition.when.iter().min_by_key(|list| list.len());
            for package in shortest.into_iter().flatten() {
                brought.entry(*package).or_default().push(position);
            }
        }
        Self { all, brought }
    }

    pub(crate) fn get(&self, position: usize) -> &Addition {
        &self.all[position]
    }

    /// Positions of additions that may come because `package` is there.
    pub(crate) fn brought_by(&self, package: PackageId) -> &[usize] {
        self.brought.get(&package).map_or(&[], Vec::as_slice)
    }
}
