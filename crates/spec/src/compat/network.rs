//! Interfaces and their addresses.

use std::net::IpAddr;

use super::{System, error, warning};
use crate::report::{Finding, quote};
use crate::value::Node;

pub(super) fn rules(system: &System<'_>, found: &mut Vec<Finding>) {
    for interface in system.items(&["network", "interfaces"]) {
        let name = interface.get("name").and_then(Node::text).unwrap_or_default();
        method(interface, name, found);
        gateways(interface, found);
    }
}

fn method(interface: &Node, name: &str, found: &mut Vec<Finding>) {
    let addresses = interface.get("addresses").filter(|node| !node.items().is_empty());
    let Some(method) = interface.get("method") else { return };
    match (method.text(), addresses) {
        (Some("static"), None) => {
            let message = format!("{} is `static` but has no `addresses`", quote(name));
            found.push(
                error("missing", method, message)
                    .hint("add `addresses = [\"192.0.2.10/24\"]`, or use `dhcp`"),
            );
        }
        (Some(other @ ("dhcp" | "none")), Some(addresses)) => {
            let message = format!("{} has `addresses`, but its `method` is `{other}`", quote(name));
            found.push(
                error("incompatible", addresses, message).hint("use `static`, or remove the addresses"),
            );
        }
        _ => {}
    }
}

fn gateways(interface: &Node, found: &mut Vec<Finding>) {
    let gateways = interface.get("gateway").map(Node::items).unwrap_or_default();
    let addresses = interface.get("addresses").map(Node::items).unwrap_or_default();
    let mut seen = [false; 2];
    for node in gateways {
        let Some(gateway) = node.text().and_then(|text| text.parse::<IpAddr>().ok()) else { continue };
        let family = usize::from(gateway.is_ipv6());
        if std::mem::replace(&mut seen[family], true) {
            let message = "an interface has at most one gateway of each family";
            found.push(error("duplicate", node, message).hint("keep one IPv4 and one IPv6 gateway"));
        }
        let link_local = matches!(gateway, IpAddr::V6(address) if (address.segments()[0] & 0xffc0) == 0xfe80);
        let reached = addresses.iter().filter_map(Node::text).any(|prefix| contains(prefix, gateway));
        if !reached && !link_local {
            let message = "no address of this interface is in the network of its gateway";
            let reason = "the system could not reach the gateway";
            found.push(
                warning("unreachable", node, message)
                    .reason(reason)
                    .hint("check the gateway and the prefix length"),
            );
        }
    }
}

fn contains(prefix: &str, address: IpAddr) -> bool {
    let Some((network, length)) = prefix.split_once('/') else { return false };
    let (Ok(network), Ok(length)) = (network.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    let (a, b, width) = match (network, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(u32::from(a)), u128::from(u32::from(b)), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a), u128::from(b), 128),
        _ => return false,
    };
    length <= width && (a ^ b).checked_shr(width - length).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_addresses() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(contains("192.0.2.10/24", ip("192.0.2.1")));
        assert!(!contains("192.0.2.10/28", ip("192.0.2.17")));
        assert!(contains("2001:db8::5/64", ip("2001:db8::1")));
        assert!(!contains("192.0.2.10/24", ip("::1")));
    }
}
