//! ifupdown: `/etc/network/interfaces.d`.

use std::fmt::Write as _;

use lbuild_spec::model::{Interface, Method};

use super::{WIRED, dhcpcd, is_pattern, is_v6, method, static_resolver};
use crate::configure::{Action, Concern, Facts};

pub(super) fn configure(concern: &mut Concern, facts: &Facts<'_>) {
    let network = &facts.blueprint.network;
    let mut text = String::new();
    for (index, interface) in network.interfaces.iter().enumerate() {
        text += &stanzas(interface, index);
    }
    if network.interfaces.is_empty() {
        for (index, pattern) in WIRED.iter().enumerate() {
            let _ = write!(
                text,
                "auto /{pattern}=wired{index}\niface wired{index} inet dhcp\niface wired{index} inet6 auto\n"
            );
        }
    }
    // Included by the file that the package ships; one that is missing would leave the loopback interface down too.
    concern.actions.push(Action::SetLine {
        path: "/etc/network/interfaces".to_owned(),
        prefix: "source /etc/network/interfaces.d/".to_owned(),
        line: "source /etc/network/interfaces.d/*".to_owned(),
    });
    concern.file("/etc/network/interfaces.d/lbuild", &text);
    static_resolver(concern, facts);
    dhcpcd::name_servers(concern, facts);
}

fn stanzas(interface: &Interface, index: usize) -> String {
    let logical = format!("lbuild{index}");
    let (mut text, name) = if is_pattern(&interface.name) {
        (format!("auto /{}={logical}\n", interface.name), logical.as_str())
    } else {
        (format!("allow-hotplug {}\n", interface.name), interface.name.as_str())
    };
    match method(interface) {
        Method::None => {
            let _ = writeln!(text, "iface {name} inet manual");
        }
        Method::Dhcp => {
            let _ = write!(text, "iface {name} inet dhcp\n{}iface {name} inet6 auto\n", mtu(interface));
        }
        Method::Static => {
            let mut gateways = interface.gateway.clone();
            for address in &interface.addresses {
                let v6 = is_v6(address);
                let family = if v6 { "inet6" } else { "inet" };
                let _ =
                    write!(text, "iface {name} {family} static\n    address {address}\n{}", mtu(interface));
                if let Some(found) = gateways.iter().position(|gateway| is_v6(gateway) == v6) {
                    let _ = writeln!(text, "    gateway {}", gateways.remove(found));
                }
            }
        }
    }
    text
}

fn mtu(interface: &Interface) -> String {
    interface.mtu.map(|mtu| format!("    up ip link set dev $IFACE mtu {mtu}\n")).unwrap_or_default()
}
