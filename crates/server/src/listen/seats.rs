//! So many connections, and half of them for one address at most: whoever holds connections open for nothing leaves
//! room for others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::limit::address::Address;

/// Who has how many connections.
pub struct Seats {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by: HashMap<Address, usize>,
}

/// A connection that counts for as long as this lives.
pub struct Seat {
    seats: Arc<Seats>,
    address: Address,
}

impl Seats {
    /// Nobody has any.
    pub fn new(most: usize) -> Self {
        Self { most, taken: Mutex::default() }
    }

    /// Another connection of an address, when there is room; an address that is `alone` stands for one client.
    pub fn take(seats: &Arc<Self>, address: Address, alone: bool) -> Option<Seat> {
        let mut taken = seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by.get(&address).copied().unwrap_or(0);
        let share = if alone { seats.most.div_ceil(2) } else { seats.most };
        if taken.all >= seats.most || own >= share {
            return None;
        }
        taken.all += 1;
        taken.by.insert(address, own + 1);
        Some(Seat { seats: Arc::clone(seats), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(own) = taken.by.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                taken.by.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Seats;
    use crate::limit::address::Address;

    #[test]
    fn one_address_has_half_of_the_seats() {
        let seats = Arc::new(Seats::new(4));
        let of = |text: &str| Address::of(text.parse().ok());
        let (a, b, c) = (of("192.0.2.1"), of("192.0.2.2"), of("192.0.2.3"));
        let first: Vec<_> = (0..3).map(|_| Seats::take(&seats, a, true)).collect();
        assert_eq!(first.iter().flatten().count(), 2);
        let second: Vec<_> = (0..3).map(|_| Seats::take(&seats, b, true)).collect();
        assert_eq!(second.iter().flatten().count(), 2);
        assert!(Seats::take(&seats, c, true).is_none());
        drop(first);
        assert!(Seats::take(&seats, c, true).is_some());
        drop(second);
        let all: Vec<_> = (0..5).map(|_| Seats::take(&seats, a, false)).collect();
        assert_eq!(all.iter().flatten().count(), 4, "a proxy has all of them");
    }
}
