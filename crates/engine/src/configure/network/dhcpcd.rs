//! DHCP by dhcpcd alone: it waits for no cable, knows patterns, and writes `resolv.conf` itself.

use super::{Facts, WIRED};
use crate::configure::probe::Check;
use crate::configure::services::systemctl;
use crate::configure::{Action, Concern};

const UNIT: &str = "lbuild-dhcp.service";

pub(super) fn configure(concern: &mut Concern, facts: &Facts<'_>) {
    let network = &facts.blueprint.network;
    let named: Vec<&str> = network.interfaces.iter().map(|interface| interface.name.as_str()).collect();
    let patterns = if named.is_empty() { WIRED.to_vec() } else { named };
    let allowed = patterns.iter().fold(String::new(), |text, name| text + " --allowinterfaces " + name);
    let unit = format!(
        "[Unit]\nDescription=DHCP\nDocumentation=man:dhcpcd(8)\nWants=network.target\nBefore=network.target\n\
         After=network-pre.target systemd-udevd.service\n\n\
         [Service]\nExecStart=/usr/sbin/dhcpcd --nobackground --quiet{allowed}\nRestart=on-failure\n\n\
         [Install]\nWantedBy=multi-user.target\n"
    );
    concern.file(&format!("/etc/systemd/system/{UNIT}"), &unit);
    concern.actions.push(systemctl("enable", UNIT));
    concern.prove(Check::Present { path: format!("/etc/systemd/system/multi-user.target.wants/{UNIT}") });
    name_servers(concern, facts);
}

/// Name servers of the spec instead of the ones that DHCP offers.
pub(super) fn name_servers(concern: &mut Concern, facts: &Facts<'_>) {
    let network = &facts.blueprint.network;
    let interfaces = network.interfaces.iter().flat_map(|interface| &interface.dns);
    let servers: Vec<&str> = network.dns.iter().chain(interfaces).map(String::as_str).collect();
    if !facts.has("dhcpcd-base") {
        return;
    }
    for (key, values) in [("domain_name_servers", servers), ("domain_search", names(&network.search))] {
        if values.is_empty() {
            continue;
        }
        let prefix = format!("static {key}=");
        let line = format!("{prefix}{}", values.join(" "));
        concern.prove(Check::Line { path: "/etc/dhcpcd.conf".to_owned(), line: line.clone() });
        concern.actions.push(Action::SetLine { path: "/etc/dhcpcd.conf".to_owned(), prefix, line });
    }
}

fn names(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
