//! Addresses, routes and name servers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The network of the finished system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// The service that configures interfaces. Default: what is installed.
    pub manager: Option<NetworkManager>,
    /// Interfaces. Default: DHCP on every wired one.
    #[serde(default)]
    #[schemars(extend("x-key" = "name", "maxItems" = 256))]
    pub interfaces: Vec<Interface>,
    /// Name servers for the whole system.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "ip-address"}, "maxItems" = 16))]
    pub dns: Vec<String>,
    /// Domains that are tried for short host names.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "domain"}, "maxItems" = 16))]
    pub search: Vec<String>,
}

/// The service that configures interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NetworkManager {
    /// systemd-networkd.
    Networkd,
    /// ifupdown and `/etc/network/interfaces`.
    Ifupdown,
    /// `NetworkManager`.
    Networkmanager,
    /// Leave the network alone.
    None,
}

/// One interface, or all that match a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    /// Name or shell pattern of the interface, for example `eth0` or `en*`.
    #[schemars(extend("format" = "interface"))]
    pub name: String,
    /// How it gets its address. Default: `static` when `addresses` is given, else `dhcp`.
    pub method: Option<Method>,
    /// Static addresses with prefix length, for example `192.0.2.10/24`.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "ip-prefix"}, "maxItems" = 64))]
    pub addresses: Vec<String>,
    /// Default gateway of each family, at most one IPv4 and one IPv6 address.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "ip-address"}, "maxItems" = 2))]
    pub gateway: Vec<String>,
    /// Name servers of this interface.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "format": "ip-address"}, "maxItems" = 16))]
    pub dns: Vec<String>,
    /// Largest packet in bytes.
    #[schemars(range(min = 576, max = 65536))]
    pub mtu: Option<u32>,
}

/// How an interface gets its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// DHCP, and router advertisements for IPv6.
    Dhcp,
    /// The addresses in `addresses`.
    Static,
    /// Not configured.
    None,
}
