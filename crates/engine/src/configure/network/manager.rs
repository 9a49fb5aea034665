//! `NetworkManager`: one connection file per interface. Without any it uses DHCP on every wired interface.

use lbuild_spec::model::{Interface, Method};

use super::{is_pattern, is_v6, method};
use crate::configure::services::systemctl;
use crate::configure::{Concern, Facts, Owner};

pub(super) fn configure(concern: &mut Concern, facts: &Facts<'_>) {
    let network = &facts.blueprint.network;
    for (index, interface) in network.interfaces.iter().enumerate() {
        let path = format!("/etc/NetworkManager/system-connections/lbuild-{index}.nmconnection");
        concern.write(&path, &connection(interface, index), 0o600, Owner::root());
    }
    if !network.dns.is_empty() {
        let mut text = String::new();
        if !network.search.is_empty() {
            text = format!("[global-dns]\nsearches={}\n\n", network.search.join(","));
        }
        text = text + "[global-dns-domain-*]\nservers=" + &network.dns.join(",") + "\n";
        concern.file("/etc/NetworkManager/conf.d/10-lbuild.conf", &text);
    }
    if facts.blueprint.sets("/network") {
        concern.actions.push(systemctl("enable", "NetworkManager.service"));
    }
}

fn connection(interface: &Interface, index: usize) -> String {
    let mut text = format!("[connection]\nid=lbuild-{index}\ntype=ethernet\n");
    if is_pattern(&interface.name) {
        text = text + "\n[match]\ninterface-name=" + &interface.name + "\n";
    } else {
        text = text + "interface-name=" + &interface.name + "\n";
    }
    if let Some(mtu) = interface.mtu {
        text = text + "\n[ethernet]\nmtu=" + &mtu.to_string() + "\n";
    }
    for (section, v6) in [("ipv4", false), ("ipv6", true)] {
        text += &addresses(interface, section, v6);
    }
    text
}

fn addresses(interface: &Interface, section: &str, v6: bool) -> String {
    let own = |values: &[String]| -> Vec<String> {
        values.iter().filter(|value| is_v6(value) == v6).cloned().collect()
    };
    let addresses = own(&interface.addresses);
    let word = match method(interface) {
        Method::Dhcp => "auto",
        Method::Static if !addresses.is_empty() => "manual",
        Method::Static | Method::None => "disabled",
    };
    let mut text = format!("\n[{section}]\nmethod={word}\n");
    for (index, address) in addresses.iter().enumerate() {
        text = text + "address" + &(index + 1).to_string() + "=" + address + "\n";
    }
    if let Some(gateway) = own(&interface.gateway).first() {
        text = text + "gateway=" + gateway + "\n";
    }
    let servers = own(&interface.dns);
    if !servers.is_empty() {
        text = text + "dns=" + &servers.join(";") + ";\n";
    }
    text
}
