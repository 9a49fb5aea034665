//! Which mirror to try first: those that failed lately come last.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Failures per host, shared by all transfers of a [`crate::Fetcher`].
#[derive(Debug, Default)]
pub(crate) struct Health {
    failures: Mutex<HashMap<String, u32>>,
}

impl Health {
    /// The transfers' order of `urls`: fewest failures of the host first, else as given.
    pub(crate) fn order<'a>(&self, urls: &'a [String]) -> Vec<&'a str> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ordered: Vec<&str> = urls.iter().map(String::as_str).collect();
        ordered.sort_by_key(|url| failures.get(host(url)).copied().unwrap_or(0));
        ordered
    }

    /// Remembers that the host of `url` failed.
    pub(crate) fn failed(&self, url: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        *failures.entry(host(url).to_owned()).or_insert(0) += 1;
    }

    /// Remembers that the host of `url` works.
    pub(crate) fn worked(&self, url: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(host(url));
    }
}

/// Host and port of an URL, or nothing for a local one.
pub(crate) fn host(url: &str) -> &str {
    let authority = authority(url);
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// User, host and port of a URL.
pub(crate) fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_urls() {
        for (url, expected) in [
            ("http://a.example/debian/x", "a.example"),
            ("http://user:pw@a.example:80/x", "a.example:80"),
            ("https://a.example?x", "a.example"),
            ("file:///srv/debian", ""),
            ("copy:/srv/debian", ""),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
    }

    #[test]
    fn a_failed_host_comes_last_until_it_works_again() {
        let health = Health::default();
        let urls = ["http://a/x".to_owned(), "http://b/x".to_owned()];
        health.failed("http://a/y");
        assert_eq!(health.order(&urls), ["http://b/x", "http://a/x"]);
        health.worked("http://a/y");
        assert_eq!(health.order(&urls), ["http://a/x", "http://b/x"]);
    }
}
