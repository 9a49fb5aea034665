//! Live streams of one key at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Who has how many.
#[derive(Default)]
pub struct Streams {
    open: Mutex<HashMap<String, usize>>,
}

/// A stream that is open for as long as this lives.
pub struct Open {
    streams: Arc<Streams>,
    key: String,
}

impl Streams {
    /// Another stream of a key, unless it has so many already.
    pub fn open(streams: &Arc<Self>, key: &str, most: usize) -> Option<Open> {
        let mut open = streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(key.to_owned()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Open { streams: Arc::clone(streams), key: key.to_owned() })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.key);
            }
        }
    }
}
