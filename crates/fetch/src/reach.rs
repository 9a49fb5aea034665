//! Which addresses downloads may go to.
//!
//! Who runs the program on their own machine may fetch what they can reach anyway. A service that fetches what
//! strangers name must not become their hand inside its network: it looks at the URL before anything is sent, and at
//! every address that a name leads to, so that neither a redirect nor a changing name server gets around it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::mirrors::{authority as authority_with_user, host as authority};

/// Which addresses downloads may go to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Every one that this machine reaches, and its own files.
    #[default]
    Everywhere,
    /// Public addresses, on the usual ports of `http` and `https`.
    Public {
        /// URLs of servers and directories that may be used besides: the mirrors that the operator has chosen.
        except: Vec<String>,
    },
}

impl Reach {
    /// Whether a URL may be asked for, as far as it tells by itself.
    pub(crate) fn allows_url(&self, url: &str) -> bool {
        if self.excepts(url) {
            return true;
        }
        let usual_port = match url.split_once("://") {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => "80",
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => "443",
            _ => return false,
        };
        // a name before the host would be sent along, and hides where the URL leads
        if authority_with_user(url).contains('@') {
            return false;
        }
        let (host, port) = split(authority(url));
        port.is_none_or(|port| port == usual_port) && names_no_inside(host)
    }

    /// Whether the operator has chosen what the URL leads to.
    pub(crate) fn excepts(&self, url: &str) -> bool {
        let Self::Public { except } = self else { return true };
        let below = |base: &String| {
            let rest = url.strip_prefix(base.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        except.iter().any(below)
    }

    /// Whether a connection to `address`, which the server in `authority` resolved to, may be made.
    pub(crate) fn allows_address(&self, authority_of_url: &str, address: IpAddr) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Public { except } => {
                is_public(address) || except.iter().any(|base| authority(base) == authority_of_url)
            }
        }
    }
}

/// Host, without the brackets of an address, and port.
fn split(authority: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, rest.strip_prefix(':'));
    }
    authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))
}

/// A public address in its usual form, or a name. `127.1` and `0x7f000001` are neither: resolvers take them for
/// addresses, so a proxy would connect to them.
fn names_no_inside(host: &str) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        return is_public(address);
    }
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let numeric = last.is_empty() || last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    !numeric && !host.ends_with("localhost") && host.contains('.')
}

/// Whether an address is one of the public Internet (IANA's registries of special-purpose addresses, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || matches!((a, b, c), (0 | 240..=255, ..) | (100, 64..=127, _) | (198, 18..=19, _))
        || matches!((a, b, c), (192, 0, 0) | (192, 88, 99));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inside) = address.to_ipv4_mapped() {
        return is_public_v4(inside);
    }
    let parts = address.segments();
    if parts[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    let special = matches!(parts, [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..])
        || matches!(parts, [0x3fff, 0..=0xfff, ..]);
    parts[0] & 0xe000 == 0x2000 && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public() -> Reach {
        Reach::Public {
            except: vec!["http://mirror.corp:3142/debian".to_owned(), "file:///srv/m".to_owned()],
        }
    }

    #[test]
    fn t27_urls_that_lead_inside_are_refused_before_anything_is_sent() {
        for url in [
            "http://127.0.0.1/x",
            "http://127.1/x",
            "http://0x7f000001/x",
            "http://2130706433/x",
            "http://[::1]/x",
            "http://[::ffff:10.0.0.1]/x",
            "http://[64:ff9b::a00:1]/x",
            "http://100.64.0.1/x",
            "http://169.254.169.254/latest/meta-data",
            "http://localhost/x",
            "http://a.localhost/x",
            "http://metadata/x",
            "http://example.org:8080/x",
            "https://example.org:80/x",
            "file:///etc/passwd",
            "copy:/etc/passwd",
            "gopher://example.org/x",
            "file:///srv/mine",
            "http://mirror.corp:3142/debianx",
            "https://user@example.org/x",
            "https://example.org@10.0.0.1/x",
        ] {
            assert!(!public().allows_url(url), "{url}");
            assert!(Reach::Everywhere.allows_url(url), "{url}");
        }
        for url in [
            "http://deb.example.org/debian",
            "https://deb.example.org:443/debian",
            "http://[2606:4700::1]/x",
            "http://8.8.8.8/x",
            "http://mirror.corp:3142/debian/dists",
            "file:///srv/m/dists",
        ] {
            assert!(public().allows_url(url), "{url}");
        }
    }

    #[test]
    fn t27_names_that_lead_inside_are_refused_before_connecting() {
        let allowed =
            |server: &str, address: &str| public().allows_address(server, address.parse().expect("one"));
        for address in [
            "10.0.0.1",
            "172.16.9.9",
            "192.168.1.1",
            "127.0.0.53",
            "0.0.0.0",
            "169.254.0.1",
            "100.100.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
        ] {
            assert!(!allowed("evil.example.org", address), "{address}");
            assert!(allowed("mirror.corp:3142", address), "{address}");
        }
        for address in ["1.1.1.1", "2606:4700::1111", "64:ff9b::808:808", "172.32.0.1", "100.128.0.1"] {
            assert!(allowed("deb.example.org", address), "{address}");
        }
    }
}
