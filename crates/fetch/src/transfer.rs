//! One transfer of one file from one mirror.

use std::{fs::File, io::Read, time::Instant};

use lbuild_store::{Partial, StoreError};

use crate::{
    Cancel, Download, FetchOptions, TransferError,
    http::{Answer, Ask, BUFFER_SIZE, Client},
    local,
    pace::Pace,
};

/// Why a transfer ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The mirror is to blame: another one may do better.
    Transfer(TransferError),
    /// The store is to blame: no mirror helps.
    Store(StoreError),
    /// The caller asked to stop.
    Cancelled,
}

impl From<TransferError> for Failure {
    fn from(error: TransferError) -> Self {
        Self::Transfer(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A source of bytes, local or remote.
pub(crate) enum Source<'a> {
    Local(File, String),
    Remote(&'a Client, Box<Answer>),
}

impl Source<'_> {
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, TransferError> {
        match self {
            Self::Local(file, path) => {
                file.read(buffer).map_err(|source| TransferError::Local { path: path.clone(), source })
            }
            Self::Remote(client, answer) => client.read(answer, buffer),
        }
    }
}

/// What a transfer needs to know.
pub(crate) struct Transfer<'a> {
    pub(crate) client: &'a Client,
    pub(crate) options: &'a FetchOptions,
    pub(crate) download: &'a Download,
    pub(crate) url: &'a str,
    pub(crate) cancel: &'a Cancel,
    /// Told how many bytes the file has now.
    pub(crate) progress: &'a dyn Fn(u64),
}

impl Transfer<'_> {
    /// Completes `partial` from the mirror, beginning where it ends. The digest is for the caller to check.
    pub(crate) fn run(&self, partial: &mut Partial<'_>) -> Result<(), Failure> {
        if self.download.size.is_some_and(|size| partial.size() > size) {
            partial.restart()?;
        }
        if self.download.size == Some(partial.size()) && partial.size() > 0 {
            return Ok(());
        }
        self.options.check(self.url)?;
        let mut source = match local::open(self.url) {
            Some(opened) => self.open_local(opened?, partial)?,
            None => Source::Remote(self.client, Box::new(self.open_remote(partial)?)),
        };
        (self.progress)(partial.size());
        self.copy(&mut source, partial)
    }

    fn open_local(
        &self,
        (file, size): (File, u64),
        partial: &mut Partial<'_>,
    ) -> Result<Source<'static>, Failure> {
        partial.restart()?;
        self.check_size(size)?;
        Ok(Source::Local(file, self.url.to_owned()))
    }

    /// Asks for the missing part, or for everything where that does not work.
    fn open_remote(&self, partial: &mut Partial<'_>) -> Result<Answer, Failure> {
        let start = partial.size();
        let validator = partial.noted().and_then(|note| note.strip_prefix(&self.note("")).map(str::to_owned));
        let ask = Ask { from: start, if_range: validator.as_deref(), ..Ask::default() };
        let mut answer = self.client.get(self.url, ask)?;
        if start > 0 && (answer.status == 416 || (answer.status == 206 && answer.starts_at != Some(start))) {
            partial.restart()?;
            answer = self.client.get(self.url, Ask::default())?;
        }
        match answer.status {
            206 if start > 0 => {}
            200 => partial.restart()?,
            code => return Err(TransferError::Status { code }.into()),
        }
        if let Some(length) = answer.length {
            self.check_size(partial.size() + length)?;
        }
        if let Some(validator) = validator_of(&answer) {
            partial.note(&self.note(&validator))?;
        }
        Ok(answer)
    }

    /// The origin of a partial file: a validator means something on the same URL only.
    fn note(&self, validator: &str) -> String {
        format!("{}\n{validator}", self.url)
    }

    /// Compares the size that a source announces with the one that the index promises.
    fn check_size(&self, announced: u64) -> Result<(), TransferError> {
        match self.download.size {
            Some(expected) if announced < expected => {
                Err(TransferError::Truncated { got: announced, expected })
            }
            _ if announced > self.limit() => Err(TransferError::TooLarge { limit: self.limit() }),
            _ => Ok(()),
        }
    }

    fn limit(&self) -> u64 {
        self.download.size.unwrap_or(self.options.max_size)
    }

    fn copy(&self, source: &mut Source<'_>, partial: &mut Partial<'_>) -> Result<(), Failure> {
        let mut pace = Pace::new(self.options, Instant::now());
        let mut buffer = vec![0_u8; BUFFER_SIZE];
        loop {
            if self.cancel.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            let count = match source.read(&mut buffer) {
                Ok(count) => count,
                // A connection that ends early and one that breaks are the same thing to the reader.
                Err(TransferError::Broken { .. }) => 0,
                Err(error) => return Err(error.into()),
            };
            if count == 0 {
                return self.check_end(partial.size());
            }
            if partial.size() + count as u64 > self.limit() {
                partial.restart()?;
                return Err(TransferError::TooLarge { limit: self.limit() }.into());
            }
            let needed = self.download.size.unwrap_or(partial.size() + count as u64);
            partial.append(&buffer[..count]).map_err(|error| error.needing(needed))?;
            (self.progress)(partial.size());
            pace.received(count as u64, Instant::now())?;
        }
    }

    fn check_end(&self, got: u64) -> Result<(), Failure> {
        match self.download.size {
            Some(expected) if got < expected => Err(TransferError::Truncated { got, expected }.into()),
            _ => Ok(()),
        }
    }
}

/// A validator that `If-Range` accepts: weak ones do not promise equal bytes.
fn validator_of(answer: &Answer) -> Option<String> {
    let strong = answer.etag.clone().filter(|etag| !etag.starts_with("W/"));
    strong.or_else(|| answer.last_modified.clone())
}
