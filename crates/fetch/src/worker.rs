//! One worker thread: takes downloads from the common list until it is empty.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::Sender,
    },
    time::{Duration, Instant},
};

use lbuild_store::{BlobRef, Claim, Partial, Store, StoreError};

use crate::{
    Cancel, Download, FetchError, FetchOptions, TransferError,
    http::Client,
    mirrors::Health,
    transfer::{Failure, Transfer},
};

/// What a worker tells the thread that waits for it.
pub(crate) enum Event {
    /// The file has so many bytes now.
    Size(usize, u64),
    /// A transfer failed and another one will be tried.
    Retry(usize, String, String),
    /// The file is in the store.
    Ready(usize, BlobRef),
    /// The file cannot be had.
    Failed(FetchError),
}

/// What all workers share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) client: Client,
    pub(crate) health: Health,
    pub(crate) options: FetchOptions,
}

/// One round of downloads.
pub(crate) struct Job {
    pub(crate) downloads: Vec<(usize, Download)>,
    pub(crate) next: AtomicUsize,
    /// Raised when the round is over, whether it ended well or not.
    pub(crate) stop: Cancel,
}

/// Works until nothing is left, the round is stopped, or nobody listens.
pub(crate) fn run(shared: &Arc<Shared>, job: &Job, events: &Sender<Event>) {
    while let Some((index, download)) = job.downloads.get(job.next.fetch_add(1, Ordering::Relaxed)) {
        if job.stop.is_cancelled() {
            return;
        }
        let worker = Worker { shared, index: *index, download, stop: &job.stop, events };
        let event = match worker.fetch() {
            Ok(blob) => Event::Ready(*index, blob),
            Err(error) => Event::Failed(error),
        };
        if events.send(event).is_err() {
            return;
        }
    }
}

/// A round over all mirrors that brings a file so many bytes further is not counted as a failed one.
const ENOUGH_GAINED: u64 = 1 << 20;

/// Result of asking every mirror once.
enum Round {
    Done(BlobRef),
    Failed { gained: u64 },
}

struct Worker<'a> {
    shared: &'a Shared,
    index: usize,
    download: &'a Download,
    stop: &'a Cancel,
    events: &'a Sender<Event>,
}

impl Worker<'_> {
    /// Waits for whoever fetches the same file already, or fetches it.
    fn fetch(&self) -> Result<BlobRef, FetchError> {
        let mut failures = Vec::new();
        let mut urls = self.download.urls.clone();
        let mut backoff = self.shared.options.backoff;
        let mut retries = self.shared.options.retries;
        loop {
            let outcome = self.round(&mut urls, &mut failures)?;
            match outcome {
                Round::Done(blob) => return Ok(blob),
                // A large file over a connection that breaks now and then gets there in the end.
                Round::Failed { gained } if gained >= ENOUGH_GAINED => backoff = self.shared.options.backoff,
                Round::Failed { .. } if retries > 0 => retries -= 1,
                Round::Failed { .. } => break,
            }
            if urls.is_empty() {
                break;
            }
            self.pause(backoff)?;
            backoff = backoff.saturating_mul(2);
        }
        Err(give_up(&self.download.name, failures))
    }

    /// Tries every mirror once. Removes those that it is pointless to ask again.
    fn round(
        &self,
        urls: &mut Vec<String>,
        failures: &mut Vec<(String, TransferError)>,
    ) -> Result<Round, FetchError> {
        // Longer than another process can wait for its server without giving up.
        let patience = self.shared.options.idle_timeout * 2;
        let mut partial = match self.shared.store.blobs().claim(self.download.digest, patience, self.stop)? {
            Claim::Stored(blob) => return Ok(Round::Done(blob)),
            Claim::Ours(partial) => partial,
        };
        let before = partial.size();
        let mut hopeless = Vec::new();
        for url in self.shared.health.order(urls) {
            let error = match self.attempt(url, &mut partial) {
                Ok(blob) => {
                    self.shared.health.worked(url);
                    return Ok(Round::Done(blob));
                }
                Err(Failure::Transfer(error)) => error,
                Err(Failure::Store(error)) => return Err(error.into()),
                Err(Failure::Cancelled) => return Err(FetchError::Cancelled),
            };
            if error.blames_host() {
                self.shared.health.failed(url);
            }
            if !error.may_pass() {
                hopeless.push(url.to_owned());
            }
            // Nobody listens any more: the stop flag ends the next transfer.
            drop(self.events.send(Event::Retry(self.index, url.to_owned(), reason(&error))));
            failures.push((url.to_owned(), error));
        }
        urls.retain(|url| !hopeless.contains(url));
        Ok(Round::Failed { gained: partial.size().saturating_sub(before) })
    }

    /// One transfer, and one more from the start if it was a resumed one that gave the wrong content: what was there
    /// before may have been at fault.
    fn attempt(&self, url: &str, partial: &mut Partial<'_>) -> Result<BlobRef, Failure> {
        let transfer = Transfer {
            client: &self.shared.client,
            options: &self.shared.options,
            download: self.download,
            url,
            cancel: self.stop,
            progress: &|size| drop(self.events.send(Event::Size(self.index, size))),
        };
        let resumed = partial.size() > 0;
        transfer.run(partial)?;
        match partial.finish() {
            Err(StoreError::Mismatch { .. }) if resumed => transfer.run(partial)?,
            result => return result.map_err(wrong_digest),
        }
        partial.finish().map_err(wrong_digest)
    }

    fn pause(&self, duration: Duration) -> Result<(), FetchError> {
        const STEP: Duration = Duration::from_millis(50);
        let end = Instant::now() + duration;
        while Instant::now() < end {
            if self.stop.is_cancelled() {
                return Err(FetchError::Cancelled);
            }
            std::thread::sleep(STEP.min(end.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }
}

/// Content of the wrong digest is the mirror's fault, everything else the store's.
fn wrong_digest(error: StoreError) -> Failure {
    match error {
        StoreError::Mismatch { expected, found } => {
            Failure::Transfer(TransferError::WrongDigest { expected, got: found })
        }
        error => Failure::Store(error),
    }
}

/// The error of a file that no mirror gives: the most telling failure is the cause, the others are listed.
pub(crate) fn give_up(name: &str, mut failures: Vec<(String, TransferError)>) -> FetchError {
    let telling = failures.iter().enumerate().max_by_key(|(index, (_, error))| (error.weight(), *index));
    let Some((index, _)) = telling else { return FetchError::NoMirror { name: name.to_owned() } };
    let (url, source) = failures.remove(index);
    let mut others: Vec<(String, String)> = Vec::new();
    for failure in failures.iter().map(|(url, error)| (url.clone(), reason(error))) {
        let same_as_cause = failure.0 == url && failure.1 == reason(&source);
        if !same_as_cause && !others.contains(&failure) {
            others.push(failure);
        }
    }
    FetchError::Transfer { name: name.to_owned(), url, source: Box::new(source), failures: others }
}

/// A failure with its causes, in one line.
pub(crate) fn reason(error: &TransferError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
