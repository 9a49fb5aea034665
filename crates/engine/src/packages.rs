//! Package files: fetched in the background, handed to the tree that waits for them one by one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lbuild_fetch::{Download, Progress};
use lbuild_store::{BlobRef, Cancel, Digest};

use crate::error::BuildError;
use crate::event::Event;
use crate::lock::LockedPackage;
use crate::steps::Bench;

/// What a step wants.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    /// The packages of the step, in the order in which they are wanted.
    pub(crate) packages: Vec<&'a LockedPackage>,
    /// Packages that a later step will want: fetched last, waited for by nobody.
    pub(crate) ahead: Vec<&'a LockedPackage>,
}

/// Packages on their way.
pub(crate) struct Incoming {
    state: Mutex<State>,
    changed: Condvar,
    stop: Cancel,
}

#[derive(Default)]
struct State {
    ready: HashMap<Digest, BlobRef>,
    over: bool,
}

/// How often somebody who waits looks whether the build was stopped.
const LOOK: Duration = Duration::from_millis(50);

impl Incoming {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), stop: Cancel::new() }
    }

    /// Fetches everything; returns when it is there or cannot be had.
    pub(crate) fn fetch(&self, bench: &Bench<'_>, wanted: &Wanted<'_>) -> Result<(), BuildError> {
        let mut packages = wanted.packages.clone();
        largest_first(&mut packages, |package| package.size);
        packages.extend(&wanted.ahead);
        let downloads: Vec<Download> = packages
            .iter()
            .map(|package| Download {
                name: format!("{} {}", package.name, package.version),
                urls: bench.workshop.mirrors.urls(&package.repository, &package.path),
                size: Some(package.size),
                digest: package.sha256,
            })
            .collect();
        let progress = Meter { incoming: self, bench, downloads: &downloads, state: RefCell::default() };
        let fetched = bench.workshop.engine.fetcher.fetch_all(&downloads, &progress, &self.stop);
        self.lock().over = true;
        self.changed.notify_all();
        fetched.map(drop).map_err(BuildError::from)
    }

    /// Waits until one of the packages is there, takes the first such off the list, and opens it.
    pub(crate) fn next<'p>(
        &self,
        bench: &Bench<'_>,
        pending: &mut Vec<(u32, &'p LockedPackage)>,
    ) -> Result<(u32, &'p LockedPackage, File), BuildError> {
        let mut state = self.lock();
        loop {
            let ready = pending.iter().position(|(_, package)| state.ready.contains_key(&package.sha256));
            if let Some(index) = ready {
                let (order, package) = pending.remove(index);
                let file = bench.store().blobs().open(package.sha256).map_err(BuildError::Store)?;
                return Ok((order, package, file));
            }
            if state.over || bench.cancel.is_cancelled() {
                return Err(BuildError::Cancelled);
            }
            let waited = self.changed.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Nobody wants the rest.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What takes longest begins first, so that nothing long is left for the end, when there is nothing to do beside it.
pub(crate) fn largest_first<T>(items: &mut [T], size: impl Fn(&T) -> u64) {
    items.sort_by_key(|item| std::cmp::Reverse(size(item)));
}

/// Adds up what the downloads report.
struct Meter<'a> {
    incoming: &'a Incoming,
    bench: &'a Bench<'a>,
    downloads: &'a [Download],
    state: RefCell<Sums>,
}

#[derive(Default)]
struct Sums {
    sizes: HashMap<usize, u64>,
    stored: HashMap<usize, u64>,
    files: usize,
}

impl Meter<'_> {
    fn emit(&self) {
        let sums = self.state.borrow();
        let all: u64 = self.downloads.iter().filter_map(|download| download.size).sum();
        let here: u64 = sums.stored.values().sum();
        self.bench.workshop.observer.emit(Event::Download {
            done: sums.sizes.values().sum(),
            total: all - here,
            files: sums.files,
            files_total: self.downloads.len() - sums.stored.len(),
        });
    }
}

impl Progress for Meter<'_> {
    fn size(&self, item: usize, bytes: u64) {
        self.state.borrow_mut().sizes.insert(item, bytes);
        self.emit();
        if self.bench.cancel.is_cancelled() {
            self.incoming.stop();
        }
    }

    fn failed(&self, _: usize, url: &str, reason: &str) {
        self.bench
            .workshop
            .observer
            .emit(Event::Warning { message: format!("{url}: {reason}; trying again") });
    }

    fn ready(&self, item: usize, blob: BlobRef, fetched: bool) {
        {
            let mut sums = self.state.borrow_mut();
            if fetched {
                sums.sizes.insert(item, blob.size);
                sums.files += 1;
            } else {
                sums.stored.insert(item, blob.size);
            }
        }
        if fetched {
            self.emit();
        }
        self.incoming.lock().ready.insert(blob.digest, blob);
        self.incoming.changed.notify_all();
    }
}
