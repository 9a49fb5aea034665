//! Work that goes on by itself when somebody asks to stop.

use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::engine::Engine;
use crate::error::ResolveError;
use crate::event::{Event, Observer};

/// How often the one who waits looks whether somebody asked to stop.
const LOOK: Duration = Duration::from_millis(50);

/// What the thread says.
enum Word<T> {
    Event(Event),
    Result(Result<T, ResolveError>),
}

impl Engine {
    /// Does work of which nothing matters but its result, and what it adds to the store. It may compute for seconds
    /// between two looks at the request to stop, so whoever waits for it gives up before it ends.
    pub(crate) fn unless_stopped<T: Send + 'static>(
        &self,
        observer: &Observer<'_>,
        work: impl FnOnce(&Self, &Observer<'_>) -> Result<T, ResolveError> + Send + 'static,
    ) -> Result<T, ResolveError> {
        let (sender, words) = mpsc::channel();
        let (engine, cancel) = (self.clone(), observer.cancel.clone());
        let thread = thread::spawn(move || {
            // Nobody listens to a thread that was given up.
            let events = |event| drop(sender.send(Word::Event(event)));
            let result = work(&engine, &Observer { events: &events, cancel: &cancel });
            let _ = sender.send(Word::Result(result));
        });
        while !observer.cancel.is_cancelled() {
            match words.recv_timeout(LOOK) {
                Ok(Word::Event(event)) => observer.emit(event),
                // What fails because it was stopped has been stopped.
                Ok(Word::Result(Err(_))) if observer.cancel.is_cancelled() => break,
                Ok(Word::Result(result)) => return result,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => match thread.join() {
                    Err(panic) => resume_unwind(panic),
                    Ok(()) => unreachable!("the last word of the thread is a result"),
                },
            }
        }
        Err(ResolveError::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use lbuild_store::Cancel;

    use super::*;
    use crate::engine::{EngineOptions, Reach};

    fn engine(store: &std::path::Path) -> Engine {
        let store = store.to_path_buf();
        let options = EngineOptions { store, offline: true, force: Vec::new(), reach: Reach::Everywhere };
        Engine::open(&options, &Cancel::new()).unwrap()
    }

    #[test]
    fn what_computes_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let cancel = Cancel::new();
        let observer = Observer { events: &|_| {}, cancel: &cancel };
        let began = Instant::now();
        let result = engine(dir.path()).unless_stopped(&observer, |_, inner| {
            inner.cancel.cancel();
            thread::sleep(Duration::from_secs(5));
            Ok(())
        });
        assert!(matches!(result, Err(ResolveError::Cancelled)));
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    }

    #[test]
    fn events_come_before_the_result() {
        let dir = tempfile::tempdir().unwrap();
        let cancel = Cancel::new();
        let (sender, told) = mpsc::channel();
        let events = move |event| sender.send(event).unwrap();
        let observer = Observer { events: &events, cancel: &cancel };
        let result = engine(dir.path()).unless_stopped(&observer, |_, inner| {
            inner.emit(Event::Warning { message: "one".to_owned() });
            Ok(7)
        });
        assert_eq!(result.unwrap(), 7);
        assert!(matches!(told.try_recv(), Ok(Event::Warning { message }) if message == "one"));
    }
}
