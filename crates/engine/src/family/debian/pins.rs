//! Preferences among versions, in the order in which they count.

use lbuild_repo::deb::resolve::{Pin, PinTarget};
use lbuild_spec::Blueprint;

/// The pins of a spec, those of higher layers first; in one layer they keep their order. As in apt, the first that
/// means a version counts.
pub(crate) fn pins(blueprint: &Blueprint) -> Vec<Pin> {
    let mut pins: Vec<_> = blueprint.repositories.pins.iter().collect();
    pins.sort_by_key(|pin| std::cmp::Reverse(pin.origin.layer));
    let target = |pin: &lbuild_spec::model::Pin| {
        let version = pin.version.clone().map(PinTarget::Version);
        let suite = || pin.suite.clone().map(PinTarget::Release);
        version.or_else(suite).or_else(|| pin.host.clone().map(PinTarget::Host))
    };
    let pin = |pin: &lbuild_spec::model::Pin| {
        Some(Pin { package: pin.package.clone(), target: target(pin)?, priority: pin.priority })
    };
    pins.into_iter().filter_map(|sourced| pin(&sourced.value)).collect()
}
