//! What a tree's own dpkg database says is installed, and whether that is what was put there.
//!
//! A maintainer script runs as the tree's root and can edit the database, so the truth about an image is the lock; the
//! database is only compared with it, and every difference is a finding.

use std::collections::BTreeMap;
use std::fmt;

use super::control::{ControlError, Scanner, Token};

/// An entry of `/var/lib/dpkg/status`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Installed {
    /// Package name.
    pub name: String,
    /// Architecture.
    pub architecture: String,
    /// Version.
    pub version: String,
    /// The `Status` field, `install ok installed` for a package in good order.
    pub status: String,
}

/// Reads the text of a `status` file.
///
/// # Errors
/// When it is not deb822.
pub fn read(status: &[u8]) -> Result<Vec<Installed>, ControlError> {
    let mut found = Vec::new();
    let mut scanner = Scanner::new(status);
    let mut current = empty();
    while let Some(token) = scanner.next_token()? {
        match token {
            Token::End => found.push(std::mem::replace(&mut current, empty())),
            Token::Field(field) => {
                let target = match field.name {
                    b"Package" => &mut current.name,
                    b"Architecture" => &mut current.architecture,
                    b"Version" => &mut current.version,
                    b"Status" => &mut current.status,
                    _ => continue,
                };
                *target = String::from_utf8_lossy(field.value).into_owned();
            }
        }
    }
    Ok(found)
}

fn empty() -> Installed {
    Installed {
        name: String::new(),
        architecture: String::new(),
        version: String::new(),
        status: String::new(),
    }
}

/// How the database differs from what was installed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// A package that was installed is not recorded.
    Missing(String),
    /// A package is recorded that was not installed.
    Extra(String),
    /// A package is recorded with another version.
    Version {
        /// Name and architecture.
        package: String,
        /// Version that was installed.
        expected: String,
        /// Version that is recorded.
        found: String,
    },
    /// A package is not in state installed.
    State {
        /// Name and architecture.
        package: String,
        /// Its `Status` field.
        status: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(package) => write!(formatter, "`{package}` was installed but is not recorded"),
            Self::Extra(package) => write!(formatter, "`{package}` is recorded but was not installed"),
            Self::Version { package, expected, found } => {
                write!(formatter, "`{package}` is recorded with version `{found}` instead of `{expected}`")
            }
            Self::State { package, status } => write!(formatter, "`{package}` has status `{status}`"),
        }
    }
}

/// Compares what is recorded with what was installed: name, architecture and version of every package.
pub fn compare<'a>(
    expected: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>,
    recorded: &[Installed],
) -> Vec<Finding> {
    let label = |name: &str, architecture: &str| format!("{name}:{architecture}");
    let mut left: BTreeMap<String, Vec<&Installed>> = BTreeMap::new();
    for package in recorded {
        left.entry(label(&package.name, &package.architecture)).or_default().push(package);
    }
    let mut findings = Vec::new();
    for (name, architecture, version) in expected {
        let package = label(name, architecture);
        let Some(found) = left.get_mut(&package).and_then(Vec::pop) else {
            findings.push(Finding::Missing(package));
            continue;
        };
        if found.version != version {
            let (expected, found) = (version.to_owned(), found.version.clone());
            findings.push(Finding::Version { package, expected, found });
        } else if found.status != "install ok installed" {
            findings.push(Finding::State { package, status: found.status.clone() });
        }
    }
    let extra = left
        .into_iter()
        .flat_map(|(package, found)| found.into_iter().map(move |_| Finding::Extra(package.clone())));
    findings.extend(extra);
    findings.sort();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &[u8] = b"Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n\
        Package: b\nStatus: install ok half-configured\nArchitecture: all\nVersion: 2\nDescription: b\n Package: x\n\n\
        Package: c\nStatus: install ok installed\nArchitecture: all\nVersion: 4\n\n\
        Package: backdoor\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n";

    #[test]
    fn t25_an_edited_database_is_noticed() {
        let recorded = read(STATUS).unwrap();
        assert_eq!(recorded.len(), 4);
        let expected = [("a", "amd64", "1"), ("b", "all", "2"), ("c", "all", "3"), ("d", "all", "1")];
        let findings: Vec<String> = compare(expected, &recorded).iter().map(ToString::to_string).collect();
        let wanted = [
            "`d:all` was installed but is not recorded",
            "`backdoor:all` is recorded but was not installed",
            "`c:all` is recorded with version `4` instead of `3`",
            "`b:all` has status `install ok half-configured`",
        ];
        assert_eq!(findings, wanted);
        assert_eq!(compare([("a", "amd64", "1")], &recorded[..1]), []);
    }

    #[test]
    fn t25_a_package_recorded_twice_is_noticed() {
        let twice = [STATUS, STATUS].concat();
        let recorded: Vec<_> =
            read(&twice).unwrap().into_iter().filter(|package| package.name == "a").collect();
        assert_eq!(compare([("a", "amd64", "1")], &recorded), [Finding::Extra("a:amd64".to_owned())]);
    }
}
