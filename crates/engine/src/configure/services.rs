//! Units that start at boot, and units that do not.

use super::{Action, Concern, Facts};

pub(super) fn concern(facts: &Facts<'_>) -> Concern {
    let mut concern = Concern::new("services");
    let services = &facts.blueprint.services;
    for name in &services.disable {
        concern.actions.push(systemctl("disable", &name.value));
    }
    for name in &services.enable {
        concern.actions.push(systemctl("enable", &name.value));
    }
    concern
}

/// Works on the files of the tree: no service manager is running in it.
pub(super) fn systemctl(verb: &str, name: &str) -> Action {
    Action::Run {
        purpose: format!("{} `{name}`", if verb == "enable" { "enabling" } else { "disabling" }),
        argv: ["systemctl", verb, "--", name].map(str::to_owned).to_vec(),
        stdin: Vec::new(),
        env: vec![("SYSTEMD_OFFLINE".to_owned(), "1".to_owned())],
    }
}
