//! Small files that are known by their URL only: signed indexes, keys.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use lbuild_store::{BlobRef, Response};

use crate::{
    Cancel, FetchError, Fetcher, TransferError,
    fetcher::LOOK,
    http::{Ask, BUFFER_SIZE},
    local,
    pace::Pace,
    transfer::Source,
    worker::give_up,
};

/// A small file. Its content is not verified: that is for the caller to do.
#[derive(Clone, Debug)]
pub struct Small {
    /// The content.
    pub bytes: Vec<u8>,
    /// The same, in the store.
    pub blob: BlobRef,
    /// Where it came from.
    pub url: String,
    /// The server said that it has not changed since the last time, or nobody was asked (offline).
    pub unchanged: bool,
}

impl Fetcher {
    /// The content of the first of `urls` that answers, at most `cap` bytes of it. A copy from an earlier call is used
    /// if the server says that it is current, and in any case when offline.
    pub fn get_small(&self, urls: &[String], cap: u64, cancel: &Cancel) -> Result<Small, FetchError> {
        let (sender, answer) = mpsc::channel();
        let (fetcher, urls, asked) = (self.clone(), urls.to_vec(), cancel.clone());
        // Not joined: it may wait for an answer for as long as the idle timeout, and Ctrl-C must not.
        std::thread::spawn(move || sender.send(fetcher.ask_small(&urls, cap, &asked)));
        loop {
            match answer.recv_timeout(LOOK) {
                Ok(small) => return small,
                Err(RecvTimeoutError::Timeout) if cancel.is_cancelled() => return Err(FetchError::Cancelled),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("who asks answers, unless it panicked"),
            }
        }
    }

    fn ask_small(&self, urls: &[String], cap: u64, cancel: &Cancel) -> Result<Small, FetchError> {
        let name = urls.first().cloned().unwrap_or_default();
        if self.shared.options.offline {
            return self.stored(urls)?.ok_or(FetchError::Offline { missing: vec![name] });
        }
        let mut failures = Vec::new();
        let mut remaining: Vec<String> = urls.to_vec();
        for round in 0..=self.shared.options.retries {
            if round > 0 {
                std::thread::sleep(self.shared.options.backoff * round);
            }
            for url in self.shared.health.order(&remaining.clone()) {
                if cancel.is_cancelled() {
                    return Err(FetchError::Cancelled);
                }
                match self.try_small(url, cap)? {
                    Ok(small) => {
                        self.shared.health.worked(url);
                        return Ok(small);
                    }
                    Err(error) => {
                        if error.blames_host() {
                            self.shared.health.failed(url);
                        }
                        if !error.may_pass() {
                            remaining.retain(|other| other != url);
                        }
                        failures.push((url.to_owned(), error));
                    }
                }
            }
            if remaining.is_empty() {
                break;
            }
        }
        Err(give_up(&name, failures))
    }

    /// The content of the first of `urls`, if its server answered less than `age` ago. Nobody is asked.
    pub fn recent_small(&self, urls: &[String], age: Duration) -> Result<Option<Small>, FetchError> {
        let Some(url) = urls.first() else { return Ok(None) };
        let response = self.shared.store.responses().recent(url, age)?;
        response.map(|response| self.remembered(response)).transpose()
    }

    /// What is remembered of any of `urls`.
    fn stored(&self, urls: &[String]) -> Result<Option<Small>, FetchError> {
        for url in urls {
            if let Some(response) = self.shared.store.responses().get(url)? {
                return Ok(Some(self.remembered(response)?));
            }
        }
        Ok(None)
    }

    fn remembered(&self, response: Response) -> Result<Small, FetchError> {
        let bytes = self.shared.store.blobs().read(response.blob.digest)?;
        Ok(Small { bytes, blob: response.blob, url: response.url, unchanged: true })
    }

    fn try_small(&self, url: &str, cap: u64) -> Result<Result<Small, TransferError>, FetchError> {
        let known = self.shared.store.responses().get(url)?;
        match self.request(url, cap, known.as_ref()) {
            Err(error) => Ok(Err(error)),
            Ok(Reply::Unchanged) => match known {
                Some(response) => {
                    self.shared.store.responses().put(&response)?;
                    Ok(Ok(self.remembered(response)?))
                }
                None => Ok(Err(TransferError::Status { code: 304 })),
            },
            Ok(Reply::Content { bytes, etag, last_modified }) => {
                let blob = self.shared.store.blobs().put_bytes(&bytes)?;
                let response = Response { url: url.to_owned(), blob, etag, last_modified };
                let unchanged = known.is_some_and(|known| known.blob == blob);
                self.shared.store.responses().put(&response)?;
                Ok(Ok(Small { bytes, blob, url: response.url, unchanged }))
            }
        }
    }

    fn request(&self, url: &str, cap: u64, known: Option<&Response>) -> Result<Reply, TransferError> {
        if let Some(opened) = self.shared.options.check(url).map(|()| local::open(url))? {
            let (file, size) = opened?;
            let bytes = self.body(&mut Source::Local(file, url.to_owned()), cap, Some(size))?;
            return Ok(Reply::Content { bytes, etag: None, last_modified: None });
        }
        let ask = Ask {
            if_none_match: known.and_then(|known| known.etag.as_deref()),
            if_modified_since: known.and_then(|known| known.last_modified.as_deref()),
            ..Ask::default()
        };
        let answer = self.shared.client.get(url, ask)?;
        match answer.status {
            304 => return Ok(Reply::Unchanged),
            200 => {}
            code => return Err(TransferError::Status { code }),
        }
        let (etag, last_modified, length) =
            (answer.etag.clone(), answer.last_modified.clone(), answer.length);
        let bytes = self.body(&mut Source::Remote(&self.shared.client, Box::new(answer)), cap, length)?;
        Ok(Reply::Content { bytes, etag, last_modified })
    }

    fn body(&self, source: &mut Source<'_>, cap: u64, length: Option<u64>) -> Result<Vec<u8>, TransferError> {
        let too_large = TransferError::TooLarge { limit: cap };
        if length.is_some_and(|length| length > cap) {
            return Err(too_large);
        }
        let mut pace = Pace::new(&self.shared.options, Instant::now());
        let mut bytes = Vec::new();
        let mut buffer = vec![0_u8; BUFFER_SIZE];
        loop {
            let count = match (source.read(&mut buffer), length) {
                (Ok(count), _) => count,
                (Err(TransferError::Broken { .. }), Some(_)) => 0,
                (Err(error), _) => return Err(error),
            };
            let got = bytes.len() as u64;
            match length {
                _ if count > 0 => {}
                Some(expected) if got < expected => return Err(TransferError::Truncated { got, expected }),
                _ => return Ok(bytes),
            }
            if got + count as u64 > cap {
                return Err(too_large);
            }
            bytes.extend_from_slice(&buffer[..count]);
            pace.received(count as u64, Instant::now())?;
        }
    }
}

enum Reply {
    Unchanged,
    Content { bytes: Vec<u8>, etag: Option<String>, last_modified: Option<String> },
}
