//! Connections: direct or through a proxy, plain or by TLS.

use std::sync::OnceLock;

use base64::Engine as _;
use ureq::{
    Agent, Proxy,
    config::{Config, ConfigBuilder},
    typestate::AgentScope,
    unversioned::transport::DefaultConnector,
};

use crate::{
    FetchError, FetchOptions, ProxySetting, Reach, http::BUFFER_SIZE, mirrors::host, proxy,
    resolver::Remembering, tls,
};

/// Connections, reused per server. Those for TLS are prepared when they are first needed: most mirrors do without.
#[derive(Debug)]
pub(crate) struct Agents {
    plain: Agent,
    plain_proxy: Option<(Agent, Option<String>)>,
    tls: OnceLock<Agent>,
    tls_proxy: Option<(Proxy, OnceLock<Agent>)>,
    no_proxy: String,
    resolver: Remembering,
    options: FetchOptions,
}

impl Agents {
    pub(crate) fn new(options: &FetchOptions) -> Result<Self, FetchError> {
        let (plain, tls) = match &options.proxy {
            ProxySetting::Direct => (None, None),
            ProxySetting::Url(url) => (Some(url.clone()), Some(url.clone())),
            ProxySetting::Environment => (variable("http_proxy"), variable("https_proxy")),
        };
        let resolver = Remembering::default();
        Ok(Self {
            plain: agent(plain_config(options), &resolver.within(&options.reach)),
            plain_proxy: plain.map(|url| plain_proxy(options, &url, &resolver)).transpose()?,
            tls: OnceLock::new(),
            tls_proxy: tls.map(|url| parse_proxy(&url).map(|proxy| (proxy, OnceLock::new()))).transpose()?,
            no_proxy: match options.proxy {
                ProxySetting::Environment => variable("no_proxy").unwrap_or_default(),
                _ => String::new(),
            },
            resolver,
            options: options.clone(),
        })
    }

    /// The agent for `url` and what it must tell the proxy.
    pub(crate) fn for_url(&self, url: &str) -> (&Agent, Option<&str>) {
        let direct = proxy::is_exempt(&self.no_proxy, host(url));
        match (&self.plain_proxy, &self.tls_proxy) {
            (_, Some((proxy, slot))) if is_tls(url) && !direct => (self.tls_agent(slot, Some(proxy)), None),
            _ if is_tls(url) => (self.tls_agent(&self.tls, None), None),
            (Some((agent, authorization)), _) if !direct => (agent, authorization.as_deref()),
            _ => (&self.plain, None),
        }
    }

    /// The agent for a request to `url` that is no download: plain HTTP is spoken without a proxy then, since the
    /// servers that still speak it are near.
    pub(crate) fn direct(&self, url: &str) -> &Agent {
        if is_tls(url) { self.for_url(url).0 } else { &self.plain }
    }

    fn tls_agent<'a>(&self, slot: &'a OnceLock<Agent>, proxy: Option<&Proxy>) -> &'a Agent {
        // through a proxy, only the proxy's own name is looked up here
        let reach = if proxy.is_some() { &Reach::Everywhere } else { &self.options.reach };
        slot.get_or_init(|| agent(tls_config(&self.options, proxy), &self.resolver.within(reach)))
    }
}

fn config(options: &FetchOptions) -> ConfigBuilder<AgentScope> {
    Config::builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(concat!("lbuild/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(options.connect_timeout))
        .timeout_connect(Some(options.connect_timeout))
        .timeout_recv_response(Some(options.idle_timeout))
        .timeout_per_read(Some(options.idle_timeout))
        .timeout_per_write(Some(options.idle_timeout))
        .max_idle_connections(options.parallel.max(1) * 4)
        .max_idle_connections_per_host(options.parallel.max(1))
        .input_buffer_size(BUFFER_SIZE)
}

fn plain_config(options: &FetchOptions) -> Config {
    config(options).proxy(None).build()
}

fn tls_config(options: &FetchOptions, proxy: Option<&Proxy>) -> Config {
    config(options).proxy(proxy.cloned()).tls_config(tls::config(options.authorities.as_deref())).build()
}

fn agent(config: Config, resolver: &Remembering) -> Agent {
    Agent::with_parts(config, DefaultConnector::default(), resolver.clone())
}

fn parse_proxy(url: &str) -> Result<Proxy, FetchError> {
    Proxy::new(url).map_err(|_| FetchError::InvalidProxy { url: url.to_owned() })
}

/// The agent for plain requests through a proxy, and the value of `Proxy-Authorization`.
fn plain_proxy(
    options: &FetchOptions,
    url: &str,
    resolver: &Remembering,
) -> Result<(Agent, Option<String>), FetchError> {
    let whole = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let parsed = parse_proxy(&whole)?;
    if !has_scheme(&whole, "http") {
        // A proxy that is itself reached by TLS: only tunnels are supported.
        return Ok((agent(tls_config(options, Some(&parsed)), resolver), None));
    }
    let authorization = parsed.username().map(|user| {
        let pair = format!("{user}:{}", parsed.password().unwrap_or_default());
        format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(pair))
    });
    Ok((proxy::agent(plain_config(options), parsed.uri().clone(), resolver.clone()), authorization))
}

/// A proxy variable in lower or upper case, or `all_proxy`.
fn variable(name: &str) -> Option<String> {
    let fallback = if name == "no_proxy" { "no_proxy" } else { "all_proxy" };
    [name, &name.to_uppercase(), fallback, &fallback.to_uppercase()]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

fn is_tls(url: &str) -> bool {
    has_scheme(url, "https")
}

pub(crate) fn is_http(url: &str) -> bool {
    is_tls(url) || has_scheme(url, "http")
}

pub(crate) fn has_scheme(url: &str, scheme: &str) -> bool {
    url.split_once("://").is_some_and(|(found, _)| found.eq_ignore_ascii_case(scheme))
}
