//! apt as the judge of pins: the same preferences, given to it as a file.

use std::fmt::Write as _;

use lbuild_repo::deb::resolve::Debian;
use lbuild_repo::index::Index;
use lbuild_repo::resolve::{Pin, PinTarget, resolve};

use super::oracle::Apt;
use super::{ours, parse_case};

/// Records, as `package; what it means; priority`, with a line break between two of them, and a request.
const SPECIFIC: [(&str, &str); 21] = [
    ("curl; release trixie-backports; 600", "curl"),
    ("curl; release trixie-backports; 500", "curl"),
    ("curl; release trixie-backports; 499", "curl"),
    ("curl; release stable-backports; 1001", "curl"),
    ("curl; release TRIXIE-BACKPORTS; 990", "curl"),
    // with what it depends on
    ("src:curl; release trixie-backports; 990", "curl"),
    ("src:curl; version 8.14*; 990", "curl"),
    ("curl libcurl4t64; release trixie-backports; 990", "curl"),
    ("*curl*; release trixie-backports; 990", "curl"),
    ("c?rl; release *-backports; 990", "curl"),
    // the first record that means a version counts, whatever it says
    ("cu*; release trixie-backports; 600\ncurl; release trixie-backports; -1", "curl"),
    ("curl; release trixie-backports; -1\ncu*; release trixie-backports; 600", "curl"),
    ("curl; release trixie-security; 400\ncurl; release *; 300", "curl"),
    // never
    ("curl; release *; -1", "curl"),
    ("curl; version *; -32768", "curl"),
    ("libcurl4t64; release *; -10", "curl"),
    ("systemd-sysv; release *; -1", "init"),
    ("systemd-sysv sysvinit-core; release *; -1", "init"),
    ("bash; release *; -1", "bash/trixie"),
    // an alternative that is only there with the pin
    ("linux-image-amd64; release trixie-backports; 900", "linux-image-amd64"),
    ("src:linux* src:linux-signed-amd64; release trixie-backports; 900", "linux-image-amd64"),
];

/// The same for records of the general form.
const GENERAL: [(&str, &str); 4] = [
    ("*; release trixie-backports; 990", "curl"),
    ("*; release trixie-backports; 990\ncurl; release trixie-backports; 50", "curl"),
    ("*; release trixie-backports; -32768\ncurl; release trixie-backports; 900", "curl"),
    ("*; release trixie-security; -1\n*; release trixie*; 700", "curl"),
];

fn records(text: &str) -> (String, Vec<Pin>) {
    let mut preferences = String::new();
    let mut pins = Vec::new();
    for record in text.lines() {
        let parts: Vec<&str> = record.split("; ").collect();
        let [packages, target, priority] = parts[..] else { panic!("`{record}` has three parts") };
        let (kind, what) = target.split_once(' ').expect("kind and pattern");
        writeln!(preferences, "Package: {packages}\nPin: {target}\nPin-Priority: {priority}\n")
            .expect("memory");
        for package in packages.split(' ') {
            let what = what.to_owned();
            let target = match kind {
                "release" => PinTarget::Release(what),
                "version" => PinTarget::Version(what),
                _ => PinTarget::Host(what.trim_matches('"').to_owned()),
            };
            let priority = priority.parse().expect("a number");
            pins.push(Pin { package: package.to_owned(), target, priority });
        }
    }
    (preferences, pins)
}

fn check(apt: &Apt, index: &Index, (text, line): (&str, &str)) {
    let (preferences, pins) = records(text);
    let case = parse_case(line);
    let mut request = ours::request(&case);
    request.pins = pins;
    let found = resolve(&Debian, index, &request).map(|selection| ours::entries(&selection));
    match (apt.pinned(&preferences, &case), found) {
        (Some(expected), Ok(found)) => {
            let only =
                |a: &std::collections::BTreeSet<String>, b| a.difference(b).cloned().collect::<Vec<_>>();
            assert_eq!(
                (only(&expected, &found), only(&found, &expected)),
                (vec![], vec![]),
                "{text}: {line}"
            );
        }
        (None, Err(_)) => {}
        (expected, found) => panic!("{text}: {line}\napt: {expected:?}\nwe: {found:?}"),
    }
}

#[test]
fn pins_of_single_packages_choose_as_in_apt() {
    let apt = Apt::shared();
    let index = ours::index(apt);
    for case in SPECIFIC {
        check(apt, &index, case);
    }
    let host = apt.host("trixie-security");
    let shared = host == apt.host("trixie");
    let by_host = format!("curl; origin \"{host}\"; 40");
    check(apt, &index, (&by_host, if shared { "curl libc6" } else { "curl" }));
}

#[test]
fn pins_of_suites_choose_as_in_apt() {
    let apt = Apt::shared();
    for (text, line) in GENERAL {
        let index = ours::pinned_index(apt, &records(text).1);
        check(apt, &index, (text, line));
    }
}

/// The preferences make a difference: without them the first case would be another.
#[test]
fn a_pin_changes_what_is_chosen() {
    let apt = Apt::shared();
    let case = parse_case("curl");
    assert_ne!(apt.pinned(&records(SPECIFIC[0].0).0, &case), apt.simulate(&case));
}
