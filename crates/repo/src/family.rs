//! The families whose packages can be chosen, by the name that an index has.

use crate::deb;
use crate::resolve::Family;

/// The rules for an index whose [`Index::family`](crate::index::Index::family) is `name`.
pub fn family(name: &str) -> Option<&'static dyn Family> {
    match name {
        deb::index::FAMILY => Some(&deb::resolve::Debian),
        _ => None,
    }
}
