//! pacman's version order: tables, and `vercmp` itself.

use std::cmp::Ordering;
use std::process::Command;

use lbuild_repo::alpm::version::{Version, VersionError, compare};
use lbuild_testkit::realdata;

use crate::orders::{Numbers, check_table};

/// One `a b order` per line.
const TABLE: &str = include_str!("versions.txt");

#[test]
fn table() {
    check_table(TABLE, 50, compare);
}

#[test]
fn the_published_table_of_another_reader() {
    let text = realdata::read("versions/univers/data/schema/alpm_version_cmp.json");
    let cases: Vec<serde_json::Value> = serde_json::from_slice(&text).expect("a list of cases");
    assert_eq!(cases.len(), 42);
    for case in cases {
        let versions: Vec<&str> =
            case["input"]["versions"].as_array().expect("two").iter().filter_map(|v| v.as_str()).collect();
        let order = compare(versions[0], versions[1]);
        match &case["expected_output"] {
            serde_json::Value::Bool(equal) => assert_eq!(order.is_eq(), *equal, "{versions:?}"),
            sorted => {
                let first = if order.is_le() { versions[0] } else { versions[1] };
                assert_eq!(sorted[0], first, "{versions:?}");
            }
        }
    }
}

#[test]
fn what_is_not_a_version_says_why() {
    for (text, error) in [
        ("", VersionError::Empty),
        ("1 2", VersionError::Character),
        ("1/2", VersionError::Character),
        ("1<2", VersionError::Character),
        ("1\u{e9}", VersionError::Character),
        ("1\0", VersionError::Character),
        ("a:1", VersionError::Epoch),
        (":1", VersionError::Epoch),
        ("1:2:3-1", VersionError::Character),
        ("1:", VersionError::NoVersion),
        ("-1", VersionError::NoVersion),
        ("!", VersionError::NoVersion),
        ("1-2-3", VersionError::Character),
        ("1-", VersionError::Release),
        ("1-a", VersionError::Release),
        ("1-1.", VersionError::Release),
        ("1-1.2.3", VersionError::Release),
    ] {
        assert_eq!(Version::parse(text).err(), Some(error), "{text:?}");
    }
    assert_eq!(Version::parse(&"1".repeat(256)).err(), Some(VersionError::TooLong));
    for text in
        ["1", "0", "1:2-3", "1.0-1.1", "6.0+20170902-3", "r12.abc-1", "2022.01.01-1", "A-1", "r1+.00+-1"]
    {
        assert!(Version::parse(text).is_ok(), "{text:?}");
    }
    // As long as anybody likes, in linear time.
    let long = "9".repeat(1 << 20);
    assert_eq!(compare(&long, &format!("0{long}")), Ordering::Equal);
    assert_eq!(compare(&long, &format!("1{long}")), Ordering::Less);
    let dotted = "1.".repeat(1 << 19);
    assert_eq!(compare(&dotted, &format!("{dotted}1")), Ordering::Less);
}

/// Versions made of the parts that matter to the order; with `whole` only what a package may have.
fn generated(count: usize, whole: bool) -> Vec<String> {
    const PARTS: [&str; 24] = [
        "0", "1", "2", "9", "10", "00", "01", "099", ".", ".", ".", "_", "+", "..", "a", "b", "Z", "rc",
        "alpha", "beta", ".0", ".r1", "git", "+1",
    ];
    let mut numbers = Numbers::new(42);
    let mut next = |end| numbers.below(end);
    let mut versions = Vec::new();
    while versions.len() < count {
        let mut text = ["", "", "", "", "0:", "1:", "01:"][next(7)].to_owned();
        text.push_str(["0", "1", "1", "2", "10", "a", "r"][next(7)]);
        (0..next(7)).for_each(|_| text.push_str(PARTS[next(PARTS.len())]));
        text.push_str(["-1", "-1", "-2", "-1.1", "-01", ""][next(if whole { 5 } else { 6 })]);
        let ends =
            |version: &Version<'_>| version.version.ends_with(|last: char| last.is_ascii_alphanumeric());
        if !whole || Version::parse(&text).is_ok_and(|version| ends(&version)) {
            versions.push(text);
        }
    }
    versions
}

#[test]
fn vercmp_agrees_on_twelve_thousand_pairs() {
    let versions = generated(24_000, false);
    let pairs: Vec<&[String]> = versions.chunks(2).collect();
    // `vercmp` takes one pair, so one shell runs it for all of a slice of them.
    let judge = |pairs: &[&[String]]| {
        let lines = pairs.iter().map(|pair| format!("vercmp '{}' '{}'\n", pair[0], pair[1]));
        let script = lines.collect::<Vec<_>>().concat();
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("pairs");
        std::fs::write(&file, script).expect("the script");
        let output = Command::new("sh").arg(&file).output().expect("a shell");
        String::from_utf8(output.stdout).expect("text")
    };
    let (first, second) = pairs.split_at(pairs.len() / 2);
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(|| judge(second));
        (judge(first), other.join().expect("no panic"))
    });
    let orders: Vec<i32> =
        first.lines().chain(second.lines()).map(|line| line.parse().expect("a number")).collect();
    assert_eq!(orders.len(), pairs.len(), "`vercmp` of pacman-package-manager is needed as the judge");
    for (pair, order) in pairs.iter().zip(orders) {
        assert_eq!(compare(&pair[0], &pair[1]), order.cmp(&0), "{pair:?}");
    }
}

#[test]
fn the_order_of_whole_versions_is_total() {
    let mut versions = generated(1_500, true);
    versions.sort_by(|a, b| compare(a, b));
    for (at, a) in versions.iter().enumerate() {
        for b in versions[at..].iter().step_by(7) {
            assert_ne!(compare(a, b), Ordering::Greater, "{a} {b}");
            assert_eq!(compare(b, a), compare(a, b).reverse(), "{a} {b}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn whole_versions_are_ordered_transitively(
        versions in proptest::collection::vec("([0-2]:)?[0-2a-c]([.+_]{0,2}[0-9a-c]{1,2}){0,4}-[0-2]", 3)
    ) {
        for version in &versions {
            proptest::prop_assert!(Version::parse(version).is_ok(), "{}", version);
        }
        let mut sorted = versions.clone();
        sorted.sort_by(|a, b| compare(a, b));
        proptest::prop_assert!(compare(&sorted[0], &sorted[1]).is_le());
        proptest::prop_assert!(compare(&sorted[1], &sorted[2]).is_le());
        proptest::prop_assert!(compare(&sorted[0], &sorted[2]).is_le());
        for (a, b) in [(0, 1), (1, 2), (0, 2)] {
            let order = compare(&versions[a], &versions[b]);
            proptest::prop_assert_eq!(order, compare(&versions[b], &versions[a]).reverse());
        }
    }

    #[test]
    fn no_text_breaks_the_comparison(a in ".*", b in ".*") {
        proptest::prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
    }
}
