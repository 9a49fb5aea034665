//! Which packages came for the sake of others, as apt keeps it: `apt autoremove` may take those away, and
//! `apt-mark showmanual` lists the rest.
//!
//! It is written when everything is installed, not with each layer: a package that a lower layer pulled in and a higher
//! one asks for is no longer automatic, and the lower layer must not change because of that.

use std::fmt::Write as _;

use super::{Concern, Facts};

/// `Dir::State::extended_states` of `apt.conf(5)`.
const STATES: &str = "/var/lib/apt/extended_states";

pub(super) fn concern(facts: &Facts<'_>) -> Concern {
    let mut concern = Concern::new("package marks");
    if facts.has("apt") {
        concern.file(STATES, &states(facts));
    }
    concern
}

fn states(facts: &Facts<'_>) -> String {
    let mut text = String::new();
    for package in &facts.automatic {
        // apt counts packages for all architectures among those of its own.
        let arch = if package.arch == "all" { facts.architecture } else { &package.arch };
        let _ = writeln!(text, "Package: {}\nArchitecture: {arch}\nAuto-Installed: 1\n", package.name);
    }
    text
}
