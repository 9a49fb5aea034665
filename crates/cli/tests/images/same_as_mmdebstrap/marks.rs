//! Lets apt install the same requests, and compares which packages it remembers as dependencies.
//!
//! apt decides that before dpkg does anything, so a dpkg that does nothing will do. The base set is handed to it by name:
//! its priorities are those of the archive, which the packages themselves do not know.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lbuild_engine::Lock;

use super::{chroot, reference, succeed};
use crate::place::Place;

const STATES: &str = "var/lib/apt/extended_states";

/// Packages that are more important to the archive than to themselves.
const RAISED: [&str; 3] = ["debconf", "readline-common", "whiptail"];

/// The marks in `tree`, the system of `lock`, are those that apt makes for `requests`, and its own programs see them.
pub fn judge(place: &Place, lock: &Lock, downloads: &Path, tree: &Path, requests: &[&str]) {
    let manual: BTreeSet<&str> =
        lock.system.iter().filter(|package| !package.auto).map(|package| package.name.as_str()).collect();
    let ours = marked(&tree.join(STATES));
    let theirs = marked(&install(place, lock, downloads, tree, &manual));
    assert_eq!(ours, theirs, "automatic packages (ours, apt's)");
    let shown = succeed(chroot(tree).args(["apt-mark", "showmanual"]));
    assert_eq!(shown.lines().collect::<BTreeSet<_>>(), manual, "apt-mark showmanual");
    let missed: Vec<&str> = requests.iter().copied().filter(|name| !manual.contains(name)).collect();
    assert_eq!(missed, [""; 0], "requests that are marked as automatic");
    let index = fs::read_to_string(place.path("apt/repository/Packages")).expect("an index");
    let base = base_set(&index);
    let reasons = [requests, RAISED.as_slice()].concat();
    let unasked: Vec<&str> =
        manual.into_iter().filter(|name| !reasons.contains(name) && !base.contains(name)).collect();
    assert_eq!(unasked, [""; 0], "manual, and nobody asked for them");
    let unneeded = succeed(chroot(tree).args(["apt-get", "--simulate", "autoremove"]));
    assert!(!unneeded.contains("Remv "), "{unneeded}");
}

/// Names of the packages of an index that count as part of a base set by what they say of themselves.
fn base_set(index: &str) -> BTreeSet<&str> {
    let stanzas = index.split("\n\n").filter(|stanza| {
        let fields = ["Essential: yes", "Priority: required", "Priority: important"];
        stanza.lines().any(|line| fields.contains(&line))
    });
    stanzas.filter_map(|stanza| stanza.lines().find_map(|line| line.strip_prefix("Package: "))).collect()
}

/// Has apt install `requests` onto nothing; returns its list of states.
fn install(place: &Place, lock: &Lock, downloads: &Path, tree: &Path, requests: &BTreeSet<&str>) -> PathBuf {
    let root = place.path("apt");
    for directory in
        ["etc/preferences.d", "state/lists/partial", "cache/archives/partial", "log", "repository"]
    {
        fs::create_dir_all(root.join(directory)).expect("directories for apt");
    }
    let repository = root.join("repository");
    reference::publish(lock, downloads, &repository);
    let source = format!("deb [trusted=yes] file:{} ./\n", repository.display());
    fs::write(root.join("etc/sources.list"), source).expect("sources for apt");
    fs::write(root.join("state/status"), "").expect("an empty system for apt");
    let (here, parts) = (root.display(), tree.join("etc/apt/apt.conf.d"));
    let settings = format!(
        "Dir \"{here}\";\nDir::Etc \"etc\";\nDir::Etc::main \"none\";\nDir::Etc::parts \"none\";\n\
         Dir::State \"state\";\nDir::State::status \"{here}/state/status\";\nDir::Cache \"cache\";\n\
         Dir::Log \"log\";\nDir::Bin::dpkg \"/bin/true\";\nAPT::Architecture \"{arch}\";\n\
         APT::Architectures {{ \"{arch}\"; }};\nAcquire::Languages \"none\";\nAPT::Sandbox::User \"root\";\n\
         APT::Install-Recommends \"false\";\n{rules}",
        arch = lock.architecture,
        rules = fs::read_to_string(parts.join("01autoremove")).expect("apt's rules about automatic packages"),
    );
    fs::write(root.join("apt.conf"), settings).expect("settings of apt");
    let install: Vec<&str> = ["install"].iter().chain(requests).copied().collect();
    for arguments in [&["update"][..], &install] {
        let mut apt = Command::new("apt-get");
        apt.args(["--quiet=2", "--yes"]).args(arguments);
        succeed(apt.env("APT_CONFIG", root.join("apt.conf")).env("LC_ALL", "C.UTF-8"));
    }
    root.join("state/extended_states")
}

/// The packages that a list of states marks as automatic, with their architectures.
fn marked(states: &Path) -> BTreeSet<(String, String)> {
    let text = fs::read_to_string(states).unwrap_or_else(|error| panic!("{}: {error}", states.display()));
    let stanzas = text.split("\n\n").filter(|stanza| !stanza.trim().is_empty());
    let field = |stanza: &str, name: &str| {
        let line = stanza.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no `{name}` in `{stanza}`")).to_owned()
    };
    stanzas
        .filter(|stanza| field(stanza, "Auto-Installed: ") == "1")
        .map(|stanza| (field(stanza, "Package: "), field(stanza, "Architecture: ")))
        .collect()
}
