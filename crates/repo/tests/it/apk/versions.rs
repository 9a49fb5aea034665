//! Alpine's version order: the table of apk-tools, and `apk` itself.

use std::cmp::Ordering;

use lbuild_repo::apk::relation::Operator;
use lbuild_repo::apk::version::{VersionError, compare, compare_fuzzy, validate};
use lbuild_testkit::apkfile::unsigned_index;
use lbuild_testkit::realdata;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::oracle::Root;

/// A line of the table: `version`, `!version`, `a OP b` or `a !OP b`.
fn check(line: &str) -> Result<(), String> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let (wanted, holds) = match words[..] {
        [version] => match version.strip_prefix('!') {
            Some(version) => (false, validate(version).is_ok()),
            None => (true, validate(version).is_ok()),
        },
        [a, sign, b] => {
            let (wanted, sign) = sign.strip_prefix('!').map_or((true, sign), |sign| (false, sign));
            (wanted, Operator::parse(sign).ok_or("unknown sign")?.accepts(a, b))
        }
        _ => return Err("unknown form".to_owned()),
    };
    if wanted == holds { Ok(()) } else { Err(format!("should be {wanted}")) }
}

#[test]
fn the_table_of_apk_tools_holds() {
    let table = String::from_utf8(realdata::read("alpine/apk-tools-test/unit/version.data")).expect("text");
    let lines = table.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    assert!(lines.len() >= 770, "{}", lines.len());
    for line in lines {
        if let Err(reason) = check(line) {
            panic!("{line}: {reason}");
        }
    }
}

#[test]
fn the_older_table_holds_too() {
    let table = realdata::read("versions/univers/data/alpine_test.txt");
    let table = String::from_utf8(table).expect("text");
    let lines: Vec<&str> = table.lines().filter(|line| !line.trim().is_empty()).collect();
    assert!(lines.len() >= 600, "{}", lines.len());
    for line in lines {
        if let Err(reason) = check(line) {
            panic!("{line}: {reason}");
        }
    }
}

#[test]
fn what_is_not_a_version_says_why() {
    for (text, error) in [
        ("", VersionError::Empty),
        ("a", VersionError::Start),
        (".1", VersionError::Start),
        ("-r1", VersionError::Start),
        ("1.", VersionError::Part { at: 1 }),
        ("1 2", VersionError::Part { at: 1 }),
        ("1.0bc", VersionError::Part { at: 4 }),
        ("1_foo", VersionError::Part { at: 1 }),
        ("1~", VersionError::Part { at: 1 }),
        ("1~A", VersionError::Part { at: 1 }),
        ("1-r", VersionError::Part { at: 1 }),
        ("1-r1-r2", VersionError::Part { at: 4 }),
        ("1é", VersionError::Part { at: 1 }),
    ] {
        assert_eq!(validate(text), Err(error), "{text:?}");
    }
    // As long as anybody likes, in linear time.
    let long = "9".repeat(1 << 20);
    assert_eq!(compare(&long, &format!("0{long}")), Ordering::Equal);
    assert_eq!(compare(&long, &format!("1{long}")), Ordering::Less);
    let parts = "1.".repeat(1 << 20) + "1";
    assert_eq!(compare(&parts, &format!("{parts}a")), Ordering::Less);
}

/// Texts made of the parts that matter to the order: versions, and some that are none.
fn text() -> impl Strategy<Value = String> {
    let first = prop::sample::select(vec!["0", "1", "1", "2", "9", "10", "010", "18446744073709551616"]);
    let part = prop::sample::select(vec![
        ".0",
        ".1",
        ".2",
        ".9",
        ".10",
        ".01",
        ".00",
        ".099",
        "a",
        "b",
        "z",
        "_alpha",
        "_beta",
        "_pre",
        "_rc",
        "_cvs",
        "_svn",
        "_git",
        "_hg",
        "_p",
        "_p0",
        "_p1",
        "_p01",
        "_git20240101",
        "_alpha2",
        "_rc10",
        "~a1",
        "-r0",
        "-r1",
        "-r10",
        "-r01",
        ".",
        "_",
        "x.",
        "-r",
    ]);
    (first, prop::collection::vec(part, 0..5)).prop_map(|(first, parts)| first.to_owned() + &parts.concat())
}

#[test]
fn apk_agrees_on_ten_thousand_pairs() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut next = || loop {
        let text = text().new_tree(&mut runner).expect("a value").current();
        // The table above is of apk 3. apk 2 knows no commits, compares numbers up to 64 bits, and puts `1.00` below `1.0`.
        let differs = text.contains('~') || text.starts_with("1844");
        let zero =
            |part: &str| part.len() > 1 && part.starts_with('0') && part.as_bytes()[1].is_ascii_digit();
        if validate(&text).is_ok() && !differs && !text.split('.').skip(1).any(zero) {
            return text;
        }
    };
    let pairs: Vec<(String, String)> = (0..10_200).map(|_| (next(), next())).collect();
    // One package for each pair, installed in one version and available in the other: `apk version` says for them all whether
    // there is something newer.
    let newer = |pairs: &[(&String, &String)]| {
        let (mut installed, mut index) = (String::new(), String::new());
        for (at, (a, b)) in pairs.iter().enumerate() {
            let stanza = |version: &str, digest: usize| {
                format!("C:Q1{digest:026}A=\nP:p{at}\nV:{version}\nA:x86_64\nS:1\nI:1\nT:t\nU:u\nL:l\n\n")
            };
            installed.push_str(&stanza(a, 2 * at));
            index.push_str(&stanza(b, 2 * at + 1));
        }
        let printed =
            Root::new(&[unsigned_index(&index)], &installed, "").run(&["version", "--limit", "<=>?"]);
        let mut newer = vec![None; pairs.len()];
        for line in printed.lines() {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let [package, sign @ ("<" | "="), _] = words[..] else { continue };
            let (name, _) = package.split_once('-').expect("name-version");
            newer[name[1..].parse::<usize>().expect("a number")] = Some(sign == "<");
        }
        newer
    };
    let forth = newer(&pairs.iter().map(|(a, b)| (a, b)).collect::<Vec<_>>());
    let back = newer(&pairs.iter().map(|(a, b)| (b, a)).collect::<Vec<_>>());
    let mut orders = [0; 3];
    for ((a, b), signs) in pairs.iter().zip(forth.iter().zip(&back)) {
        let theirs = match signs {
            (Some(true), Some(false)) => Ordering::Less,
            (Some(false), Some(false)) => Ordering::Equal,
            (Some(false), Some(true)) => Ordering::Greater,
            _ => panic!("apk says nothing about {a} {b}: {signs:?}"),
        };
        assert_eq!(compare(a, b), theirs, "{a} {b}");
        orders[usize::from(theirs.is_ge()) + usize::from(theirs.is_gt())] += 1;
    }
    assert!(orders.iter().all(|count| *count > 100), "{orders:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_is_total(a in text(), b in text(), c in text()) {
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        prop_assert_eq!(compare(&a, &a), Ordering::Equal);
        if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
            prop_assert!(compare(&a, &c).is_le(), "{} {} {}", a, b, c);
        }
        if compare(&a, &b).is_eq() {
            prop_assert_eq!(compare(&a, &c), compare(&b, &c));
        }
        // A bound that is met fully is met as a beginning too.
        if compare(&a, &b).is_eq() && validate(&a).is_ok() && validate(&b).is_ok() {
            prop_assert_eq!(compare_fuzzy(&a, &b), Ordering::Equal);
        }
    }

    #[test]
    fn any_text_has_a_place(a in ".{0,12}", b in ".{0,12}") {
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
    }
}
