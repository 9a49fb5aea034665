//! Where an image goes, by the grammar of the OCI distribution specification.

use std::fmt;

/// Longest name of a repository, with the registry's, in bytes.
const LONGEST_NAME: usize = 255;

/// Longest tag, in bytes.
const LONGEST_TAG: usize = 128;

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    registry: String,
    repository: String,
    tag: String,
}

/// Why something is no name of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// The registry.
    #[error(
        "a registry is a host name with a dot, or an address, and perhaps a port: `registry.example.org:5000`"
    )]
    Registry,
    /// The repository.
    #[error("a repository is lower-case words with `/`, `.`, `_` or `-` between them: `team/image`")]
    Repository,
    /// The tag.
    #[error(
        "a tag has 1 to {LONGEST_TAG} letters, digits, `.`, `_` or `-`, and does not begin with `.` or `-`"
    )]
    Tag,
}

impl Target {
    /// Checks the names.
    pub fn new(registry: &str, repository: &str, tag: &str) -> Result<Self, InvalidTarget> {
        if !is_registry(registry) {
            return Err(InvalidTarget::Registry);
        }
        if repository.len() + registry.len() >= LONGEST_NAME || !repository.split('/').all(is_component) {
            return Err(InvalidTarget::Repository);
        }
        if !is_tag(tag) {
            return Err(InvalidTarget::Tag);
        }
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), tag: tag.to_owned() })
    }

    /// Host of the registry, perhaps with a port.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        &self.tag
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.registry, self.repository, self.tag)
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) if host.parse::<std::net::Ipv6Addr>().is_ok() => (host, None),
        Some((host, port)) if host.parse::<std::net::Ipv6Addr>().is_ok() => {
            (host, port.strip_prefix(':').or(Some("")))
        }
        Some(_) => return false,
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port_is_right = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let host_is_right = host.contains(':') || host.split('.').all(label);
    let is_host = host.contains(['.', ':']) || port.is_some() || host == "localhost";
    port_is_right && host_is_right && is_host
}

/// Lower-case words with one of `.`, `_`, `__` or some `-` between them.
fn is_component(text: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_edge = |byte: Option<&u8>| byte.is_some_and(is_word);
    let bytes = text.as_bytes();
    let separators = bytes.split(is_word).filter(|between| !between.is_empty());
    let known =
        |between: &[u8]| matches!(between, b"." | b"_" | b"__") || between.iter().all(|&byte| byte == b'-');
    is_edge(bytes.first()) && is_edge(bytes.last()) && separators.into_iter().all(known)
}

fn is_tag(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=LONGEST_TAG).contains(&text.len()) && text.bytes().all(known) && !text.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::{InvalidTarget, Target};

    #[test]
    fn names_are_those_of_the_specification() {
        for (registry, repository, tag) in [
            ("registry.example.org", "a", "latest"),
            ("localhost", "team/image-1_x.y__z--a", "_v1.0-rc"),
            ("[::1]:5000", "a/b/c", "1"),
            ("127.0.0.1:5000", "0", "V"),
        ] {
            let target = Target::new(registry, repository, tag).expect(registry);
            assert_eq!(target.to_string(), format!("{registry}/{repository}:{tag}"));
        }
        let long = "a".repeat(250);
        for registry in [
            "", "registry", "a.b:", "a.b:0", "a.b:x", "a.b/c", "user@a.b", "-a.b", "a..b", "[x]:1", "[::1]5",
            "a.b#c",
        ] {
            assert_eq!(Target::new(registry, "a", "b"), Err(InvalidTarget::Registry), "{registry}");
        }
        for repository in ["", "A", "a//b", "/a", "a/", "a..b", "a_-b", "../a", "a b", "a%2fb", "-a", &long] {
            assert_eq!(
                Target::new("a.example", repository, "b"),
                Err(InvalidTarget::Repository),
                "{repository}"
            );
        }
        for tag in ["", ".a", "-a", "a/b", "a:b", "a\n", &long] {
            assert_eq!(Target::new("a.example", "a", tag), Err(InvalidTarget::Tag), "{tag}");
        }
    }
}
