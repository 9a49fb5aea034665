//! Keywords and licenses: what they mask, what accepts them, and how that is told. portage judges.

use std::collections::BTreeSet;
use std::path::Path;

use lbuild_repo::index::Index as Arena;
use lbuild_repo::portage::accept::{Accept, Groups, licenses};
use lbuild_repo::portage::arena::Options;
use lbuild_repo::portage::index::Index;
use lbuild_repo::portage::resolve::Gentoo;
use lbuild_repo::resolve::switches::missing;
use lbuild_repo::resolve::{Change, resolve};
use serde_json::json;

use super::oracle::ask;
use super::resolve::{accepting, arena, fails_from, gives_from, names, request};
use super::{Numbers, shared_plain};

/// The licenses that count as free in `data/distros`.
pub fn free() -> BTreeSet<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/distros/gentoo-licenses.toml");
    let groups: Groups =
        toml::from_str(&std::fs::read_to_string(file).expect("the groups")).expect("groups of licenses");
    licenses(&groups, "FREE").expect("the group of free licenses")
}

fn masked(text: &str) -> Arena {
    let licenses = ["MIT", "GPL-2"].map(str::to_owned).into();
    arena(
        &[("host", 500, text)],
        &Options { accept: Some(Accept { licenses: &licenses }), ..Options::default() },
    )
}

const SMALL: &str = "a/stable-1\nKEYWORDS: amd64\nLICENSE: MIT\n\na/stable-2\nKEYWORDS: ~amd64\nLICENSE: MIT\n\n\
    a/test-1\nKEYWORDS: ~amd64\nRDEPEND: a/lib\n\na/lib-1\nKEYWORDS: ~amd64 x86\n\na/live-9999\n\n\
    a/closed-1\nKEYWORDS: amd64\nLICENSE: EULA\n\na/either-1\nKEYWORDS: amd64\nLICENSE: || ( EULA MIT )\n\n\
    a/both-1\nKEYWORDS: amd64\nLICENSE: || ( A ( B C ) ) MIT\n\na/flag-1\nKEYWORDS: amd64\nIUSE: x y\nUSE: x\n\
    LICENSE: MIT x? ( A ) y? ( B )\n\na/two-1\nKEYWORDS: ~amd64\nLICENSE: EULA\n\n\
    a/needs-1\nKEYWORDS: amd64\nLICENSE: MIT\nRDEPEND: >=a/stable-2\n\na/odd-1\nKEYWORDS: amd64\nLICENSE: || (";

#[test]
fn what_is_stable_and_free_is_accepted() {
    let index = masked(SMALL);
    gives_from(&index, "a/stable a/either", "a/either-1 a/stable-1");
    for (words, reason) in [
        ("a/test", "a/test 1 is masked by the keyword `~amd64`"),
        ("test", "a/test 1 is masked by the keyword `~amd64`"),
        (">=a/stable-2", "a/stable 2 is masked by the keyword `~amd64`"),
        ("a/live", "a/live 9999 is masked by the keyword `**`"),
        ("a/closed", "a/closed 1 is masked by the license `EULA`"),
        ("a/two", "a/two 1 is masked by the keyword `~amd64` and the license `EULA`"),
        ("a/flag", "a/flag 1 is masked by the license `A`"),
        ("a/odd", "a/odd 1 is masked by the license `*`"),
    ] {
        fails_from(&index, words, &format!("`{words}` is not available: {reason}."));
    }
    fails_from(
        &index,
        "a/needs",
        "`a/needs` cannot be installed: `a/needs` depends on >=a/stable-2, but a/stable 2 is masked by the keyword `~amd64`.",
    );
}

#[test]
fn acceptances_are_for_all_or_for_one() {
    let index = masked(SMALL);
    for (words, enable, expected) in [
        ("a/test", &["keyword ~amd64"][..], "a/lib-1 a/test-1"),
        ("a/test", &["keyword ~*"], "a/lib-1 a/test-1"),
        ("a/test", &["keyword **"], "a/lib-1 a/test-1"),
        ("a/test", &["keyword ~amd64 for a/test", "keyword * for a/lib"], "a/lib-1 a/test-1"),
        ("a/stable", &["keyword ~amd64"], "a/stable-2"),
        ("a/stable", &["keyword ~amd64 for a/test"], "a/stable-1"),
        ("a/both", &["license A"], "a/both-1"),
        ("a/both", &["license B", "license C for a/both"], "a/both-1"),
        ("a/two", &["license *", "keyword ~amd64 for a/two"], "a/two-1"),
    ] {
        let mut request = request(words);
        request.enable = enable.iter().map(|way| (*way).to_owned()).collect();
        let selection =
            resolve(&Gentoo, &index, &request).unwrap_or_else(|reason| panic!("{words}: {reason}"));
        assert_eq!(names(&selection), expected, "{words} {enable:?}");
    }
    for (words, enable) in [
        ("a/test", &["keyword ~amd64 for a/test"][..]),
        ("a/both", &["license B"]),
        ("a/live", &["keyword ~amd64", "keyword ~*"]),
        ("a/two", &["license EULA"]),
    ] {
        let mut request = request(words);
        request.enable = enable.iter().map(|way| (*way).to_owned()).collect();
        assert!(resolve(&Gentoo, &index, &request).is_err(), "{words} {enable:?}");
    }
}

#[test]
fn the_narrowest_acceptance_is_proposed_first() {
    let index = masked(SMALL);
    let fixes = |words: &str| -> Vec<String> {
        let reason = resolve(&Gentoo, &index, &request(words)).expect_err("it is masked");
        for fix in &reason.fixes {
            let mut changed = request(words);
            changed.enable.extend(fix.changes.iter().filter_map(|change| match change {
                Change::Enable { switch } => Some(switch.clone()),
                _ => None,
            }));
            assert!(changed.enable.is_empty() || resolve(&Gentoo, &index, &changed).is_ok(), "{}", fix.label);
        }
        reason.fixes.into_iter().map(|fix| fix.label).collect()
    };
    assert_eq!(
        fixes("a/test"),
        [
            "accept the keyword `~amd64` for `a/lib` and `a/test`",
            "accept the keyword `~amd64`",
            "drop `a/test`"
        ]
    );
    assert_eq!(
        fixes("a/two"),
        [
            "accept the keyword `~amd64` and the license `EULA` for `a/two`",
            "accept the keyword `~amd64` and the license `EULA`",
            "drop `a/two`"
        ]
    );
    assert_eq!(fixes("a/live")[0], "accept the keyword `**` for `a/live`");
}

/// Ways that a spec may have opened, and what portage is told instead.
const KEYWORDS: [(&[&str], &[&str]); 6] = [
    (&[], &["amd64"]),
    (&["keyword ~amd64"], &["amd64", "~amd64"]),
    (&["keyword ~*"], &["amd64", "~*"]),
    (&["keyword *"], &["amd64", "*"]),
    (&["keyword **"], &["amd64", "**"]),
    (&["keyword ~amd64", "keyword *"], &["amd64", "~amd64", "*"]),
];

/// Whether `switch` is on with these ways, as far as it speaks of `kind`.
fn is_on(switch: &str, kind: &str, ways: &[String]) -> bool {
    let is_on = |way: &str| !way.starts_with(kind) || ways.iter().any(|on| on == way);
    missing(switch, &is_on).is_empty()
}

/// What portage accepts of the packages of `text`, against what has to be switched on for them.
fn agrees(text: &str, free: &BTreeSet<String>, more: &[&[&str]]) -> (usize, usize) {
    let index = Index::parse(text.as_bytes()).expect("an index");
    let source = super::resolve::source("host", 500);
    let options = Options { accept: Some(Accept { licenses: free }), ..Options::default() };
    let arena = lbuild_repo::portage::arena::build(&[(source, &index)], &options).expect("an arena");
    let (mut questions, mut ours) = (Vec::new(), Vec::new());
    for entry in &index.entries {
        let is_entry = |package: &lbuild_repo::index::Package<'_>| package.location() == entry.path;
        let package = arena.named(entry.key).find(is_entry).expect("every package is there");
        let switch = package.source().switch.as_str();
        for (ways, accepted) in KEYWORDS {
            let ways: Vec<String> = ways.iter().map(|way| (*way).to_owned()).collect();
            questions.push(("keywords", json!([entry.keywords, accepted])));
            ours.push(is_on(switch, "keyword", &ways));
        }
        let flags: Vec<&str> = entry.use_flags.split_whitespace().collect();
        for more in more {
            let ways: Vec<String> = more.iter().map(|name| format!("license {name}")).collect();
            let accepted: Vec<&str> = free.iter().map(String::as_str).chain(more.iter().copied()).collect();
            questions.push(("licenses", json!([entry.license, flags, accepted])));
            ours.push(is_on(switch, "license", &ways));
        }
    }
    let mut accepted = 0;
    for kind in ["keywords", "licenses"] {
        let of_kind = || questions.iter().zip(&ours).filter(|((other, _), _)| *other == kind);
        let asked: Vec<serde_json::Value> = of_kind().map(|((_, question), _)| question.clone()).collect();
        for ((question, answer), (_, our)) in asked.iter().zip(ask(kind, &asked)).zip(of_kind()) {
            assert_eq!(answer, *our, "{kind} {question}");
            accepted += usize::from(*our);
        }
    }
    (questions.len(), accepted)
}

#[test]
fn portage_accepts_the_same_of_a_real_host() {
    let text = shared_plain("gentoo/binhost-x86_64-2022-11/Packages.zst");
    let text = String::from_utf8(text).expect("text");
    let free = free();
    let (asked, accepted) = agrees(&text, &free, &[&[], &["google-chrome", "RAR"], &["*"]]);
    assert!(asked > 28_000 && (asked / 3..asked).contains(&accepted), "{accepted} of {asked}");
}

/// An expression of a few licenses and flags. Among alternatives nothing depends on flags: real licenses do not, and what
/// is left of nothing is a matter of its own.
fn expression(numbers: &mut Numbers, depth: usize, among_alternatives: bool) -> String {
    let mut parts = Vec::new();
    for _ in 0..=numbers.below(3) {
        parts.push(match numbers.below(if depth > 2 { 2 } else { 6 }) {
            2 => format!("( {} )", expression(numbers, depth + 1, among_alternatives)),
            3 if !among_alternatives => {
                let flag = numbers.one_of(&["x", "!x", "y"]);
                format!("{flag}? ( {} )", expression(numbers, depth + 1, false))
            }
            4 | 5 => format!("|| ( {} )", expression(numbers, depth + 1, true)),
            _ => numbers.one_of(&["A", "B", "C", "D", "F", "G"]).to_owned(),
        });
    }
    parts.join(" ")
}

#[test]
fn portage_accepts_the_same_of_made_up_packages() {
    let mut numbers = Numbers(11);
    let mut paragraphs = Vec::new();
    for number in 0..1500 {
        let keywords: Vec<&str> = (0..numbers.below(4))
            .map(|_| numbers.one_of(&["amd64", "~amd64", "x86", "~x86", "-*", "*", "~*", "-amd64"]))
            .collect();
        let license = expression(&mut numbers, 0, false);
        let flags = numbers.one_of(&["", "x", "x y"]);
        paragraphs.push(format!(
            "a/p{number}x-1\nKEYWORDS: {}\nIUSE: x y\nUSE: {flags}\nLICENSE: {license}",
            keywords.join(" ")
        ));
    }
    let free = ["F", "G"].map(str::to_owned).into();
    let text = super::resolve::packages(&paragraphs.join("\n\n"));
    let (asked, accepted) = agrees(&text, &free, &[&[], &["A"], &["B", "C"], &["*"]]);
    assert!(asked == 15_000 && (asked / 4..asked).contains(&accepted), "{accepted} of {asked}");
}

#[test]
fn a_real_host_needs_what_its_owner_has_accepted() {
    let free = free();
    let index = accepting("binhost-x86_64-2022-11", Some(Accept { licenses: &free }));
    let mut chrome = request("www-client/google-chrome");
    let reason = resolve(&Gentoo, &index, &chrome).expect_err("its license has to be accepted");
    assert!(reason.summary.contains("is masked by the license `google-chrome`"), "{reason:#?}");
    chrome.enable = vec!["license google-chrome for www-client/google-chrome".to_owned()];
    let reason = resolve(&Gentoo, &index, &chrome).map(|selection| names(&selection));
    // What it stands on is not stable on this host.
    chrome.enable.push("keyword ~amd64".to_owned());
    assert!(resolve(&Gentoo, &index, &chrome).is_ok(), "{reason:?}");
}
