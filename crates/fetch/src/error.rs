//! What can go wrong, told apart by whose fault it is.

use std::{io, time::Duration};

use lbuild_store::{Digest, StoreError};

/// Why files could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Every mirror failed for one file.
    #[error("cannot fetch `{name}` from `{url}`{}", others(.failures))]
    Transfer {
        /// What was to be fetched.
        name: String,
        /// The mirror that failed in the most telling way.
        url: String,
        /// How it failed.
        #[source]
        source: Box<TransferError>,
        /// URL and reason of every other failure, in the order of the tries.
        failures: Vec<(String, String)>,
    },
    /// The network must not be used and the store lacks something.
    #[error("offline, and the store lacks {}", list(.missing))]
    Offline {
        /// Names of everything that is missing.
        missing: Vec<String>,
    },
    /// There is no URL to fetch a file from.
    #[error("no mirror is known for `{name}`")]
    NoMirror {
        /// What was to be fetched.
        name: String,
    },
    /// The proxy setting cannot be used.
    #[error("the proxy setting `{url}` is not a proxy URL")]
    InvalidProxy {
        /// The setting.
        url: String,
    },
    /// The store failed.
    #[error("cannot store what was fetched")]
    Store(#[source] StoreError),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl FetchError {
    /// The HTTP status, if the server answered with one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Transfer { source, .. } => match **source {
                TransferError::Status { code } => Some(code),
                _ => None,
            },
            _ => None,
        }
    }
}

impl From<StoreError> for FetchError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Cancelled => Self::Cancelled,
            error => Self::Store(error),
        }
    }
}

/// Why one transfer from one mirror failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The name of the server cannot be resolved.
    #[error("the host name `{host}` cannot be resolved")]
    Resolve {
        /// The server.
        host: String,
    },
    /// No connection could be made.
    #[error("the server `{host}` is down or refuses connections")]
    Down {
        /// The server.
        host: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection to `{host}` broke")]
    Broken {
        /// The server.
        host: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The server took too long to answer, or the whole transfer too long.
    #[error("no {what} within {} seconds", .limit.as_secs_f32())]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// How long.
        limit: Duration,
    },
    /// Data came too slowly.
    #[error("too slow: {rate} bytes/s, at least {minimum} are required")]
    Slow {
        /// Bytes per second.
        rate: u64,
        /// Least acceptable bytes per second.
        minimum: u64,
    },
    /// The server refused.
    #[error("the server answered with status {code}")]
    Status {
        /// HTTP status code.
        code: u16,
    },
    /// Fewer bytes came than were promised.
    #[error("the file ends after {got} of {expected} bytes")]
    Truncated {
        /// Bytes received.
        got: u64,
        /// Bytes expected.
        expected: u64,
    },
    /// More bytes came, or were announced, than there should be.
    #[error("the file is larger than the {limit} bytes that it should have at most")]
    TooLarge {
        /// Most bytes acceptable.
        limit: u64,
    },
    /// The content is not what the index promised.
    #[error("wrong content: expected sha256 `{expected}`, got `{got}`")]
    WrongDigest {
        /// What was promised.
        expected: Digest,
        /// What came.
        got: Digest,
    },
    /// The URL is not one that can be fetched.
    #[error("`{url}` is not an `http`, `https`, `file` or `copy` URL")]
    Unsupported {
        /// The URL.
        url: String,
    },
    /// The URL is one over which anybody could read along.
    #[error("`{url}` is not an `https` URL")]
    Insecure {
        /// The URL.
        url: String,
    },
    /// The URL leads to where the program may not go.
    #[error("`{host}` is not a public address, and nothing else may be connected to")]
    Forbidden {
        /// The server, or the scheme of what has none.
        host: String,
    },
    /// A file of a local mirror cannot be read.
    #[error("cannot read the local file `{path}`")]
    Local {
        /// Its path.
        path: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The server's certificate is not one that this machine believes.
    #[error("the certificate of `{host}` is not trusted")]
    Untrusted {
        /// The server.
        host: String,
        /// What is wrong with it.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The server does not speak HTTP as it should.
    #[error("the server `{host}` does not answer properly")]
    Protocol {
        /// The server.
        host: String,
        /// Details.
        #[source]
        source: Box<ureq::Error>,
    },
}

impl TransferError {
    /// Whether another try at the same URL can end better.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Status { code } => *code >= 500 || matches!(code, 408 | 425 | 429),
            Self::TooLarge { .. }
            | Self::WrongDigest { .. }
            | Self::Unsupported { .. }
            | Self::Insecure { .. }
            | Self::Forbidden { .. }
            | Self::Local { .. }
            | Self::Untrusted { .. } => false,
            Self::Resolve { .. }
            | Self::Down { .. }
            | Self::Broken { .. }
            | Self::Timeout { .. }
            | Self::Slow { .. }
            | Self::Truncated { .. }
            | Self::Protocol { .. } => true,
        }
    }

    /// Whether the server rather than this one file is the problem.
    pub(crate) fn blames_host(&self) -> bool {
        matches!(
            self,
            Self::Resolve { .. }
                | Self::Down { .. }
                | Self::Timeout { .. }
                | Self::Slow { .. }
                | Self::Protocol { .. }
                | Self::Untrusted { .. }
        )
    }

    /// How much this failure tells compared with others: content that is wrong says more than a mirror that is down.
    pub(crate) fn weight(&self) -> u8 {
        match self {
            Self::WrongDigest { .. } => 5,
            Self::TooLarge { .. } | Self::Truncated { .. } => 4,
            Self::Status { .. } | Self::Local { .. } | Self::Forbidden { .. } => 3,
            Self::Slow { .. } | Self::Broken { .. } | Self::Protocol { .. } | Self::Untrusted { .. } => 2,
            Self::Timeout { .. } | Self::Down { .. } | Self::Resolve { .. } => 1,
            Self::Unsupported { .. } | Self::Insecure { .. } => 0,
        }
    }
}

fn others(failures: &[(String, String)]) -> String {
    let mut text = String::new();
    for (url, reason) in failures {
        text.push_str("; `");
        text.push_str(url);
        text.push_str("`: ");
        text.push_str(reason);
    }
    text
}

/// Names the first few and counts the rest.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let rest = names.len().saturating_sub(SHOWN);
    if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offline_error_names_some_and_counts_all() {
        let missing = (0..7).map(|number| format!("p{number}")).collect();
        let text = FetchError::Offline { missing }.to_string();
        assert_eq!(text, "offline, and the store lacks `p0`, `p1`, `p2`, `p3`, `p4` and 2 more");
    }

    #[test]
    fn only_passing_failures_are_tried_again() {
        for (code, passes) in
            [(404, false), (403, false), (410, false), (429, true), (500, true), (503, true)]
        {
            assert_eq!(TransferError::Status { code }.may_pass(), passes, "{code}");
        }
        assert!(!TransferError::TooLarge { limit: 1 }.may_pass());
        assert!(TransferError::Truncated { got: 1, expected: 2 }.may_pass());
    }
}
