//! Asks the universe for the relations of each package, and for what comes along by itself, once.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use crate::additions::Additions;
use crate::model::{PackageId, Relations, SlotId, Universe};

/// A universe that remembers what it was asked.
pub(crate) struct Memo<'u, U> {
    pub(crate) universe: &'u U,
    relations: RefCell<Vec<Option<Rc<Relations>>>>,
    additions: OnceCell<Additions>,
}

impl<'u, U: Universe> Memo<'u, U> {
    pub(crate) fn new(universe: &'u U) -> Self {
        let relations = RefCell::new(vec![None; universe.package_count()]);
        Self { universe, relations, additions: OnceCell::new() }
    }

    pub(crate) fn additions(&self) -> &Additions {
        self.additions.get_or_init(|| Additions::new(self.universe.additions()))
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
