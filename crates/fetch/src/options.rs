//! How to fetch.

use std::{path::PathBuf, time::Duration};

use crate::{Reach, TransferError, mirrors::host};

/// How to fetch.
#[derive(Clone, Debug)]
pub struct FetchOptions {
    /// Use what the store has; name what it lacks instead of fetching it.
    pub offline: bool,
    /// Transfers at the same time.
    pub parallel: usize,
    /// Patience for looking up a name and for making a connection, each.
    pub connect_timeout: Duration,
    /// Patience for the first byte of an answer, and for each further piece.
    pub idle_timeout: Duration,
    /// Patience for one whole transfer.
    pub total_timeout: Duration,
    /// Least bytes per second, on average over [`FetchOptions::rate_window`]. Slower transfers are given up.
    pub min_rate: u64,
    /// Over how long the rate is measured.
    pub rate_window: Duration,
    /// Further rounds over all mirrors after the first one.
    pub retries: u32,
    /// Pause before the second round; doubled before each further one.
    pub backoff: Duration,
    /// Most bytes that a file of unknown size may have.
    pub max_size: u64,
    /// Which proxy to use.
    pub proxy: ProxySetting,
    /// File with the certificate authorities to trust, in PEM; by default `SSL_CERT_FILE` or those of the machine.
    pub authorities: Option<PathBuf>,
    /// Which addresses may be asked.
    pub reach: Reach,
}

/// Which proxy to use for `http` and `https`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProxySetting {
    /// What the variables `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` (in either case) say.
    #[default]
    Environment,
    /// None.
    Direct,
    /// This one, as an URL.
    Url(String),
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            offline: false,
            parallel: 16,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(20),
            total_timeout: Duration::from_hours(1),
            min_rate: 1024,
            rate_window: Duration::from_secs(20),
            retries: 2,
            backoff: Duration::from_millis(500),
            max_size: 4 << 30,
            proxy: ProxySetting::Environment,
            authorities: None,
            reach: Reach::Everywhere,
        }
    }
}

impl FetchOptions {
    /// Refuses a URL that must not be asked for.
    pub(crate) fn check(&self, url: &str) -> Result<(), TransferError> {
        if self.reach.allows_url(url) {
            return Ok(());
        }
        let server = host(url);
        let what = if server.is_empty() { url.split(':').next().unwrap_or_default() } else { server };
        Err(TransferError::Forbidden { host: what.to_owned() })
    }
}
