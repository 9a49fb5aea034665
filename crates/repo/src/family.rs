//! The families whose packages can be chosen, by the name that an index has.

use crate::resolve::Family;
use crate::{apk, deb, portage};

/// The rules for an index whose [`Index::family`](crate::index::Index::family) is `name`.
pub fn family(name: &str) -> Option<&'static dyn Family> {
    match name {
        apk::arena::FAMILY => Some(&apk::resolve::Alpine),
        deb::index::FAMILY => Some(&deb::resolve::Debian),
        portage::arena::FAMILY => Some(&portage::resolve::Gentoo),
        _ => None,
    }
}
