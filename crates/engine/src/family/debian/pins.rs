//! Preferences among versions, in the order in which they count.

use lbuild_repo::resolve::{Pin, PinTarget};
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

/// What a pin means, in the words of `apt_preferences(5)`; it takes two records where one has no word for it.
pub(crate) fn pin_targets(pin: &Pin) -> Vec<String> {
    match &pin.target {
        PinTarget::Version(version) => vec![format!("version {version}")],
        PinTarget::Host(host) => vec![format!("origin \"{host}\"")],
        // apt takes a word that begins with a digit for the version of the release
        PinTarget::Release(name) if name.starts_with(|c: char| c.is_ascii_digit()) => {
            vec![format!("release n={name}"), format!("release a={name}")]
        }
        PinTarget::Release(name) => vec![format!("release {name}")],
    }
}

/// A pin in one line, for the lock.
pub(crate) fn pin_text(pin: &Pin) -> String {
    format!("{}: {}, priority {}", pin.package, pin_targets(pin).join(" or "), pin.priority)
}
