//! The same fault again and again, as when a database is away: told once in a while, with how often it was not.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Fault;

/// How long the same fault is not told again.
const INTERVAL: Duration = Duration::from_secs(30);

/// Faults that are remembered. There are as many as routes and steps, so this is reached only by a mistake of ours.
const REMEMBERED: usize = 1024;

/// Which faults were told a moment ago, and how often they happened since.
#[derive(Debug, Default)]
pub struct Repeats(HashMap<(String, String), (Instant, u64)>);

impl Repeats {
    /// Whether to tell of a fault now: then how many like it were not told since the last.
    pub fn admit(&mut self, fault: &Fault, now: Instant) -> Option<u64> {
        let key = (fault.kind.clone(), fault.place.clone());
        if let Some((told, untold)) = self.0.get_mut(&key) {
            if now < *told + INTERVAL {
                *untold += 1;
                return None;
            }
            *told = now;
            return Some(std::mem::take(untold));
        }
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert(key, (now, 0));
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{Fault, INTERVAL, REMEMBERED, Repeats};

    fn fault(place: &str) -> Fault {
        Fault { kind: "database".to_owned(), place: place.to_owned(), cause: String::new(), tags: Vec::new() }
    }

    #[test]
    fn the_same_fault_is_told_once_in_a_while_with_their_number() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        assert_eq!(repeats.admit(&fault("/a"), now), Some(0));
        assert_eq!(repeats.admit(&fault("/a"), now), None);
        assert_eq!(repeats.admit(&fault("/b"), now), Some(0), "another place is another fault");
        assert_eq!(repeats.admit(&fault("/a"), now + INTERVAL / 2), None);
        assert_eq!(repeats.admit(&fault("/a"), now + INTERVAL), Some(2));
        for n in 0..2 * REMEMBERED {
            repeats.admit(&fault(&n.to_string()), now);
        }
        assert!(repeats.0.len() <= REMEMBERED);
    }
}
