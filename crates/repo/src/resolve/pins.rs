//! Preferences among versions, in the form of `apt_preferences(5)` and for every family.

use crate::index::{IndexSource, Package};

/// A preference among versions: a record of `apt_preferences(5)`.
///
/// The general form, for all packages, sets the priority of sources: see [`source_priority`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pin {
    /// `*` for all packages. Else a package name, in which `*` stands for any characters and `?` for one; after `src:` that of a source package.
    /// Means packages of the native architecture, as in apt.
    pub package: String,
    /// Which of its versions.
    pub target: PinTarget,
    /// Below 0 never by itself; 0 means nothing to apt.
    pub priority: i32,
}

/// Which versions a pin means.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PinTarget {
    /// Those of a suite, by codename or suite; may be a pattern.
    Release(String),
    /// Versions of this pattern.
    Version(String),
    /// Those that come from this host.
    Host(String),
}

/// The priority of all that a source has ([`IndexSource::pin`]): that of the first pin of the general form that means
/// it, else `usual`, which its release file sets.
pub fn source_priority(pins: &[Pin], source: &IndexSource, usual: i32) -> i32 {
    let general = |pin: &&Pin| pin.package == ALL && pin.target.means_source(source);
    pins.iter().find(general).map_or(usual, |pin| pin.priority)
}

/// The name that stands for all packages.
const ALL: &str = "*";

/// The pins of single packages of a request.
pub(super) struct Pins<'r>(Vec<&'r Pin>);

impl<'r> Pins<'r> {
    pub(super) fn new(pins: &'r [Pin]) -> Self {
        Self(pins.iter().filter(|pin| pin.package != ALL).collect())
    }

    /// The priority of one of `versions`, which are all of its name.
    pub(super) fn priority<'i>(&self, package: Package<'i>, versions: &dyn Fn() -> Vec<Package<'i>>) -> i32 {
        self.specific(package, versions).unwrap_or_else(|| package.source().pin)
    }

    /// The first pin that means this version: what several sources have in common is one version.
    fn specific<'i>(&self, package: Package<'i>, versions: &dyn Fn() -> Vec<Package<'i>>) -> Option<i32> {
        let mut named = self.0.iter().filter(|pin| pin.names(package)).peekable();
        named.peek()?;
        let same =
            |other: &Package<'i>| other.version() == package.version() && other.digest() == package.digest();
        let same: Vec<Package<'i>> = versions().into_iter().filter(same).collect();
        let pin = named.find(|pin| same.iter().any(|version| pin.target.means(*version)))?;
        Some(pin.priority)
    }
}

impl Pin {
    fn names(&self, package: Package<'_>) -> bool {
        match self.package.strip_prefix("src:") {
            Some(source) => matches(source, package.source_name()),
            None => matches(&self.package, package.name()),
        }
    }
}

impl PinTarget {
    fn means(&self, package: Package<'_>) -> bool {
        match self {
            Self::Version(pattern) => is_version(pattern, package.version()),
            Self::Release(_) | Self::Host(_) => self.means_source(package.source()),
        }
    }

    fn means_source(&self, source: &IndexSource) -> bool {
        match self {
            Self::Release(name) => source.names.iter().any(|known| matches(name, known)),
            Self::Host(host) => matches(host, &source.host),
            Self::Version(_) => false,
        }
    }
}

/// apt reads a `*` at the end as "begins with", and what stands before it as a pattern of its own.
fn is_version(pattern: &str, version: &str) -> bool {
    let (start, is_prefix) = pattern.strip_suffix('*').map_or((pattern, false), |start| (start, true));
    (is_prefix && version.starts_with(start)) || matches(start, version)
}

/// Whether `text` fits a pattern of `*` and `?`, upper case or lower: `fnmatch(3)` as apt uses it, without brackets.
///
/// Time is bounded by the product of the lengths: only the last `*` is ever tried again.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(b) if *b == b'?' || b.eq_ignore_ascii_case(&text[from]) => (at, from) = (at + 1, from + 1),
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                (at, from) = (star_at + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// Whether `package` comes from `suite`; the suite `trixie` means itself alone, not `trixie-updates`.
pub(super) fn is_from(package: Package<'_>, suite: &str) -> bool {
    package.source().suite == suite
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_fnmatch() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "x"),
            ("a*", "a"),
            ("a*b", "axxb"),
            ("a?c", "abc"),
            ("*a*b*", "xxaybz"),
            ("A", "a"),
            ("lib*-dev", "liba-b-dev"),
            ("**", "ab"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a", "ab"), ("?", ""), ("a*b", "axxc"), ("*-dev", "dev"), ("a?", "a")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_star_at_the_end_of_a_version_is_a_prefix() {
        assert!(is_version("1.2*", "1.2-3") && is_version("*", "7") && is_version("1.*-3", "1.2-3"));
        assert!(!is_version("1.2", "1.2-3") && !is_version("1.*-3*", "1.2-31"));
        assert!(is_version("1.*-3*", "1.2-3"));
    }

    #[test]
    fn a_pattern_of_many_stars_ends_soon() {
        assert!(!matches(&"*a".repeat(200), &"a".repeat(199)));
        assert!(!matches(&format!("{}b", "a*".repeat(60)), &"a".repeat(4096)));
    }
}
