//! Notices transfers that are too slow to wait for.

use std::time::{Duration, Instant};

use crate::{FetchOptions, TransferError};

/// Watches one transfer.
pub(crate) struct Pace {
    started: Instant,
    window_started: Instant,
    window_bytes: u64,
    min_rate: u64,
    window: Duration,
    total: Duration,
}

impl Pace {
    pub(crate) fn new(options: &FetchOptions, now: Instant) -> Self {
        Self {
            started: now,
            window_started: now,
            window_bytes: 0,
            min_rate: options.min_rate,
            window: options.rate_window,
            total: options.total_timeout,
        }
    }

    /// Counts `bytes` that arrived by `now`.
    pub(crate) fn received(&mut self, bytes: u64, now: Instant) -> Result<(), TransferError> {
        self.window_bytes += bytes;
        let passed = now.duration_since(self.window_started);
        if passed >= self.window {
            let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).max(1);
            let rate = self.window_bytes.saturating_mul(1000) / millis;
            if rate < self.min_rate {
                return Err(TransferError::Slow { rate, minimum: self.min_rate });
            }
            self.window_started = now;
            self.window_bytes = 0;
        }
        if now.duration_since(self.started) > self.total {
            return Err(TransferError::Timeout { what: "complete file", limit: self.total });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> FetchOptions {
        let seconds = Duration::from_secs;
        FetchOptions {
            min_rate: 100,
            rate_window: seconds(10),
            total_timeout: seconds(100),
            ..FetchOptions::default()
        }
    }

    #[test]
    fn a_trickle_is_slow_after_one_window() {
        let start = Instant::now();
        let mut pace = Pace::new(&options(), start);
        for second in 1..10 {
            pace.received(1, start + Duration::from_secs(second)).unwrap();
        }
        let error = pace.received(1, start + Duration::from_secs(10)).unwrap_err();
        assert!(matches!(error, TransferError::Slow { rate: 1, minimum: 100 }), "{error}");
    }

    #[test]
    fn a_burst_does_not_excuse_a_later_stall() {
        let start = Instant::now();
        let mut pace = Pace::new(&options(), start);
        pace.received(1_000_000, start + Duration::from_secs(10)).unwrap();
        assert!(pace.received(1, start + Duration::from_secs(20)).is_err());
    }

    #[test]
    fn the_whole_has_a_limit_too() {
        let start = Instant::now();
        let mut pace = Pace::new(&options(), start);
        for window in 1..=10 {
            pace.received(10_000, start + Duration::from_secs(window * 10)).unwrap();
        }
        let error = pace.received(10_000, start + Duration::from_secs(110)).unwrap_err();
        assert!(matches!(error, TransferError::Timeout { .. }), "{error}");
    }
}
