//! Asks the universe for the relations of each package once.

use std::cell::RefCell;
use std::rc::Rc;

use crate::model::{PackageId, Relations, SlotId, Universe};

/// A universe that remembers what it was asked.
pub(crate) struct Memo<'u, U> {
    pub(crate) universe: &'u U,
    relations: RefCell<Vec<Option<Rc<Relations>>>>,
}

impl<'u, U: Universe> Memo<'u, U> {
    pub(crate) fn new(universe: &'u U) -> Self {
        Self { universe, relations: RefCell::new(vec![None; universe.package_count()]) }
    }

    pub(crate) fn relations(&self, package: PackageId) -> Rc<Relations> {
        if let Some(known) = &self.relations.borrow()[package.index()] {
            return Rc::clone(known);
        }
        let new = Rc::new(self.universe.relations(package));
        self.relations.borrow_mut()[package.index()] = Some(Rc::clone(&new));
        new
    }

    pub(crate) fn slot(&self, package: PackageId) -> SlotId {
        self.universe.slot(package)
    }
}
