//! Compares dpkg's database with what was installed: scripts run with the rights to edit it, and what an image says
//! about itself is believed by whoever looks for known holes in its packages.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use lbuild_image::hygiene::{Rule, Violation};
use lbuild_repo::deb::control::{ControlError, Field, Scanner, Token};
use serde::{Deserialize, Serialize};

/// Where dpkg keeps the state of every package.
const STATUS: &str = "/var/lib/dpkg/status";

/// Where dpkg keeps the list of each package's files.
const LISTS: &str = "/var/lib/dpkg/info";

/// Violations that are shown; a database that is gone would give one per package.
const SHOWN: usize = 20;

/// One package that was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Installed {
    pub(crate) name: String,
    pub(crate) arch: String,
    pub(crate) version: String,
}

/// A package by name and architecture.
type Name = (String, String);

/// What the database says of a package.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Entry {
    version: String,
    /// The last word of its status, such as `installed`.
    state: String,
}

/// In what the database of the system below `root` differs from what was installed.
pub(super) fn check(root: &Path, installed: &[Installed]) -> Result<Vec<Violation>, String> {
    let at = |path: &str| root.join(path.trim_start_matches('/'));
    if installed.is_empty() {
        return Ok(Vec::new());
    }
    let status = match fs::read(at(STATUS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other.map_err(|error| format!("cannot read `{STATUS}`: {error}"))?,
    };
    let mut reasons = match entries(&status) {
        Ok(entries) => compare(&entries, installed),
        Err(error) => vec![error.to_string()],
    };
    for package in installed {
        let names = [package.name.clone(), format!("{}:{}", package.name, package.arch)];
        if !names.iter().any(|name| at(&format!("{LISTS}/{name}.list")).is_file()) {
            reasons.push(format!("has no list of the files of `{}`", package.name));
        }
    }
    let more = reasons.len().saturating_sub(SHOWN);
    reasons.truncate(SHOWN);
    if more > 0 {
        reasons.push(format!("and {more} more"));
    }
    Ok(reasons.iter().map(|reason| violation(reason)).collect())
}

fn violation(reason: &str) -> Violation {
    let reason = format!("is a tampered database: {reason}");
    Violation { path: STATUS.to_owned(), rule: Rule::PackageDatabase, reason }
}

fn entries(status: &[u8]) -> Result<BTreeMap<Name, Entry>, ControlError> {
    let mut scanner = Scanner::new(status);
    let mut found = BTreeMap::new();
    let (mut name, mut entry) = (Name::default(), Entry::default());
    while let Some(token) = scanner.next_token()? {
        match token {
            Token::Field(field) => read(&field, &mut name, &mut entry),
            Token::End => {
                found.insert(std::mem::take(&mut name), std::mem::take(&mut entry));
            }
        }
    }
    Ok(found)
}

fn read(field: &Field<'_>, name: &mut Name, entry: &mut Entry) {
    let value = || String::from_utf8_lossy(field.value).into_owned();
    match field.name.to_ascii_lowercase().as_slice() {
        b"package" => name.0 = value(),
        b"architecture" => name.1 = value(),
        b"version" => entry.version = value(),
        b"status" => value().split_whitespace().last().unwrap_or_default().clone_into(&mut entry.state),
        _ => {}
    }
}

fn compare(entries: &BTreeMap<Name, Entry>, installed: &[Installed]) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut unknown: BTreeMap<&Name, &Entry> = entries.iter().collect();
    for package in installed {
        let Installed { name, arch, version } = package;
        match unknown.remove(&(name.clone(), arch.clone())) {
            None => reasons.push(format!("does not list `{name}` {version}, which was installed")),
            Some(entry) if entry.state != "installed" => {
                reasons.push(format!("says that `{name}` is {}, and it was installed", entry.state));
            }
            Some(entry) if entry.version != *version => {
                reasons.push(format!("lists `{name}` {}, and {version} was installed", entry.version));
            }
            Some(_) => {}
        }
    }
    // A name that dpkg only remembers is not a package of the image.
    let present = unknown.into_iter().filter(|(_, entry)| entry.state != "not-installed");
    reasons.extend(present.map(|((name, _), entry)| {
        format!("lists `{name}` {} as {}, which is not in the lock", entry.version, entry.state)
    }));
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "\
Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\nDescription: a\n b\n\n\
Package: tzdata\nStatus: install ok installed\nArchitecture: all\nVersion: 2026a-1\n\n\
Package: gone\nStatus: unknown ok not-installed\nArchitecture: all\n";

    fn package(name: &str, arch: &str, version: &str) -> Installed {
        Installed { name: name.into(), arch: arch.into(), version: version.into() }
    }

    fn lock() -> [Installed; 2] {
        [package("bash", "amd64", "5.2-1"), package("tzdata", "all", "2026a-1")]
    }

    fn reasons(status: &str) -> Vec<String> {
        compare(&entries(status.as_bytes()).unwrap(), &lock())
    }

    #[test]
    fn the_database_of_what_was_installed_passes() {
        assert_eq!(reasons(STATUS), [""; 0]);
    }

    #[test]
    fn t25_every_edit_of_the_database_is_noticed() {
        let bash = STATUS.split_once("\n\n").unwrap().0;
        for (edited, expected) in [
            (STATUS.replace(bash, ""), "does not list `bash` 5.2-1, which was installed"),
            (STATUS.replace("2026a", "2027a"), "lists `tzdata` 2027a-1, and 2026a-1 was installed"),
            (
                STATUS.replacen("ok installed", "ok unpacked", 1),
                "says that `bash` is unpacked, and it was installed",
            ),
            (
                STATUS.replace("not-installed", "installed"),
                "lists `gone`  as installed, which is not in the lock",
            ),
        ] {
            assert_eq!(reasons(&edited), [expected]);
        }
    }

    #[test]
    fn t25_a_database_without_lists_or_status_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let info = root.path().join("var/lib/dpkg/info");
        fs::create_dir_all(&info).unwrap();
        fs::write(info.join("bash:amd64.list"), "").unwrap();
        fs::write(root.path().join("var/lib/dpkg/status"), STATUS).unwrap();
        let found = check(root.path(), &lock()).unwrap();
        let reasons: Vec<_> = found.iter().map(|violation| violation.reason.as_str()).collect();
        assert_eq!(reasons, ["is a tampered database: has no list of the files of `tzdata`"]);
        fs::remove_file(root.path().join("var/lib/dpkg/status")).unwrap();
        assert_eq!(check(root.path(), &lock()).unwrap().len(), 3);
    }
}
