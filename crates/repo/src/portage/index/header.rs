//! The header: what holds for all entries, and which USE flags the profile of the host implies.

use std::collections::BTreeSet;

use super::IndexError;
use super::scan::Fields;

/// What an index says about all of its entries.
#[derive(Debug, Clone)]
pub struct Header<'a> {
    /// `ARCH`: the keyword of the architecture, such as `amd64`.
    pub arch: &'a str,
    /// `CHOST`, such as `x86_64-pc-linux-gnu`: of every entry that names no other.
    pub chost: &'a str,
    /// `PROFILE` below `profiles/`, such as `default/linux/amd64/23.0/systemd`.
    pub profile: &'a str,
    /// `URI`: where the packages lie if not beside the index.
    pub uri: Option<&'a str>,
    /// `TIMESTAMP` of the index, seconds since the Unix epoch.
    pub timestamp: Option<u64>,
    /// `TTL`: seconds for which the index need not be asked for again.
    pub ttl: Option<u64>,
    /// `PACKAGES`: how many entries follow.
    pub packages: Option<u64>,
    /// `REPO`: the ebuild repository of every entry that names no other.
    pub repository: &'a str,
    /// `ACCEPT_KEYWORDS`.
    pub accept_keywords: &'a str,
    /// `ACCEPT_LICENSE`.
    pub accept_license: &'a str,
    /// `USE`: the flags that are on in the profile and configuration of the host.
    pub use_flags: &'a str,
    /// `FEATURES` of the portage that built the packages, such as `binpkg-signing`.
    pub features: &'a str,
    /// USE flags that every package knows.
    pub implied: Implied,
}

/// USE flags that every package of EAPI 5 and later knows without naming them (Package Manager Specification, 11.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Implied(BTreeSet<String>);

impl Implied {
    /// Whether a flag is among them.
    pub fn has(&self, flag: &str) -> bool {
        self.0.contains(flag)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn read(fields: &Fields<'_>) -> Self {
        let mut flags: BTreeSet<String> =
            fields.text("IUSE_IMPLICIT").split_ascii_whitespace().map(str::to_owned).collect();
        let words = |key: &str| fields.text(key).split_ascii_whitespace();
        for variable in words("USE_EXPAND_IMPLICIT") {
            let values = format!("USE_EXPAND_VALUES_{variable}");
            let plain = words("USE_EXPAND_UNPREFIXED").any(|other| other == variable);
            let expanded = words("USE_EXPAND").any(|other| other == variable);
            for value in words(&values) {
                if plain {
                    flags.insert(value.to_owned());
                }
                if expanded {
                    flags.insert(format!("{}_{value}", variable.to_ascii_lowercase()));
                }
            }
        }
        Self(flags)
    }
}

impl<'a> Header<'a> {
    pub(super) fn read(fields: &Fields<'a>) -> Result<Self, IndexError> {
        match fields.get("VERSION") {
            Some("0") => {}
            Some(other) => return Err(IndexError::Version(other.chars().take(40).collect())),
            None => return Err(missing("VERSION")),
        }
        Ok(Self {
            arch: fields.text("ARCH"),
            chost: fields.text("CHOST"),
            profile: fields.text("PROFILE"),
            uri: fields.get("URI"),
            timestamp: number(fields, "TIMESTAMP")?,
            ttl: number(fields, "TTL")?,
            packages: number(fields, "PACKAGES")?,
            repository: fields.get("REPO").unwrap_or_else(|| fields.text("repository")),
            accept_keywords: fields.text("ACCEPT_KEYWORDS"),
            accept_license: fields.text("ACCEPT_LICENSE"),
            use_flags: fields.text("USE"),
            features: fields.text("FEATURES"),
            implied: Implied::read(fields),
        })
    }
}

fn missing(field: &'static str) -> IndexError {
    IndexError::Missing { entry: "the header".to_owned(), field }
}

fn number(fields: &Fields<'_>, field: &'static str) -> Result<Option<u64>, IndexError> {
    let read = |text: &str| {
        text.parse().map_err(|_| IndexError::Value {
            entry: "the header".to_owned(),
            field,
            value: text.chars().take(80).collect(),
        })
    };
    fields.get(field).map(read).transpose()
}
