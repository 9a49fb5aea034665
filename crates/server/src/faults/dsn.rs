//! Where faults go. The format is Sentry's: `https://KEY@HOST/PATH/PROJECT`
//! (<https://develop.sentry.dev/sdk/foundations/transport/authentication/>).

use std::fmt;
use std::str::FromStr;

/// Version of Sentry's protocol.
const PROTOCOL: u8 = 7;

/// The address and the key of a project.
#[derive(Clone, PartialEq, Eq)]
pub struct Dsn {
    scheme: &'static str,
    key: String,
    host: String,
    path: String,
    project: String,
}

/// A text is no DSN. What was written may have a key and is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not https://KEY@HOST/PROJECT")]
pub struct DsnError;

impl FromStr for Dsn {
    type Err = DsnError;

    fn from_str(text: &str) -> Result<Self, DsnError> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("https", rest)) => ("https", rest),
            Some(("http", rest)) => ("http", rest),
            _ => return Err(DsnError),
        };
        let (user, rest) = rest.split_once('@').ok_or(DsnError)?;
        // old DSNs have a second key, which nobody asks for any more
        let key = user.split(':').next().unwrap_or_default();
        let (place, project) = rest.trim_end_matches('/').rsplit_once('/').ok_or(DsnError)?;
        let (host, path) =
            place.split_once('/').map_or((place, String::new()), |(host, path)| (host, format!("/{path}")));
        let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_place =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#@\\".contains(&byte));
        if !is_word(key) || !is_word(project) || host.is_empty() || !is_place(place) {
            return Err(DsnError);
        }
        Ok(Self { scheme, key: key.to_owned(), host: host.to_owned(), path, project: project.to_owned() })
    }
}

impl Dsn {
    /// URL of the server.
    pub fn server(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }

    /// Where envelopes are sent.
    pub fn url(&self) -> String {
        format!("{}{}/api/{}/envelope/", self.server(), self.path, self.project)
    }

    /// What is sent as `X-Sentry-Auth`.
    pub fn authorization(&self) -> String {
        let (version, key) = (env!("CARGO_PKG_VERSION"), &self.key);
        format!("Sentry sentry_version={PROTOCOL}, sentry_client=lbuild/{version}, sentry_key={key}")
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dsn").field(&self.url()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Dsn;

    #[test]
    fn a_dsn_says_where_to_and_by_which_right() {
        for (text, url) in [
            ("https://k1@o1.ingest.example.org/42", "https://o1.ingest.example.org/api/42/envelope/"),
            ("http://k1:old@127.0.0.1:9000/sentry/7/", "http://127.0.0.1:9000/sentry/api/7/envelope/"),
        ] {
            let dsn: Dsn = text.parse().expect(text);
            assert_eq!(dsn.url(), url);
            assert!(dsn.authorization().ends_with("sentry_key=k1"), "{}", dsn.authorization());
            assert!(!format!("{dsn:?}").contains("k1"));
        }
    }

    #[test]
    fn what_is_no_dsn_is_refused() {
        for text in [
            "",
            "https://example.org/1",
            "https://@example.org/1",
            "https://k@/1",
            "https://k@example.org",
            "https://k@example.org/",
            "ftp://k@example.org/1",
            "https://k@example.org/1?x=2",
            "https://k@evil@example.org/1",
            "https://k\r\nx@example.org/1",
        ] {
            assert!(text.parse::<Dsn>().is_err(), "{text}");
        }
    }
}
