//! Gentoo's version order: tables, and portage itself.

use std::cmp::Ordering;

use lbuild_repo::portage::version::{Version, VersionError, compare};
use serde_json::json;

use super::{Numbers, oracle, shared};

/// One `a b order` per line.
const TABLE: &str = include_str!("versions.txt");

#[test]
fn table() {
    let rows: Vec<Vec<&str>> = TABLE
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert!(rows.len() >= 60, "{}", rows.len());
    for row in rows {
        let [a, b, order] = row[..] else { panic!("{row:?} is not `a b order`") };
        let order = order.parse::<i32>().expect("-1, 0 or 1").cmp(&0);
        assert_eq!(compare(a, b), order, "{a} {b}");
        assert_eq!(compare(b, a), order.reverse(), "{b} {a}");
    }
}

#[test]
fn the_table_of_univers() {
    let text = shared("versions/univers/data/schema/gentoo_version_cmp.json");
    let cases: Vec<serde_json::Value> = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(cases.len(), 48);
    for case in cases {
        let versions: Vec<&str> =
            case["input"]["versions"].as_array().expect("a list").iter().filter_map(|v| v.as_str()).collect();
        let [a, b] = versions[..] else { panic!("{case} is no pair") };
        match case["test_type"].as_str() {
            Some("equality") => {
                assert_eq!(case["expected_output"].as_bool(), Some(compare(a, b).is_eq()), "{a} {b}");
            }
            Some("comparison") => {
                let sorted = if compare(a, b).is_le() { json!([a, b]) } else { json!([b, a]) };
                assert_eq!(case["expected_output"], sorted, "{a} {b}");
            }
            other => panic!("unknown kind of case {other:?}"),
        }
    }
}

#[test]
fn what_is_not_a_version_says_why() {
    for (text, error) in [
        ("", VersionError::Empty),
        (".", VersionError::Number),
        ("1.", VersionError::Number),
        (".1", VersionError::Number),
        ("1..2", VersionError::Number),
        ("a", VersionError::Number),
        ("1ab", VersionError::Character),
        ("1A", VersionError::Character),
        ("1 ", VersionError::Character),
        ("1é", VersionError::Character),
        ("1-2", VersionError::Character),
        ("1a.2", VersionError::Character),
        ("1_", VersionError::Suffix),
        ("1_gamma", VersionError::Suffix),
        ("1_p1.2", VersionError::Suffix),
        ("1_p1a", VersionError::Suffix),
        ("1_P", VersionError::Suffix),
        ("1-r", VersionError::Revision),
        ("1-ra", VersionError::Revision),
        ("1-r1-r2", VersionError::Character),
        ("1-r1_p2", VersionError::Revision),
    ] {
        assert_eq!(Version::parse(text).err(), Some(error), "{text:?}");
    }
    for text in ["0", "1.2.3z_alpha_beta2_pre_rc9_p-r0", "20241110", "1-r007", "9999"] {
        assert!(Version::parse(text).is_ok(), "{text:?}");
    }
    // As long as anybody likes, in linear time.
    let long = "9".repeat(1 << 20);
    assert_eq!(compare(&long, &format!("0{long}")), Ordering::Equal);
    assert_eq!(compare(&format!("1.{long}"), &format!("1.1{long}")), Ordering::Less);
    let deep = "1.".repeat(1 << 19);
    assert_eq!(compare(&format!("{deep}1"), &format!("{deep}2")), Ordering::Less);
    let suffixes = "_p1".repeat(1 << 18);
    assert_eq!(compare(&format!("1{suffixes}"), &format!("1{suffixes}_alpha")), Ordering::Greater);
}

/// Versions made of the parts that matter to the order.
pub fn generated(count: usize) -> Vec<String> {
    const NUMBERS: [&str; 12] = ["0", "1", "2", "9", "10", "11", "00", "01", "010", "1000", "099", "20"];
    const LETTERS: [&str; 8] = ["", "", "", "", "", "a", "b", "z"];
    const SUFFIXES: [&str; 14] = [
        "_alpha", "_beta", "_pre", "_rc", "_p", "_alpha1", "_beta0", "_pre2", "_rc1", "_rc01", "_p0", "_p1",
        "_p20", "_p020",
    ];
    const REVISIONS: [&str; 8] = ["", "", "", "-r0", "-r1", "-r2", "-r10", "-r01"];
    let mut numbers = Numbers(42);
    let mut versions = Vec::new();
    for _ in 0..count {
        let mut text = numbers.one_of(&NUMBERS).to_owned();
        for _ in 0..numbers.below(4) {
            text.push('.');
            text.push_str(numbers.one_of(&NUMBERS));
        }
        text.push_str(numbers.one_of(&LETTERS));
        for _ in 0..numbers.below(4).saturating_sub(1) {
            text.push_str(numbers.one_of(&SUFFIXES));
        }
        text.push_str(numbers.one_of(&REVISIONS));
        versions.push(text);
    }
    versions
}

#[test]
fn portage_agrees_on_thirty_thousand_pairs() {
    let mut versions = generated(40_000);
    // Neighbours in the order are the pairs that are hard to tell apart.
    let pairs: Vec<(String, String)> =
        versions.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    versions.truncate(10_001);
    versions.sort_by(|a, b| compare(a, b));
    let neighbours = versions.windows(2).map(|pair| (pair[0].clone(), pair[1].clone()));
    let pairs: Vec<(String, String)> = pairs.into_iter().chain(neighbours).collect();
    let questions: Vec<_> = pairs.iter().map(|(a, b)| json!([a, b])).collect();
    assert_eq!(questions.len(), 30_000);
    for ((a, b), order) in pairs.iter().zip(oracle::ask("versions", &questions)) {
        assert_eq!(order, json!(compare(a, b) as i8), "{a} {b}");
    }
}

#[test]
fn portage_agrees_on_what_is_a_version() {
    const PARTS: [&str; 22] = [
        "1", "0", "2", ".", ".", "_", "_p", "_pre", "_alpha", "_x", "-r", "-r1", "-", "a", "b", "z", "A",
        "r", " ", "+", "~", ":",
    ];
    let mut numbers = Numbers(7);
    let some_of = |numbers: &mut Numbers, parts: &[&str]| {
        (0..=numbers.below(3)).map(|_| numbers.one_of(parts)).collect::<String>()
    };
    let texts: Vec<String> = (0..20_000)
        .map(|_| numbers.one_of(&["1", "1.", "2_", "", "3-"]).to_owned() + &some_of(&mut numbers, &PARTS))
        .collect();
    let questions: Vec<_> = texts.iter().map(|text| json!([text, "1.5"])).collect();
    let mut good = 0;
    for (text, order) in texts.iter().zip(oracle::ask("versions", &questions)) {
        assert_eq!(Version::parse(text).is_ok(), !order.is_null(), "{text:?}");
        good += usize::from(!order.is_null());
    }
    assert!((1_000..18_000).contains(&good), "{good} of them are versions");
}

#[test]
fn the_order_is_total() {
    let mut versions = generated(2_000);
    versions.extend(["", "x", "1_", "é", "1-r"].map(str::to_owned));
    versions.sort_by(|a, b| compare(a, b));
    for (at, a) in versions.iter().enumerate() {
        for b in versions[at..].iter().step_by(7) {
            assert_ne!(compare(a, b), Ordering::Greater, "{a} {b}");
            assert_eq!(compare(b, a), compare(a, b).reverse(), "{a} {b}");
        }
    }
}
