//! Stanzas of `/var/lib/dpkg/status` in the form in which dpkg writes them.

use std::fmt::Write as _;

use super::control::Control;
use crate::deb::relation::{atom, relations, sign};

/// Fields in dpkg's order (`fieldinfos` in its `parse.c`); others follow in the package's own order.
const ORDER: [&str; 28] = [
    "Package",
    "Essential",
    "Protected",
    "Status",
    "Priority",
    "Section",
    "Installed-Size",
    "Origin",
    "Maintainer",
    "Bugs",
    "Architecture",
    "Multi-Arch",
    "Source",
    "Version",
    "Replaces",
    "Provides",
    "Depends",
    "Pre-Depends",
    "Recommends",
    "Suggests",
    "Breaks",
    "Conflicts",
    "Enhances",
    "Conffiles",
    "Description",
    "Triggers-Pending",
    "Triggers-Awaited",
    "Revision",
];

/// A configuration file of a package, as `status` records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conffile {
    /// Path with leading `/`.
    pub path: String,
    /// MD5 in hex, or `newconffile` until `dpkg --configure` decides.
    pub digest: String,
    /// Another package has taken it over.
    pub obsolete: bool,
    /// It is to be removed when the package is upgraded, and not shipped.
    pub remove_on_upgrade: bool,
}

/// The stanza of a package that was just unpacked.
pub(super) fn unpacked(control: &Control, conffiles: &[Conffile], awaited: &[String]) -> String {
    let mut out = String::new();
    for field in ORDER {
        match field {
            "Status" => out.push_str("Status: install ok unpacked\n"),
            "Conffiles" => write_conffiles(&mut out, conffiles),
            "Triggers-Awaited" if !awaited.is_empty() => {
                let _ = writeln!(out, "Triggers-Awaited: {}", awaited.join(" "));
            }
            _ => {
                if let Some(value) = control.get(field).and_then(|value| canonical(field, value)) {
                    let _ = writeln!(out, "{field}: {value}");
                }
            }
        }
    }
    for (field, value) in &control.fields {
        if !value.is_empty() && !ORDER.iter().any(|known| known.eq_ignore_ascii_case(field)) {
            let _ = writeln!(out, "{field}: {value}");
        }
    }
    out
}

/// The value as dpkg would write it, or nothing when it would leave the field out.
fn canonical(field: &str, value: &str) -> Option<String> {
    match field {
        "Essential" | "Protected" => (value == "yes").then(|| value.to_owned()),
        "Multi-Arch" => (value != "no").then(|| value.to_owned()),
        "Triggers-Pending" | "Triggers-Awaited" | "Revision" => None,
        "Replaces" | "Provides" | "Depends" | "Pre-Depends" | "Recommends" | "Suggests" | "Breaks"
        | "Conflicts" | "Enhances" => {
            let groups: Vec<String> = relations(value)
                .map(|relation| relation.split('|').map(alternative).collect::<Vec<_>>().join(" | "))
                .collect();
            (!groups.is_empty()).then(|| groups.join(", "))
        }
        _ => (!value.is_empty()).then(|| value.to_owned()),
    }
}

fn alternative(text: &str) -> String {
    let Ok(atom) = atom(text) else { return text.trim().to_owned() };
    let mut out = atom.name.to_owned();
    if !atom.qualifier.is_empty() {
        let _ = write!(out, ":{}", atom.qualifier);
    }
    if let Some((operator, version)) = atom.bound {
        let _ = write!(out, " ({} {version})", sign(operator));
    }
    out
}

fn write_conffiles(out: &mut String, conffiles: &[Conffile]) {
    if conffiles.is_empty() {
        return;
    }
    out.push_str("Conffiles:\n");
    for conffile in conffiles {
        let obsolete = if conffile.obsolete { " obsolete" } else { "" };
        let remove = if conffile.remove_on_upgrade { " remove-on-upgrade" } else { "" };
        let _ = writeln!(out, " {} {}{obsolete}{remove}", conffile.path, conffile.digest);
    }
}

/// A stanza of a configured package with triggers added to those that wait already.
pub(super) fn with_pending(stanza: &str, state: &str, triggers: &[String]) -> String {
    const PENDING: &str = "Triggers-Pending:";
    let old = stanza.lines().find_map(|line| line.strip_prefix(PENDING)).unwrap_or_default();
    let old: Vec<&str> = old.split_whitespace().collect();
    let new = triggers.iter().map(String::as_str).filter(|trigger| !old.contains(trigger));
    let all: Vec<&str> = new.chain(old.iter().copied()).collect();
    let pending = format!("{PENDING} {}", all.join(" "));
    let mut lines: Vec<String> = Vec::new();
    for line in stanza.lines().filter(|line| !line.starts_with(PENDING)) {
        // dpkg writes the field between the description and what it does not know.
        if line.starts_with("Triggers-Awaited:") {
            lines.push(pending.clone());
        }
        match line.strip_prefix("Status: ") {
            Some(status) if state == "installed" => {
                let words: Vec<&str> = status.split_whitespace().take(2).collect();
                lines.push(format!("Status: {} triggers-pending", words.join(" ")));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    if !lines.contains(&pending) {
        lines.push(pending);
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::with_pending;

    #[test]
    fn pending_triggers_are_added_once_and_before_awaited_ones() {
        let triggers = ["b".to_owned(), "a".to_owned()];
        let installed = "Package: x\nStatus: hold ok installed\nDescription: x\n";
        assert_eq!(
            with_pending(installed, "installed", &triggers),
            "Package: x\nStatus: hold ok triggers-pending\nDescription: x\nTriggers-Pending: b a\n"
        );
        let waiting =
            "Package: x\nStatus: install ok triggers-awaited\nTriggers-Pending: a\nTriggers-Awaited: y\n";
        assert_eq!(
            with_pending(waiting, "triggers-awaited", &triggers),
            "Package: x\nStatus: install ok triggers-awaited\nTriggers-Pending: b a\nTriggers-Awaited: y\n"
        );
    }
}
