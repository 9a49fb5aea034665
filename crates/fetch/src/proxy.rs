//! Plain HTTP through an HTTP proxy.
//!
//! `ureq` tunnels everything (`CONNECT`), which many proxies allow for port 443 only, and which a caching proxy cannot
//! cache. For `http` URLs the usual way is to send the request to the proxy with the whole URL in its first line: here
//! a connector does that to what `ureq` is about to send.

use ureq::{
    Agent,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{Buffers, ConnectionDetails, Connector, NextTimeout, TcpConnector, Transport},
    },
};

use crate::resolver::Remembering;

/// An agent that sends every request to the proxy at `proxy`.
pub(crate) fn agent(config: Config, proxy: Uri, resolver: Remembering) -> Agent {
    let connector = ().chain(TcpConnector::default()).chain(WholeUrl);
    Agent::with_parts(config, connector, ProxyAddress { proxy, resolver })
}

/// Answers every question with the addresses of the proxy.
#[derive(Debug)]
struct ProxyAddress {
    proxy: Uri,
    resolver: Remembering,
}

impl Resolver for ProxyAddress {
    fn resolve(
        &self,
        _: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        self.resolver.resolve(&self.proxy, config, timeout)
    }
}

/// Wraps connections in [`Rewriting`].
#[derive(Debug)]
struct WholeUrl;

impl<In: Transport> Connector<In> for WholeUrl {
    type Out = Rewriting<In>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let host = details.uri.authority().map_or("", |authority| authority.as_str());
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        Ok(chained.map(|inner| Rewriting { inner, prefix: format!("http://{host}").into_bytes() }))
    }
}

/// A connection on which requests leave with their whole URL.
#[derive(Debug)]
struct Rewriting<In> {
    inner: In,
    prefix: Vec<u8>,
}

impl<In: Transport> Transport for Rewriting<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let amount = insert_prefix(self.inner.buffers().output(), amount, &self.prefix).ok_or(
            // The head of a request does not fit: only an absurdly long URL does that.
            ureq::Error::BadUri("too long for a proxy".to_owned()),
        )?;
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}

/// Turns the request line at the start of `buffer[..amount]` from `GET /path` into `GET http://host/path`. Returns the
/// new amount, or `None` if it does not fit.
fn insert_prefix(buffer: &mut [u8], amount: usize, prefix: &[u8]) -> Option<usize> {
    const METHOD: &[u8] = b"GET ";
    if !buffer[..amount].starts_with(b"GET /") {
        return Some(amount);
    }
    let grown = amount + prefix.len();
    if grown > buffer.len() {
        return None;
    }
    buffer.copy_within(METHOD.len()..amount, METHOD.len() + prefix.len());
    buffer[METHOD.len()..METHOD.len() + prefix.len()].copy_from_slice(prefix);
    Some(grown)
}

/// Whether the list `no_proxy` exempts `host` (with or without a port): entries are separated by commas and match a
/// host or the end of one at a dot; `*` matches everything.
pub(crate) fn is_exempt(no_proxy: &str, host: &str) -> bool {
    let bare = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    no_proxy.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.trim_start_matches("*.").trim_start_matches('.');
        let below = bare.len().checked_sub(entry.len() + 1).is_some_and(|dot| {
            bare.is_char_boundary(dot)
                && bare[dot..].starts_with('.')
                && bare[dot + 1..].eq_ignore_ascii_case(entry)
        });
        entry == "*" || below || entry.eq_ignore_ascii_case(bare) || entry.eq_ignore_ascii_case(host)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_line_gets_the_whole_url() {
        let head = b"GET /debian/x HTTP/1.1\r\nHost: a\r\n\r\n";
        let mut buffer = [0_u8; 100];
        buffer[..head.len()].copy_from_slice(head);
        let amount = insert_prefix(&mut buffer, head.len(), b"http://a:80").unwrap();
        assert_eq!(&buffer[..amount], b"GET http://a:80/debian/x HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(insert_prefix(&mut buffer[..amount], amount, b"x"), Some(amount), "already whole");
        let mut tight = head.to_vec();
        assert_eq!(insert_prefix(&mut tight, head.len(), b"x"), None);
    }

    #[test]
    fn exemptions_match_hosts_and_domains() {
        for (list, host, exempt) in [
            ("localhost,127.0.0.1", "127.0.0.1:8080", true),
            (".example.org", "deb.example.org", true),
            ("example.org", "deb.example.org:80", true),
            ("*.example.org", "deb.example.org", true),
            ("example.org", "notexample.org", false),
            ("*", "anything", true),
            ("", "anything", false),
            ("::1", "[::1]:80", true),
            ("a.very.long.name.example.org", "org", false),
        ] {
            assert_eq!(is_exempt(list, host), exempt, "{list} {host}");
        }
    }
}
