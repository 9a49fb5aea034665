//! Reverse proxies: whose word counts for where a request comes from.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// Where proxies say whom they ask for, the nearest last.
const FORWARDED: &str = "x-forwarded-for";

/// The addresses of proxies that are believed.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Vec<Network>);

/// An address, or a network such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// Why a text is no network.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is neither an address nor a network such as `10.0.0.0/8`")]
pub struct NetworkError(String);

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let network = text.parse::<IpNet>().ok();
        let network = network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        network.map(Self).ok_or_else(|| NetworkError(text.to_owned()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromIterator<Network> for Proxies {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

impl Proxies {
    /// Whether this is the address of a proxy that is believed.
    pub fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.0.contains(&address))
    }

    /// Who is at the other end: the nearest one that is no proxy of ours. Whatever stands before that in the header,
    /// anybody may have written.
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        if !self.trust(peer.ip()) {
            return peer;
        }
        let lines = headers.get_all(FORWARDED).iter().map(|line| line.to_str().unwrap_or_default());
        let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
        let mut client = peer;
        for hop in hops.into_iter().rev() {
            let Some(address) = address_of(hop) else { break };
            client = SocketAddr::new(address, 0);
            if !self.trust(address) {
                break;
            }
        }
        client
    }
}

/// The address in one hop; some proxies write a port behind it.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().ok();
    address.or_else(|| hop.parse().ok().map(|address: SocketAddr| address.ip()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(peer: &str, lines: &[&str]) -> String {
        let networks = ["10.0.0.0/8", "fd00::/8", "192.0.2.7"];
        let proxies: Proxies =
            networks.iter().map(|text| text.parse::<Network>().expect("a network")).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED, HeaderValue::from_bytes(line.as_bytes()).expect("a header"));
        }
        proxies.client(SocketAddr::new(peer.parse().expect("an address"), 9), &headers).ip().to_string()
    }

    #[test]
    fn only_proxies_of_ours_are_believed() {
        let cases: &[(&str, &[&str], &str)] = &[
            ("198.51.100.1", &["203.0.113.9"], "198.51.100.1"),
            ("10.1.2.3", &["203.0.113.9"], "203.0.113.9"),
            ("::ffff:10.1.2.3", &["203.0.113.9"], "203.0.113.9"),
            ("192.0.2.7", &["203.0.113.9"], "203.0.113.9"),
            ("192.0.2.8", &["203.0.113.9"], "192.0.2.8"),
            ("10.1.2.3", &[], "10.1.2.3"),
            // what the client wrote itself stands before what the proxy added
            ("10.1.2.3", &["127.0.0.1, 203.0.113.9"], "203.0.113.9"),
            ("10.1.2.3", &["127.0.0.1", "203.0.113.9"], "203.0.113.9"),
            ("10.1.2.3", &["203.0.113.9, fd00::2, 10.9.9.9"], "203.0.113.9"),
            ("10.1.2.3", &["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
            ("10.1.2.3", &["203.0.113.9:4711"], "203.0.113.9"),
            ("10.1.2.3", &["[2001:db8::1]:4711, [fd00::9]"], "2001:db8::1"),
            // what cannot be read ends it: the last proxy that can be named is who asks
            ("10.1.2.3", &["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.1.2.3", &["203.0.113.9, "], "10.1.2.3"),
            ("10.1.2.3", &["é"], "10.1.2.3"),
        ];
        for (peer, lines, expected) in cases {
            assert_eq!(client(peer, lines), *expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn networks_are_read_or_refused() {
        for (text, shown) in [("10.0.0.0/8", "10.0.0.0/8"), ("::1", "::1/128"), ("192.0.2.7", "192.0.2.7/32")]
        {
            assert_eq!(text.parse::<Network>().expect("a network").to_string(), shown);
        }
        for text in ["", "10.0.0.0/33", "example.org", "10.0.0", "10.0.0.0/8/8", "*"] {
            text.parse::<Network>().expect_err(text);
        }
    }
}
