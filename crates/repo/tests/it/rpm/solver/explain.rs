//! Real conflicts in words: the texts are in `conflicts.txt`, and every fix is tried here once more.
//!
//! `LBUILD_GOLDEN=write` writes the file again.

use std::fmt::Write as _;

use lbuild_repo::index::Index;
use lbuild_repo::resolve::{Change, Request, Unsatisfiable, resolve};
use lbuild_repo::rpm::resolve::Rpm;

use super::{Source, index, wanted};

/// Requests that clash; a name after `-` must not come.
const CONFLICTS: [&[&str]; 12] = [
    &["coreutils", "coreutils-single"],
    &["curl", "curl-minimal"],
    &["mariadb-server", "mysql-server"],
    &["systemd", "systemd-standalone-sysusers"],
    &["openssl-libs", "bash", "-glibc"],
    &["postfix", "-openssl-libs"],
    &["nftables", "-libnftnl"],
    &["dnf", "-python3"],
    &["bash", "glibc-minimal-langpak"],
    &["httpd", "-mailcap"],
    &["NetworkManager", "-dbus"],
    &["tmux", "no-such-package"],
];

fn request(words: &[&str]) -> Request {
    let (removals, names): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| word.starts_with('-'));
    Request {
        packages: names.into_iter().map(wanted).collect(),
        remove: removals.into_iter().map(|word| word[1..].to_owned()).collect(),
        ..Request::new("x86_64")
    }
}

fn changed(request: &Request, changes: &[Change]) -> Request {
    let mut request = request.clone();
    let mut drop_requests = Vec::new();
    let mut drop_removals = Vec::new();
    for change in changes {
        match change {
            Change::DropRequest { index } => drop_requests.push(*index),
            Change::DropRemoval { index } => drop_removals.push(*index),
            Change::Rename { index, name } => request.packages[*index].name.clone_from(name),
            Change::AnyVersion { index } => request.packages[*index].version = None,
            Change::FromSuite { index, suite } => request.packages[*index].suite = Some(suite.clone()),
            Change::LeaveOut { name } => request.remove.push(name.clone()),
            Change::Enable { .. } | Change::DropPin { .. } => {
                panic!("{change:?} cannot be for these requests")
            }
        }
    }
    drop_requests.sort_unstable();
    drop_removals.sort_unstable();
    drop_requests.into_iter().rev().for_each(|at| drop(request.packages.remove(at)));
    drop_removals.into_iter().rev().for_each(|at| drop(request.remove.remove(at)));
    request
}

fn text(index: &Index, words: &[&str]) -> String {
    let request = request(words);
    let mut text = format!("request: {}\n", words.join(" "));
    let reason: Unsatisfiable = match resolve(&Rpm, index, &request) {
        Ok(selection) => return text + &format!("no conflict: {} packages\n", selection.packages.len()),
        Err(reason) => reason,
    };
    writeln!(text, "{}", reason.summary).expect("writing to a string");
    for link in &reason.chain {
        writeln!(text, "  {} {} {}", link.from, link.relation, link.to).expect("writing to a string");
    }
    for fix in &reason.fixes {
        writeln!(text, "fix: {}", fix.label).expect("writing to a string");
        let fixed = resolve(&Rpm, index, &changed(&request, &fix.changes));
        assert!(fixed.is_ok(), "{words:?}: `{}` does not help", fix.label);
    }
    for unknown in &reason.unknown {
        writeln!(text, "near `{}`: {}", unknown.name, unknown.near.join(", ")).expect("writing to a string");
    }
    text
}

#[test]
fn conflicts_are_explained_and_their_fixes_work() {
    let index = index(&[Source::new("cs9-appstream-2025"), Source::new("cs9-baseos-2024")], "x86_64");
    let texts: Vec<String> = CONFLICTS.iter().map(|words| text(&index, words)).collect();
    let found = texts.join("\n");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/rpm/solver/conflicts.txt");
    if std::env::var_os("LBUILD_GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(path, &found).expect("the golden file");
    }
    let expected = std::fs::read_to_string(path).expect("the golden file");
    assert!(found == expected, "`LBUILD_GOLDEN=write` writes the file again:\n{found}");
}
