//! So many requests in a while, for each of many callers.
//!
//! Each has a bucket that is full at first and fills up evenly (the generic cell rate algorithm of ITU-T I.371): what
//! is kept is the one time at which it will be full again. Time comes as an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Callers that are remembered at most. Whoever has a full bucket need not be.
const MOST: usize = 100_000;

/// How much there is for one caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests.
    pub requests: u32,
    /// The time in which an empty bucket becomes full.
    pub window: Duration,
}

impl Quota {
    /// The time in which one request comes back.
    fn each(&self) -> Duration {
        (self.window / self.requests.max(1)).max(Duration::from_nanos(1))
    }
}

/// Where a caller stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Name of the limit.
    pub policy: &'static str,
    /// What there is.
    pub quota: Quota,
    /// Requests that are left.
    pub remaining: u32,
    /// Time until all are there again.
    pub reset: Duration,
    /// Time until the next request is taken, when this one was not.
    pub wait: Option<Duration>,
}

/// The buckets of one limit.
pub struct Buckets<K> {
    policy: &'static str,
    full_at: Mutex<HashMap<K, Instant>>,
}

impl<K: Eq + Hash> Buckets<K> {
    /// Full buckets.
    pub fn new(policy: &'static str) -> Self {
        Self { policy, full_at: Mutex::default() }
    }

    /// Takes one request out of a bucket, unless it is empty.
    pub fn charge(&self, caller: K, quota: Quota, now: Instant) -> Standing {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = self.standing(quota, missing(full_at.get(&caller), now));
        if standing.wait.is_some() {
            return standing;
        }
        make_room(&mut full_at, now);
        let fills = standing.reset + quota.each();
        full_at.insert(caller, now + fills);
        Standing { wait: None, ..self.standing(quota, fills) }
    }

    /// Where a caller stands, with nothing taken: it waits when the bucket is empty.
    pub fn look(&self, caller: &K, quota: Quota, now: Instant) -> Standing {
        let full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        self.standing(quota, missing(full_at.get(caller), now))
    }

    fn standing(&self, quota: Quota, fills: Duration) -> Standing {
        let left = quota.window.saturating_sub(fills).as_nanos() / quota.each().as_nanos();
        let remaining = u32::try_from(left).unwrap_or(u32::MAX).min(quota.requests);
        let wait = (fills + quota.each()).checked_sub(quota.window).filter(|wait| !wait.is_zero());
        Standing { policy: self.policy, quota, remaining, reset: fills, wait }
    }
}

/// Whole seconds, rounded up.
pub fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

/// Time until a bucket is full.
fn missing(full_at: Option<&Instant>, now: Instant) -> Duration {
    full_at.map_or(Duration::ZERO, |full_at| full_at.saturating_duration_since(now))
}

fn make_room<K: Eq + Hash>(full_at: &mut HashMap<K, Instant>, now: Instant) {
    if full_at.len() < MOST {
        return;
    }
    full_at.retain(|_, full_at| *full_at > now);
    // whoever has so many addresses is not held by a limit for each; memory comes first
    if full_at.len() > MOST / 2 {
        full_at.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Buckets, MOST, Quota};

    const QUOTA: Quota = Quota { requests: 6, window: Duration::from_mins(1) };

    #[test]
    fn a_bucket_empties_and_fills_evenly() {
        let (buckets, begin) = (Buckets::new("test"), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        for left in (0..6).rev() {
            let standing = buckets.charge("a", QUOTA, begin);
            assert_eq!((standing.remaining, standing.wait), (left, None));
        }
        let refused = buckets.charge("a", QUOTA, at(3));
        assert_eq!((refused.remaining, refused.wait), (0, Some(Duration::from_secs(7))));
        assert_eq!(refused.reset, Duration::from_secs(57));
        assert_eq!(buckets.look(&"a", QUOTA, at(3)), refused, "looking says the same and takes nothing");
        assert_eq!(buckets.charge("a", QUOTA, at(10)).wait, None);
        assert!(buckets.charge("a", QUOTA, at(10)).wait.is_some());
        assert_eq!(buckets.charge("b", QUOTA, at(10)).remaining, 5, "each has its own");
        assert_eq!(buckets.charge("a", QUOTA, at(1000)).remaining, 5, "it is full again, and not fuller");
    }

    #[test]
    fn callers_beyond_number_take_no_memory_beyond_number() {
        let (buckets, now) = (Buckets::new("test"), Instant::now());
        for n in 0..3 * MOST {
            buckets.charge(n, QUOTA, now);
        }
        assert!(buckets.full_at.lock().expect("the buckets").len() <= MOST);
    }
}
