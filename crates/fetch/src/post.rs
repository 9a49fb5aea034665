//! Messages to servers that others have named, such as webhooks: one POST that goes nowhere else.

use std::time::Duration;

use crate::{FetchError, FetchOptions, Reach, TransferError, agents::has_scheme, http::Client};

/// Patience for one message, from looking up the name to the head of the answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longest time that a server may ask to be left alone for.
const LONGEST_PAUSE: u64 = 24 * 3600;

/// A message.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Where it goes.
    pub url: &'a str,
    /// Its headers.
    pub headers: &'a [(&'a str, String)],
    /// Its body.
    pub body: &'a [u8],
}

/// What a server said to a message. Its words are not read, so that nobody can look at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status. A redirect is not followed.
    pub status: u16,
    /// How long the server wants to be left alone, at most a day.
    pub retry_after: Option<Duration>,
}

/// Sends messages.
#[derive(Debug)]
pub struct Poster {
    client: Client,
    reach: Reach,
}

impl Poster {
    /// For servers within `reach`. Outside its exceptions, only `https` may be spoken.
    pub fn new(reach: Reach) -> Result<Self, FetchError> {
        let options = FetchOptions {
            connect_timeout: PATIENCE / 2,
            idle_timeout: PATIENCE,
            total_timeout: PATIENCE,
            reach: reach.clone(),
            ..FetchOptions::default()
        };
        Ok(Self { client: Client::new(&options)?, reach })
    }

    /// Whether messages may go to `url`, as far as it tells by itself: what its name leads to is looked at when a
    /// message goes out.
    ///
    /// # Errors
    /// `Forbidden`, or `Unsupported` for what is not spoken.
    pub fn check(&self, url: &str) -> Result<(), TransferError> {
        let spoken = has_scheme(url, "https") || self.reach.excepts(url);
        if !spoken {
            return Err(TransferError::Insecure { url: url.to_owned() });
        }
        self.client.check(url)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When no answer came, or the message may not go there. An answer of any status is an answer.
    pub fn post(&self, message: &Message<'_>) -> Result<Answer, TransferError> {
        self.check(message.url)?;
        let (status, pause) = self.client.post(message.url, message.headers, message.body)?;
        let pause = pause.and_then(|seconds| seconds.trim().parse().ok());
        Ok(Answer {
            status,
            retry_after: pause.map(|seconds: u64| Duration::from_secs(seconds.min(LONGEST_PAUSE))),
        })
    }
}
