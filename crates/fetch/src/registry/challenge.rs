//! What a registry asks for before it lets somebody in: `WWW-Authenticate` (RFC 9110, section 11.6.1).

use std::fmt::Write as _;

/// A way to show who one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password with every request.
    Basic,
    /// A token from another address.
    Bearer {
        /// Where it is to be had.
        realm: String,
        /// Whom it is for.
        service: Option<String>,
        /// What it is to allow.
        scope: Option<String>,
    },
}

impl Challenge {
    /// Reads a header.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let parameters = parameters(rest);
        let get = |name: &str| {
            let found = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        };
        Some(Self::Bearer { realm: get("realm")?, service: get("service"), scope: get("scope") })
    }
}

/// `name=value, name="value"`: commas stand inside of quotation marks too.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        found.push((name.trim().to_owned(), value.trim().to_owned()));
        rest = after.trim_start_matches([',', ' ']);
    }
    found
}

/// A value as part of a query.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // writing into a string does not fail
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{Challenge, escaped};

    #[test]
    fn challenges_of_registries_are_read() {
        assert_eq!(Challenge::parse("Basic realm=\"x\", charset=\"UTF-8\""), Some(Challenge::Basic));
        let bearer =
            "Bearer realm=\"https://auth.example/token\",service=\"r\",scope=\"repository:a/b:pull,push\"";
        let expected = Challenge::Bearer {
            realm: "https://auth.example/token".to_owned(),
            service: Some("r".to_owned()),
            scope: Some("repository:a/b:pull,push".to_owned()),
        };
        assert_eq!(Challenge::parse(bearer), Some(expected));
        let bare = Challenge::Bearer { realm: "http://a".to_owned(), service: None, scope: None };
        assert_eq!(Challenge::parse("bearer realm=http://a"), Some(bare));
        for other in ["", "Digest realm=x", "Bearer service=x", "Bearer realm", "Bearer =\"\"\"\","] {
            assert_eq!(Challenge::parse(other), None, "{other}");
        }
        assert_eq!(escaped("repository:a/b:pull,push &"), "repository:a/b:pull%2Cpush%20%26");
    }
}
