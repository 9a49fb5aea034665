//! Interfaces and name servers, for whichever service configures them in the finished system.

mod dhcpcd;
mod ifupdown;
mod manager;
mod networkd;

use std::net::IpAddr;

use lbuild_spec::Blueprint;
use lbuild_spec::model::{Interface, Method, NetworkManager, Priority};

use super::{Concern, Facts};

/// Patterns of wired interfaces, by systemd's names and by the kernel's.
const WIRED: [&str; 2] = ["en*", "eth*"];

/// The service that configures interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backend {
    Networkd,
    Ifupdown,
    Dhcpcd,
    NetworkManager,
}

pub(super) fn concern(facts: &Facts<'_>) -> Concern {
    let mut concern = Concern::new("network");
    match backend(facts) {
        Some(Backend::Networkd) => networkd::configure(&mut concern, facts),
        Some(Backend::Ifupdown) => ifupdown::configure(&mut concern, facts),
        Some(Backend::Dhcpcd) => dhcpcd::configure(&mut concern, facts),
        Some(Backend::NetworkManager) => manager::configure(&mut concern, facts),
        None => {}
    }
    concern
}

/// What the spec says, else what is installed. `systemd-networkd` alone cannot write `resolv.conf`, so without
/// `systemd-resolved` the others come first.
fn backend(facts: &Facts<'_>) -> Option<Backend> {
    let network = &facts.blueprint.network;
    match network.manager {
        Some(NetworkManager::Networkd) => return Some(Backend::Networkd),
        Some(NetworkManager::Ifupdown) => return Some(Backend::Ifupdown),
        Some(NetworkManager::Networkmanager) => return Some(Backend::NetworkManager),
        Some(NetworkManager::None) => return None,
        None => {}
    }
    let literal =
        !network.interfaces.is_empty() && network.interfaces.iter().all(|one| !is_pattern(&one.name));
    let dynamic = network.interfaces.iter().all(|interface| method(interface) == Method::Dhcp);
    let systemd = facts.has("systemd");
    if facts.has("network-manager") {
        Some(Backend::NetworkManager)
    } else if systemd && facts.has("systemd-resolved") {
        Some(Backend::Networkd)
    } else if literal && facts.has("ifupdown") {
        Some(Backend::Ifupdown)
    } else if dynamic && systemd && facts.has("dhcpcd-base") {
        Some(Backend::Dhcpcd)
    } else {
        (systemd && facts.blueprint.sets("/network")).then_some(Backend::Networkd)
    }
}

/// Packages that the network of a spec needs.
pub(super) fn packages(blueprint: &Blueprint) -> Vec<(&'static str, &'static str)> {
    let network = &blueprint.network;
    let names: &[&str] = match network.manager {
        _ if !blueprint.sets("/network") => &[],
        Some(NetworkManager::Ifupdown) => &["ifupdown", "dhcpcd-base"],
        Some(NetworkManager::Networkmanager) => &["network-manager"],
        Some(NetworkManager::None) => &[],
        // From this priority on ifupdown and a DHCP client are there, which serve everything but static patterns.
        None if blueprint.repositories.priority >= Priority::Important && !static_pattern(blueprint) => &[],
        Some(NetworkManager::Networkd) | None => &["systemd-resolved"],
    };
    names.iter().map(|name| (*name, "/network")).collect()
}

fn static_pattern(blueprint: &Blueprint) -> bool {
    let interfaces = &blueprint.network.interfaces;
    let pattern = interfaces.iter().any(|interface| is_pattern(&interface.name));
    pattern && interfaces.iter().any(|interface| method(interface) != Method::Dhcp)
}

fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
}

fn method(interface: &Interface) -> Method {
    let usual = if interface.addresses.is_empty() { Method::Dhcp } else { Method::Static };
    interface.method.unwrap_or(usual)
}

fn is_v6(address: &str) -> bool {
    let host = address.split('/').next().unwrap_or(address);
    host.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6())
}

/// Writes `/etc/resolv.conf` for systems where no service does.
fn static_resolver(concern: &mut Concern, facts: &Facts<'_>) {
    let network = &facts.blueprint.network;
    let interfaces = network.interfaces.iter().flat_map(|interface| &interface.dns);
    let servers: Vec<&String> = network.dns.iter().chain(interfaces).collect();
    if servers.is_empty() {
        return;
    }
    let mut text = String::new();
    if !network.search.is_empty() {
        text = format!("search {}\n", network.search.join(" "));
    }
    for server in servers {
        text = text + "nameserver " + server + "\n";
    }
    concern.file("/etc/resolv.conf", &text);
}
