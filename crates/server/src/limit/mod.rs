//! What one caller may use of the service, so that the others have theirs.
//!
//! | module | purpose |
//! |---|---|
//! | [`bucket`] | so many requests in a while, for each of many callers |
//! | [`address`] | what counts as one address |
//! | [`proxy`] | whose word counts for where a request comes from |
//! | [`layer`] | every request: whose it is, and whether it is one too many |
//! | [`mod@streams`] | live streams of one key at the same time |

pub mod address;
pub mod bucket;
pub mod layer;
pub mod proxy;
pub mod streams;

use std::sync::Arc;
use std::time::{Duration, Instant};

use lbuild_db::tenant::Tier;

use crate::auth::caller::Caller;
use crate::problem::Problem;
use address::Address;
use bucket::{Buckets, Quota, Standing};
use proxy::Proxies;
use streams::Streams;

/// The limits of a service.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests of one key, by the tier of its tenant.
    pub requests: fn(Tier) -> Quota,
    /// Live streams of one key at the same time, by the tier of its tenant.
    pub streams: fn(Tier) -> usize,
    /// Requests of one address that come without a valid key.
    pub address: Quota,
    /// Keys that are not valid, from one address.
    pub failures: Quota,
    /// Connections at the same time. One address has half of them at most.
    pub connections: usize,
    /// How long a client may take for the header of a request, and between two requests.
    pub header: Duration,
    /// How long a client may take for a body.
    pub body: Duration,
    /// How slowly a client may read.
    pub pace: Pace,
    /// Proxies that say whom a request is for.
    pub proxies: Proxies,
}

/// How slowly a client may read: at least so many bytes in so much time that it is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Bytes.
    pub least: usize,
    /// Time that is spent waiting.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let minute = |requests| Quota { requests, window: Duration::from_mins(1) };
        Self {
            requests: |tier| Quota { requests: requests(tier), window: Duration::from_mins(1) },
            streams,
            address: minute(300),
            failures: minute(20),
            connections: 8192,
            header: Duration::from_secs(15),
            body: Duration::from_secs(30),
            pace: Pace { least: 32 << 10, patience: Duration::from_secs(30) },
            proxies: Proxies::default(),
        }
    }
}

/// Requests of one key in a minute.
fn requests(tier: Tier) -> u32 {
    match tier {
        Tier::Free => 300,
        Tier::Basic => 1200,
        Tier::Pro => 6000,
        Tier::Enterprise => 60_000,
    }
}

/// Live streams of one key at the same time.
fn streams(tier: Tier) -> usize {
    match tier {
        Tier::Free => 20,
        Tier::Basic => 100,
        Tier::Pro => 500,
        Tier::Enterprise => 5000,
    }
}

/// Who has used how much.
pub struct Meter {
    limits: Limits,
    keys: Buckets<String>,
    addresses: Buckets<Address>,
    failures: Buckets<Address>,
    streams: Arc<Streams>,
}

impl Meter {
    /// Nobody has used anything.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            keys: Buckets::new("key"),
            addresses: Buckets::new("address"),
            failures: Buckets::new("sign-in"),
            streams: Arc::default(),
        }
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Counts a request of a key.
    pub fn of_key(&self, caller: &Caller) -> Standing {
        self.keys.charge(caller.key.clone(), (self.limits.requests)(caller.tier), Instant::now())
    }

    /// Counts a request that came without a valid key.
    pub fn of_address(&self, address: Address) -> Standing {
        self.addresses.charge(address, self.limits.address, Instant::now())
    }

    /// Counts a key that is not valid.
    pub fn failed(&self, address: Address) {
        self.failures.charge(address, self.limits.failures, Instant::now());
    }

    /// Whether an address may try another key; where it stands, when not.
    pub fn barred(&self, address: Address) -> Option<Standing> {
        let standing = self.failures.look(&address, self.limits.failures, Instant::now());
        standing.wait.is_some().then_some(standing)
    }

    /// Counts a live stream of a key for as long as what is returned lives.
    pub fn stream(&self, caller: &Caller) -> Result<streams::Open, Problem> {
        let most = (self.limits.streams)(caller.tier);
        Streams::open(&self.streams, &caller.key, most).ok_or_else(|| {
            Problem::too_many(format!("a key of this tier has {most} live streams at the same time"), None)
        })
    }
}
