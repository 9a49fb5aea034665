//! Time zone.

use lbuild_spec::Blueprint;

use super::probe::Check;
use super::{Concern, Facts};

pub(super) fn concern(facts: &Facts<'_>) -> Concern {
    let mut concern = Concern::new("timezone");
    let zone = facts.blueprint.timezone.as_str();
    let file = format!("/usr/share/zoneinfo/{zone}");
    if !facts.has("tzdata") {
        // Without zone files the C library means UTC, which is the default of a spec.
        return concern;
    }
    concern.prove(Check::Present { path: file.clone() });
    concern.link("/etc/localtime", &file);
    if facts.release == "bookworm" {
        concern.file("/etc/timezone", &format!("{zone}\n"));
    }
    concern
}

/// Old names such as `US/Eastern` live in a package of their own since trixie.
pub(super) fn packages(blueprint: &Blueprint) -> Vec<(&'static str, &'static str)> {
    if !blueprint.sets("/timezone") {
        return Vec::new();
    }
    let modern =
        ["Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Etc/"];
    let modern = modern.iter().chain(&["Europe/", "Indian/", "Pacific/", "UTC"]);
    let zone = blueprint.timezone.as_str();
    let mut packages = vec![("tzdata", "/timezone")];
    if !modern.into_iter().any(|start| zone.starts_with(start)) {
        packages.push(("tzdata-legacy", "/timezone"));
    }
    packages
}
