//! Name look-ups that are remembered for a while.
//!
//! `ureq` looks the name up for every request, also where it then uses an open connection. With hundreds of small files
//! that is hundreds of queries, and each lost one costs five seconds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ureq::{
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

use crate::Reach;

/// How long an answer is good: short enough for mirrors that move their names around.
const LIFETIME: Duration = Duration::from_mins(1);

/// A resolver that remembers its answers. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembering {
    inner: Arc<Inner>,
    /// Addresses that connections may be made to.
    reach: Reach,
}

/// Every address of a server is one that connections may not be made to.
#[derive(Debug, thiserror::Error)]
#[error("no address of the server may be used")]
pub(crate) struct Inside;

impl Remembering {
    /// The same answers, of which only some may be used.
    pub(crate) fn within(&self, reach: &Reach) -> Self {
        Self { inner: Arc::clone(&self.inner), reach: reach.clone() }
    }

    fn usable(&self, uri: &Uri, addresses: &ResolvedSocketAddrs) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let server = uri.authority().map_or("", |authority| authority.as_str());
        let mut usable = addresses.clone();
        usable.truncate(0);
        for address in addresses.iter().filter(|address| self.reach.allows_address(server, address.ip())) {
            usable.push(*address);
        }
        if usable.is_empty() { Err(ureq::Error::Other(Box::new(Inside))) } else { Ok(usable) }
    }
}

#[derive(Debug, Default)]
struct Inner {
    resolver: DefaultResolver,
    answers: Mutex<HashMap<String, Arc<Slot>>>,
}

/// The answer for one server. Locked while it is looked up, so that several threads ask once.
type Slot = Mutex<Option<(Instant, ResolvedSocketAddrs)>>;

impl Resolver for Remembering {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let server = format!(
            "{}://{}",
            uri.scheme_str().unwrap_or_default(),
            uri.authority().map_or("", |a| a.as_str())
        );
        let slot = {
            let mut answers = self.inner.answers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry(server).or_default())
        };
        let mut answer = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, addresses)) = &*answer
            && since.elapsed() < LIFETIME
        {
            return self.usable(uri, addresses);
        }
        let addresses = self.inner.resolver.resolve(uri, config, timeout)?;
        *answer = Some((Instant::now(), addresses.clone()));
        self.usable(uri, &addresses)
    }
}

#[cfg(test)]
mod tests {
    use ureq::{Timeout, unversioned::transport::time};

    use super::*;

    #[test]
    fn t27_answers_that_lead_inside_are_not_given() {
        let resolver = Remembering::default();
        let uri: Uri = "http://127.0.0.1:80/x".parse().unwrap();
        let ask = |resolver: &Remembering| {
            let timeout = NextTimeout {
                after: time::Duration::NotHappening,
                reason: Timeout::Global,
                per_read: None,
                per_write: None,
            };
            resolver.resolve(&uri, &Config::default(), timeout)
        };
        assert_eq!(ask(&resolver).unwrap().len(), 1);
        let public = resolver.within(&Reach::Public { except: Vec::new() });
        // also when the answer is one that is remembered
        for _ in 0..2 {
            assert!(matches!(ask(&public), Err(ureq::Error::Other(error)) if error.is::<Inside>()));
        }
    }
}
