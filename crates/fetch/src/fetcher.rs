//! Many downloads at once.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::AtomicUsize,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use lbuild_store::{BlobRef, Digest, Store, StoreError, space};

use crate::{
    Cancel, FetchError, FetchOptions,
    http::Client,
    mirrors::Health,
    worker::{self, Event, Job, Shared},
};

/// A file whose content is known by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// For people: "vim 2:9.1.1230-2".
    pub name: String,
    /// The same file on every mirror, best first. `http`, `https`, `file` and `copy` URLs.
    pub urls: Vec<String>,
    /// Its length in bytes, where the index tells it.
    pub size: Option<u64>,
    /// SHA-256 of its content.
    pub digest: Digest,
}

/// Told how downloads go on, always on the thread that called [`Fetcher::fetch_all`]. `item` is the position in the
/// list of downloads.
pub trait Progress {
    /// So many bytes of the file are here now. Falls back when a transfer starts again.
    fn size(&self, item: usize, bytes: u64) {
        let _ = (item, bytes);
    }

    /// A transfer from `url` failed, and another one will be tried if there is one.
    fn failed(&self, item: usize, url: &str, reason: &str) {
        let _ = (item, url, reason);
    }

    /// The file is in the store, either since before (`fetched` is false) or now.
    fn ready(&self, item: usize, blob: BlobRef, fetched: bool) {
        let _ = (item, blob, fetched);
    }
}

/// Keeps quiet.
impl Progress for () {}

/// Fetches files into a store. Cheap to clone; clones share connections and what is known about mirrors.
#[derive(Clone)]
pub struct Fetcher {
    pub(crate) shared: Arc<Shared>,
}

/// How often the waiting thread looks whether it should stop.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

impl Fetcher {
    /// A fetcher into `store`.
    pub fn new(store: Store, options: FetchOptions) -> Result<Self, FetchError> {
        let client = Client::new(&options)?;
        Ok(Self { shared: Arc::new(Shared { store, client, health: Health::default(), options }) })
    }

    /// How this fetcher works.
    pub fn options(&self) -> &FetchOptions {
        &self.shared.options
    }

    /// Brings all `downloads` into the store and returns them in the same order. Files that are there already cost
    /// nothing; a file that another process is fetching is waited for. The first file that cannot be had ends it.
    ///
    /// Worker threads that hang in a system call when this returns early end by themselves within
    /// [`FetchOptions::idle_timeout`]; what they wrote stays for the next try.
    pub fn fetch_all(
        &self,
        downloads: &[Download],
        progress: &dyn Progress,
        cancel: &Cancel,
    ) -> Result<Vec<BlobRef>, FetchError> {
        let mut blobs: Vec<Option<BlobRef>> = Vec::with_capacity(downloads.len());
        for (item, download) in downloads.iter().enumerate() {
            let found = self.shared.store.blobs().find(download.digest);
            if let Some(blob) = found {
                progress.ready(item, blob, false);
            }
            blobs.push(found);
        }
        let (missing, twins) = self.missing(downloads, &blobs)?;
        if !missing.is_empty() {
            self.fetch_missing(missing, &twins, progress, cancel, &mut blobs)?;
        }
        blobs
            .into_iter()
            .zip(downloads)
            .map(|(blob, download)| {
                blob.ok_or_else(|| FetchError::Store(StoreError::Missing { digest: download.digest }))
            })
            .collect()
    }

    /// What has to be fetched, each content once, and which further items get the same content.
    #[expect(clippy::type_complexity, reason = "two halves of one answer")]
    fn missing(
        &self,
        downloads: &[Download],
        blobs: &[Option<BlobRef>],
    ) -> Result<(Vec<(usize, Download)>, HashMap<usize, Vec<usize>>), FetchError> {
        let mut first: HashMap<Digest, usize> = HashMap::new();
        let mut twins: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut missing = Vec::new();
        for (item, download) in downloads.iter().enumerate().filter(|(item, _)| blobs[*item].is_none()) {
            if let Some(&twin) = first.get(&download.digest) {
                twins.entry(twin).or_default().push(item);
                continue;
            }
            if download.urls.is_empty() && !self.shared.options.offline {
                return Err(FetchError::NoMirror { name: download.name.clone() });
            }
            first.insert(download.digest, item);
            missing.push((item, download.clone()));
        }
        if self.shared.options.offline && !missing.is_empty() {
            let missing = missing.into_iter().map(|(_, download)| download.name).collect();
            return Err(FetchError::Offline { missing });
        }
        let needed = missing.iter().filter_map(|(_, download)| download.size).sum();
        if space::of(self.shared.store.path()).1 < needed {
            return Err(FetchError::Store(StoreError::full(self.shared.store.path(), Some(needed))));
        }
        Ok((missing, twins))
    }

    fn fetch_missing(
        &self,
        downloads: Vec<(usize, Download)>,
        twins: &HashMap<usize, Vec<usize>>,
        progress: &dyn Progress,
        cancel: &Cancel,
        blobs: &mut [Option<BlobRef>],
    ) -> Result<(), FetchError> {
        let workers = self.shared.options.parallel.clamp(1, downloads.len());
        let job = Arc::new(Job { downloads, next: AtomicUsize::new(0), stop: Cancel::new() });
        let (sender, events) = mpsc::channel();
        for _ in 0..workers {
            let (shared, job, sender) = (Arc::clone(&self.shared), Arc::clone(&job), sender.clone());
            // Not joined: a worker may hang in a read for as long as the idle timeout, and Ctrl-C must not.
            std::thread::spawn(move || worker::run(&shared, &job, &sender));
        }
        drop(sender);
        let result = watch(&events, cancel, |event| match event {
            Event::Size(item, bytes) => progress.size(item, bytes),
            Event::Retry(item, url, reason) => progress.failed(item, &url, &reason),
            Event::Ready(item, blob) => {
                for item in std::iter::once(item).chain(twins.get(&item).into_iter().flatten().copied()) {
                    blobs[item] = Some(blob);
                    progress.ready(item, blob, true);
                }
            }
            Event::Failed(_) => {}
        });
        job.stop.cancel();
        result
    }
}

/// Hands on what the workers say until all have ended, one has failed, or the caller has had enough.
fn watch(events: &Receiver<Event>, cancel: &Cancel, mut handle: impl FnMut(Event)) -> Result<(), FetchError> {
    loop {
        if cancel.is_cancelled() {
            return Err(FetchError::Cancelled);
        }
        match events.recv_timeout(LOOK) {
            Ok(Event::Failed(error)) => return Err(error),
            Ok(event) => handle(event),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}
