//! The families whose packages can be chosen, by the name that an index has.

use crate::resolve::Family;
use crate::{alpm, apk, deb, portage, rpm, xbps};

/// The rules for an index whose [`Index::family`](crate::index::Index::family) is `name`.
pub fn family(name: &str) -> Option<&'static dyn Family> {
    match name {
        alpm::index::FAMILY => Some(&alpm::resolve::Arch),
        apk::arena::FAMILY => Some(&apk::resolve::Alpine),
        deb::index::FAMILY => Some(&deb::resolve::Debian),
        portage::arena::FAMILY => Some(&portage::resolve::Gentoo),
        rpm::index::FAMILY => Some(&rpm::resolve::Rpm),
        xbps::index::FAMILY => Some(&xbps::resolve::Void),
        _ => None,
    }
}
