//! Addresses, interfaces, ports and URLs.

use std::net::IpAddr;

use super::names::hostname;
use super::shape::{characters, describe};
use super::{Fault, Verdict, digits};

/// An IPv4 or IPv6 address.
pub(super) fn address(text: &str) -> Verdict {
    match text.parse::<IpAddr>() {
        Ok(_) => Ok(()),
        Err(_) if text.contains('/') => {
            let hint = "write the address without the prefix length";
            Err(Fault::not_a(text, "IP address").hint(hint))
        }
        Err(_) => Err(Fault::not_a(text, "IP address").hint("for example `192.0.2.1` or `2001:db8::1`")),
    }
}

/// An address with the length of its network prefix.
pub(super) fn prefix(text: &str) -> Verdict {
    let fault = || Fault::not_a(text, "address with prefix length");
    let Some((address, length)) = text.split_once('/') else {
        return Err(fault().reason("the prefix length is missing").hint(format!("for example `{text}/24`")));
    };
    let parsed = address.parse::<IpAddr>().map_err(|_| fault().hint("for example `192.0.2.10/24`"))?;
    let longest = if parsed.is_ipv4() { 32 } else { 128 };
    match digits::<u32>(length) {
        Some(bits) if (1..=longest).contains(&bits) => Ok(()),
        _ => Err(fault().reason(format!("the prefix length is a number from 1 to {longest}"))),
    }
}

/// Name or pattern of an interface.
pub(super) fn interface(text: &str) -> Verdict {
    characters(text, "interface name", "A-Za-z0-9*?", "A-Za-z0-9_.*?-", 15)?;
    if text.contains("..") || text.starts_with('.') {
        return Err(Fault::not_a(text, "interface name").reason("`..` is not allowed in a name"));
    }
    if text.trim_matches(['*', '?']).is_empty() || text == "lo" {
        let reason = "it would configure the loopback interface too";
        let hint = "use `en*` and `eth*` for wired interfaces, `wl*` for wireless ones";
        return Err(Fault::not_a(text, "usable interface name").reason(reason).hint(hint));
    }
    Ok(())
}

/// A port, a range of ports or the name of a service, each with an optional protocol.
pub(super) fn port(text: &str) -> Verdict {
    let fault = || Fault::not_a(text, "port").hint("for example `22/tcp`, `8000-8010/udp` or `https`");
    let ports = match text.split_once('/') {
        Some((ports, "tcp" | "udp" | "sctp")) => ports,
        Some(_) => return Err(fault().reason("the protocol is one of `tcp`, `udp`, `sctp`")),
        None => text,
    };
    if !ports.starts_with(|c: char| c.is_ascii_digit()) {
        return characters(ports, "service name", "a-z", "a-z0-9-", 32).map_err(|_| fault());
    }
    let number = |text: &str| digits::<u16>(text).filter(|&port| port > 0);
    let (low, high) = ports.split_once('-').unwrap_or((ports, ports));
    match (number(low), number(high)) {
        (Some(low), Some(high)) if low <= high => Ok(()),
        _ => Err(fault().reason("ports are numbers from 1 to 65535, ranges ascend")),
    }
}

/// A URL of a server, without credentials.
pub(super) fn url(text: &str, schemes: &[&str]) -> Verdict {
    let fault = || Fault::not_a(text, "usable URL");
    if text.len() > 2048 {
        return Err(fault().reason("it is longer than 2048 bytes"));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(fault()
            .reason("the scheme is missing")
            .hint(format!("it starts with `{}://`", schemes[0])));
    };
    if !schemes.contains(&scheme) {
        let known = schemes.iter().map(|scheme| format!("`{scheme}`")).collect::<Vec<_>>().join(" or ");
        return Err(fault().reason(format!("the scheme must be {known}")).at(0..scheme.len()));
    }
    if let Some((at, c)) = text.char_indices().find(|&(_, c)| !url_character(c)) {
        let reason = format!("a URL must not contain {}", describe(c));
        return Err(fault().reason(reason).at(at..at + c.len_utf8()));
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        let reason = "credentials in a spec would end up in locks, logs and images";
        return Err(fault().reason(reason).hint("remove everything up to and including `@`"));
    }
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(fault().reason("`.` and `..` are not allowed in the path"));
    }
    host_and_port(authority).map_err(|reason| fault().reason(reason))
}

/// The host of a URL: a name or an address.
pub(super) fn host(text: &str) -> Verdict {
    if text.parse::<IpAddr>().is_ok() { Ok(()) } else { hostname(text, 253) }
}

/// The address of a package source: also a directory of the machine that builds.
pub(super) fn source_url(text: &str) -> Verdict {
    match text.strip_prefix("file://") {
        Some(path) => super::paths::absolute(path.strip_suffix('/').unwrap_or(path)),
        None => url(text, &["http", "https", "file"]),
    }
}

fn url_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~:/?#[]@!&()*+,;=%".contains(c)
}

fn host_and_port(authority: &str) -> Result<(), String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, tail) = rest.split_once(']').ok_or("the `[` of the address is not closed")?;
            host.parse::<std::net::Ipv6Addr>()
                .map_err(|_| "the address in brackets is not IPv6".to_owned())?;
            ("", tail.strip_prefix(':'))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let named = authority.starts_with('[') || host.parse::<IpAddr>().is_ok() || hostname(host, 253).is_ok();
    if !named {
        return Err("the host is not a host name or address".to_owned());
    }
    match port {
        Some(port) if digits::<u16>(port).is_none_or(|port| port == 0) => {
            Err("the port is not a number from 1 to 65535".to_owned())
        }
        _ => Ok(()),
    }
}

/// An absolute path, or the address of a backup repository.
pub(super) fn backup_destination(text: &str) -> Verdict {
    if text.starts_with('/') {
        return super::paths::absolute(text);
    }
    if !text.contains(':') {
        let hint =
            "for example `/srv/backup`, `sftp:backup@192.0.2.9:/srv` or `s3:https://s3.example.org/bucket`";
        return Err(Fault::not_a(text, "backup destination").hint(hint));
    }
    characters(text, "backup destination", "a-z", "A-Za-z0-9._~:/@%+-", 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for good in
            ["http://192.0.2.1:8080/debian", "https://deb.example.org/debian/", "http://[2001:db8::1]:80/x"]
        {
            assert_eq!(url(good, &["http", "https"]), Ok(()), "{good}");
        }
        for bad in [
            "ftp://example.org/",
            "http://user:pw@example.org/",
            "http:///x",
            "http://a b/",
            "http://example.org/\nX",
            "http://example.org:0/",
            "http://example.org/../x",
            "http://exa'mple.org/",
            "file:///etc/passwd",
        ] {
            assert!(url(bad, &["http", "https"]).is_err(), "{bad}");
        }
        assert!(url("http://example.org/", &["https"]).is_err());
    }

    #[test]
    fn a_source_may_be_a_directory() {
        for good in ["file:///srv/repo", "file:///srv/repo/", "https://deb.example.org/x"] {
            assert_eq!(source_url(good), Ok(()), "{good}");
        }
        for bad in ["file://host/srv", "file:///srv/../etc", "file:///", "ftp://a/", "http://u@a/"] {
            assert!(source_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_and_ports() {
        assert!(prefix("192.0.2.10/24").is_ok() && prefix("2001:db8::1/64").is_ok());
        for bad in ["192.0.2.10", "192.0.2.10/33", "192.0.2.300/24", "192.0.2.1/+4", "::1/129", "1.2.3.4/0"] {
            assert!(prefix(bad).is_err(), "{bad}");
        }
        assert!(port("22/tcp").is_ok() && port("8000-8010/udp").is_ok() && port("https").is_ok());
        for bad in ["0", "65536", "10-5", "22/xyz", "a b", ""] {
            assert!(port(bad).is_err(), "{bad}");
        }
        assert!(interface("en*").is_ok() && interface("*").is_err() && interface("lo").is_err());
        assert!(interface("../x").is_err());
    }
}
