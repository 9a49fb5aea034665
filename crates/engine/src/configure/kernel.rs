//! Kernel modules, settings and parameters of the finished system.

use std::collections::BTreeMap;

use super::{Action, Concern, Facts, Owner};

pub(super) fn concern(facts: &Facts<'_>) -> Concern {
    let mut concern = Concern::new("kernel");
    let blueprint = facts.blueprint;
    if !blueprint.kernel.modules.is_empty() {
        let lines = blueprint.kernel.modules.iter().fold(String::new(), |text, name| text + name + "\n");
        concern.file("/etc/modules-load.d/lbuild.conf", &lines);
    }
    let mut tuning: BTreeMap<&str, String> = blueprint
        .post_install
        .system_tuning
        .iter()
        .map(|(key, value)| (key.as_str(), value.clone()))
        .collect();
    if let Some(swappiness) = blueprint.defaults.swappiness {
        tuning.insert("vm.swappiness", swappiness.to_string());
    }
    if !tuning.is_empty() {
        let lines = tuning.iter().fold(String::new(), |text, (key, value)| text + key + " = " + value + "\n");
        concern.file("/etc/sysctl.d/90-lbuild.conf", &lines);
    }
    if !blueprint.kernel.parameters.is_empty() {
        // Live images have their own boot menu; this is for a boot loader that is installed later. The directory is that
        // of the programs that write its menu, and there before the loader's own package makes `/etc/default/grub`.
        let parameters = blueprint.kernel.parameters.join(" ");
        let contents = format!("GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {parameters}\"\n").into_bytes();
        concern.actions.push(Action::IfExists {
            path: "/etc/grub.d".to_owned(),
            then: vec![Action::WriteFile {
                path: "/etc/default/grub.d/50-lbuild.cfg".to_owned(),
                contents,
                mode: 0o644,
                owner: Owner::root(),
            }],
        });
    }
    concern
}
