//! Reading in a thread of its own, so that decompressing and parsing happen side by side.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Bytes that change hands at once.
const CHUNK: usize = 256 << 10;
/// Chunks that wait for the parser at most.
const CHUNKS: usize = 4;

/// Gives `take` a reader of what `reader` has, which is read ahead by about a megabyte.
///
/// An error of `reader` comes after the bytes before it; nothing comes after the error.
pub fn read_ahead<T>(reader: impl Read + Send, take: impl FnOnce(&mut dyn BufRead) -> T) -> T {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(CHUNKS);
        scope.spawn(move || fill(reader, &sender));
        // Its receiver goes with it, which ends the thread when `take` wants no more.
        take(&mut Ahead { receiver, chunk: Vec::new(), taken: 0 })
    })
}

/// Sends everything up to the end or the first error, or until nobody takes it any more.
fn fill(mut reader: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = reader.by_ref().take(CHUNK as u64).read_to_end(&mut chunk);
        if !chunk.is_empty() && sender.send(Ok(chunk)).is_err() {
            return;
        }
        match read {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                // Whoever has stopped to read does not want to know.
                let _ = sender.send(Err(error));
                return;
            }
        }
    }
}

struct Ahead {
    receiver: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    taken: usize,
}

impl BufRead for Ahead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.chunk.len() {
            // The sender is gone after the end.
            self.chunk = self.receiver.recv().unwrap_or_else(|_| Ok(Vec::new()))?;
            self.taken = 0;
        }
        Ok(&self.chunk[self.taken..])
    }

    fn consume(&mut self, amount: usize) {
        self.taken += amount;
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut left = self.fill_buf()?;
        let count = left.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::repeat;

    use super::*;

    #[test]
    fn everything_comes_in_order() {
        for length in [0_usize, 1, CHUNK - 1, CHUNK, CHUNK + 1, 10 * CHUNK + 7] {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            let mut found = Vec::new();
            read_ahead(&bytes[..], |reader| reader.read_to_end(&mut found)).unwrap();
            assert!(found == bytes, "{length}");
        }
    }

    #[test]
    fn an_error_comes_after_what_was_read_before_it() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::InvalidData, "broken"))
            }
        }
        let mut found = Vec::new();
        let before = repeat(7).take(CHUNK as u64 + 5);
        let error = read_ahead(before.chain(Broken), |reader| reader.read_to_end(&mut found)).unwrap_err();
        assert_eq!((error.to_string().as_str(), found.len()), ("broken", CHUNK + 5));
    }

    #[test]
    fn who_wants_no_more_does_not_wait_for_the_rest() {
        let first = read_ahead(repeat(7), |reader| reader.fill_buf().map(|bytes| bytes[0]));
        assert_eq!(first.unwrap(), 7);
    }
}
