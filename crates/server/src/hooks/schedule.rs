//! When a message is tried again: soon at first, then over three days, as Standard Webhooks proposes.

use std::time::Duration;

/// Minutes between one attempt and the next; the first is five seconds.
const MINUTES: [u64; 8] = [5, 30, 2 * 60, 5 * 60, 10 * 60, 14 * 60, 20 * 60, 24 * 60];

/// The pause after so many attempts, from 1; `None` when there were enough. `chance` from 0 to 1 spreads messages that
/// failed together over a tenth of the pause.
pub fn pause(attempts: i64, chance: f64) -> Option<Duration> {
    let base = match usize::try_from(attempts - 1).ok()? {
        0 => Duration::from_secs(5),
        later => Duration::from_mins(*MINUTES.get(later - 1)?),
    };
    Some(base.mul_f64(1.0 + chance.clamp(0.0, 1.0) / 10.0))
}

#[cfg(test)]
mod tests {
    use super::pause;
    use std::time::Duration;

    #[test]
    fn t28_messages_are_tried_again_over_three_days() {
        let pauses: Vec<Duration> = (1..).map_while(|attempts| pause(attempts, 0.0)).collect();
        assert!(pauses.is_sorted() && pauses[0] == Duration::from_secs(5));
        let total: Duration = pauses.iter().sum();
        assert!((Duration::from_hours(72)..Duration::from_hours(80)).contains(&total), "{total:?}");
        assert_eq!(pause(1, 1.0), Some(Duration::from_millis(5500)));
        assert_eq!(pause(0, 0.5), None);
    }
}
