//! What counts as one address: of IPv6 the network that one customer has, since it has more addresses than can be
//! counted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bits of an IPv6 address that belong to the network.
const NETWORK: u32 = 64;

/// Where requests come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address(IpAddr);

impl Address {
    /// What this address counts as; all that are not known count as one.
    pub fn of(peer: Option<IpAddr>) -> Self {
        Self(match peer.map(|address| address.to_canonical()) {
            None => Ipv4Addr::UNSPECIFIED.into(),
            Some(IpAddr::V4(address)) => address.into(),
            Some(IpAddr::V6(address)) => {
                Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - NETWORK))).into()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let of = |text: &str| Address::of(text.parse().ok());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
