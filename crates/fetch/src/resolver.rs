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

/// How long an answer is good: short enough for mirrors that move their names around.
const LIFETIME: Duration = Duration::from_mins(1);

/// A resolver that remembers its answers. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembering {
    inner: Arc<Inner>,
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
            return Ok(addresses.clone());
        }
        let addresses = self.inner.resolver.resolve(uri, config, timeout)?;
        *answer = Some((Instant::now(), addresses.clone()));
        Ok(addresses)
    }
}
