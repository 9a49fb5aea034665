//! One HTTP exchange: request with range and validators, redirects, errors sorted by their cause.

use std::io::{self, Read};

use ureq::{
    AsSendBody, Body, BodyReader, Timeout,
    http::{Request, Response, header},
};

use crate::{
    FetchError, FetchOptions, TransferError,
    agents::{Agents, is_http},
    mirrors::host,
    resolver::Inside,
};

/// Redirects that are followed: mirrors' redirectors need one or two.
const MAX_REDIRECTS: usize = 5;

/// Input buffer of a connection, and so the largest piece that is handed on.
pub(crate) const BUFFER_SIZE: usize = 128 * 1024;

/// What is asked of a server.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ask<'a> {
    /// First byte wanted.
    pub(crate) from: u64,
    /// Only continue if this validator still holds; else send everything.
    pub(crate) if_range: Option<&'a str>,
    /// Do not send what has this `ETag`.
    pub(crate) if_none_match: Option<&'a str>,
    /// Do not send what was not modified since.
    pub(crate) if_modified_since: Option<&'a str>,
}

/// The answer: what the headers say, and the body still to be read.
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Length of the body that follows, if announced.
    pub(crate) length: Option<u64>,
    /// First byte of a partial answer.
    pub(crate) starts_at: Option<u64>,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    body: BodyReader<'static>,
    host: String,
}

/// Speaks HTTP with any server.
#[derive(Debug)]
pub(crate) struct Client {
    agents: Agents,
    options: FetchOptions,
}

impl Client {
    pub(crate) fn new(options: &FetchOptions) -> Result<Self, FetchError> {
        Ok(Self { agents: Agents::new(options)?, options: options.clone() })
    }

    /// Sends one request and reads the head of the answer, following redirects.
    pub(crate) fn get(&self, url: &str, ask: Ask<'_>) -> Result<Answer, TransferError> {
        if !is_http(url) {
            return Err(TransferError::Unsupported { url: url.to_owned() });
        }
        let mut url = url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            self.options.check(&url)?;
            let response = self.send(&url, ask).map_err(|error| self.classify(error, host(&url)))?;
            let code = response.status().as_u16();
            let location = text(&response, &header::LOCATION);
            match location.filter(|_| matches!(code, 301 | 302 | 303 | 307 | 308)) {
                Some(location) => url = join(&url, &location)?,
                None => return Ok(Answer::new(response, host(&url))),
            }
        }
        Err(TransferError::Protocol {
            host: host(&url).to_owned(),
            source: Box::new(ureq::Error::TooManyRedirects),
        })
    }

    /// Refuses a URL that must not be asked for.
    pub(crate) fn check(&self, url: &str) -> Result<(), TransferError> {
        self.options.check(url)
    }

    /// Sends one message; the status, and what `Retry-After` says. The body of the answer is not read.
    pub(crate) fn post(
        &self,
        url: &str,
        headers: &[(&str, String)],
        body: &[u8],
    ) -> Result<(u16, Option<String>), TransferError> {
        self.check(url)?;
        let (agent, authorization) = self.agents.for_url(url);
        let limit = self.options.total_timeout;
        let mut request = agent.post(url).config().timeout_global(Some(limit)).build();
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(authorization) = authorization {
            request = request.header(header::PROXY_AUTHORIZATION, authorization);
        }
        let response = request.send(body).map_err(|error| self.classify(error, host(url)))?;
        Ok((response.status().as_u16(), text(&response, &header::RETRY_AFTER)))
    }

    fn send(&self, url: &str, ask: Ask<'_>) -> Result<Response<Body>, ureq::Error> {
        let (agent, authorization) = self.agents.for_url(url);
        let mut request = agent.get(url);
        if ask.from > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", ask.from));
        }
        let headers = [
            (header::IF_RANGE, ask.if_range.filter(|_| ask.from > 0)),
            (header::IF_NONE_MATCH, ask.if_none_match),
            (header::IF_MODIFIED_SINCE, ask.if_modified_since),
            (header::PROXY_AUTHORIZATION, authorization),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        request.call()
    }

    /// Sends a request that changes something, and reads the head of the answer. Redirects are not followed; where it
    /// goes has been checked.
    pub(crate) fn run(
        &self,
        request: Request<impl AsSendBody>,
        url: &str,
    ) -> Result<Response<Body>, TransferError> {
        self.agents.direct(url).run(request).map_err(|error| self.classify(error, host(url)))
    }

    fn classify(&self, error: ureq::Error, host: &str) -> TransferError {
        let options = &self.options;
        let host = host.to_owned();
        match error {
            ureq::Error::HostNotFound => TransferError::Resolve { host },
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                TransferError::Timeout { what: "connection", limit: options.connect_timeout }
            }
            ureq::Error::Timeout(_) => TransferError::Timeout { what: "answer", limit: options.idle_timeout },
            // The only trace of a failed look-up that the standard library leaves.
            ureq::Error::Io(error) if error.to_string().starts_with("failed to lookup address") => {
                TransferError::Resolve { host }
            }
            ureq::Error::Other(inner) if inner.is::<Inside>() => TransferError::Forbidden { host },
            error if is_distrust(&error) => TransferError::Untrusted { host, source: Box::new(error) },
            ureq::Error::Io(source) if is_connect_failure(&source) => TransferError::Down { host, source },
            ureq::Error::Io(source) => TransferError::Broken { host, source },
            error => TransferError::Protocol { host, source: Box::new(error) },
        }
    }

    /// Reads the next piece of a body into `buffer`; 0 at its end.
    pub(crate) fn read(&self, answer: &mut Answer, buffer: &mut [u8]) -> Result<usize, TransferError> {
        loop {
            match answer.body.read(buffer) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(match ureq::Error::from(error) {
                        ureq::Error::Timeout(_) => {
                            TransferError::Timeout { what: "further data", limit: self.options.idle_timeout }
                        }
                        error => self.classify(error, &answer.host),
                    });
                }
            }
        }
    }
}

impl Answer {
    fn new(response: Response<Body>, host: &str) -> Self {
        let header = |name| text(&response, &name);
        let (status, etag, last_modified) =
            (response.status().as_u16(), header(header::ETAG), header(header::LAST_MODIFIED));
        let starts_at = header(header::CONTENT_RANGE).and_then(|range| range_start(&range));
        let body = response.into_body();
        let length = body.content_length();
        Self {
            status,
            length,
            starts_at,
            etag,
            last_modified,
            body: body.into_reader(),
            host: host.to_owned(),
        }
    }
}

/// Whether TLS failed because of the server's certificate.
fn is_distrust(error: &ureq::Error) -> bool {
    let inner = match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()),
        _ => None,
    };
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}

fn is_connect_failure(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable
    )
}

fn text(response: &Response<Body>, name: &header::HeaderName) -> Option<String> {
    response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The first byte in a `Content-Range` header.
fn range_start(value: &str) -> Option<u64> {
    value.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

/// Where a redirect leads. Never out of HTTP.
pub(crate) fn join(base: &str, location: &str) -> Result<String, TransferError> {
    let unsupported = || TransferError::Unsupported { url: location.to_owned() };
    let (scheme, rest) = base.split_once("://").ok_or_else(unsupported)?;
    let absolute = location.split_once("://").is_some_and(|(scheme, _)| {
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    if absolute {
        return if is_http(location) { Ok(location.to_owned()) } else { Err(unsupported()) };
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some(other) = location.strip_prefix("//") {
        return Ok(format!("{scheme}://{other}"));
    }
    if location.starts_with('/') {
        return Ok(format!("{scheme}://{authority}{location}"));
    }
    let path = rest[authority.len()..].split(['?', '#']).next().unwrap_or_default();
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    Ok(format!("{scheme}://{authority}{dir}/{location}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_joined() {
        for (location, expected) in [
            ("http://b/x", "http://b/x"),
            ("HTTPS://b/x", "HTTPS://b/x"),
            ("//b/x", "http://b/x"),
            ("/x", "http://a:80/x"),
            ("y", "http://a:80/dir/y"),
            ("/to?url=http://b/x", "http://a:80/to?url=http://b/x"),
        ] {
            assert_eq!(join("http://a:80/dir/file?q", location).unwrap(), expected, "{location}");
        }
        for location in ["file:///etc/passwd", "gopher://b/x"] {
            assert!(
                matches!(join("http://a/x", location), Err(TransferError::Unsupported { .. })),
                "{location}"
            );
        }
    }

    #[test]
    fn content_ranges_are_read() {
        assert_eq!(range_start("bytes 10-19/20"), Some(10));
        assert_eq!(range_start("bytes 10-19/*"), Some(10));
        assert_eq!(range_start("bytes */20"), None);
        assert_eq!(range_start("lines 1-2/3"), None);
    }
}
