//! systemd-networkd, with systemd-resolved where it is installed.

use lbuild_spec::model::{Interface, Method};

use super::{WIRED, method, static_resolver};
use crate::configure::probe::Check;
use crate::configure::services::systemctl;
use crate::configure::{Concern, Facts};

pub(super) fn configure(concern: &mut Concern, facts: &Facts<'_>) {
    let network = &facts.blueprint.network;
    for (index, interface) in network.interfaces.iter().enumerate() {
        concern.file(&path(index), &unit(interface));
    }
    if network.interfaces.is_empty() {
        concern.file(&path(0), &format!("[Match]\nName={}\n\n[Network]\nDHCP=yes\n", WIRED.join(" ")));
    }
    concern.actions.push(systemctl("enable", "systemd-networkd.service"));
    let wants = "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service";
    concern.prove(Check::Present { path: wants.to_owned() });
    if facts.has("systemd-resolved") {
        resolved(concern, facts);
    } else {
        static_resolver(concern, facts);
    }
}

fn path(index: usize) -> String {
    format!("/etc/systemd/network/{}-lbuild.network", 50 + index)
}

fn unit(interface: &Interface) -> String {
    let mut text = format!("[Match]\nName={}\n", interface.name);
    let method = method(interface);
    if let Some(mtu) = interface.mtu {
        text = text + "\n[Link]\nMTUBytes=" + &mtu.to_string() + "\n";
    }
    if method == Method::None {
        return text + "\n[Link]\nUnmanaged=yes\n";
    }
    text.push_str("\n[Network]\n");
    if method == Method::Dhcp {
        text.push_str("DHCP=yes\n");
    }
    let lists = [("Address", &interface.addresses), ("Gateway", &interface.gateway), ("DNS", &interface.dns)];
    for (key, values) in lists {
        for value in values {
            text = text + key + "=" + value + "\n";
        }
    }
    text
}

fn resolved(concern: &mut Concern, facts: &Facts<'_>) {
    let network = &facts.blueprint.network;
    if !network.dns.is_empty() || !network.search.is_empty() {
        let mut text = "[Resolve]\n".to_owned();
        for (key, values) in [("DNS", &network.dns), ("Domains", &network.search)] {
            if !values.is_empty() {
                text = text + key + "=" + &values.join(" ") + "\n";
            }
        }
        concern.file("/etc/systemd/resolved.conf.d/10-lbuild.conf", &text);
    }
    concern.actions.push(systemctl("enable", "systemd-resolved.service"));
    concern.link("/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf");
}
