//! Preferences among versions, in the order in which they count.

use lbuild_repo::deb::resolve::{Pin, PinTarget};
use lbuild_spec::Blueprint;

/// The pins of a spec, those of higher layers first; in one layer they keep their order. As in apt, the first that
/// means a version counts.
pub(crate) fn pins(blueprint: &Blueprint) -> Vec<Pin> {
    let mut pins: Vec<_> = blueprint.repositories.pins.iter().collect();
    pins.sort_by_key(|pin| std::cmp::Reverse(pin.origin.layer));
    let target = |pin: &lbuild_spec::model::Pin| match (&pin.version, &pin.suite) {
        (Some(version), _) => Some(PinTarget::Version(version.clone())),
        (None, Some(suite)) => Some(PinTarget::Release(suite.clone())),
        (None, None) => None,
    };
    let pin = |pin: &lbuild_spec::model::Pin| {
        Some(Pin { package: pin.package.clone(), target: target(pin)?, priority: pin.priority })
    };
    pins.into_iter().filter_map(|sourced| pin(&sourced.value)).collect()
}
