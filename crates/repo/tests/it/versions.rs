//! Debian's version order: a table of cases, and `dpkg` itself.

use std::cmp::Ordering;
use std::io::Write as _;
use std::process::{Command, Stdio};

use lbuild_repo::deb::version::{Version, VersionError, compare};

use crate::orders::{Numbers, check_table};

/// One `a b order` per line: the cases that dpkg's own tests have, and some of ours at the end.
const TABLE: &str = include_str!("versions.txt");

#[test]
fn table() {
    check_table(TABLE, 60, compare);
}

#[test]
fn what_is_not_a_version_says_why() {
    for (text, error) in [
        ("", VersionError::Empty),
        ("  ", VersionError::Empty),
        ("1 2", VersionError::Space),
        (":1", VersionError::Epoch),
        ("a:1", VersionError::Epoch),
        ("-1:1", VersionError::Epoch),
        ("2147483648:1", VersionError::Epoch),
        ("99999999999999999999:1", VersionError::Epoch),
        ("1:", VersionError::NoUpstream),
        ("1.0-", VersionError::NoRevision),
        ("a1", VersionError::Character),
        ("1_0", VersionError::Character),
        ("1.0-1_1", VersionError::Character),
        ("1é", VersionError::Character),
        ("1\0", VersionError::Character),
    ] {
        assert_eq!(Version::parse(text).err(), Some(error), "{text:?}");
    }
    for text in ["1", "0", "1:2:3-4", "2147483647:1", "1.0-1-1", " 1 ", "1~~+.-1"] {
        assert!(Version::parse(text).is_ok(), "{text:?}");
    }
    // As long as anybody likes, in linear time.
    let long = "9".repeat(1 << 20);
    assert_eq!(compare(&long, &format!("0{long}")), Ordering::Equal);
    assert_eq!(compare(&long, &format!("1{long}")), Ordering::Less);
}

/// Versions made of the parts that matter to the order.
fn generated(count: usize) -> Vec<String> {
    const PARTS: [&str; 24] = [
        "0", "1", "2", "9", "10", "00", "01", "099", "~", "~~", "+", ".", ".", "-", "a", "b", "Z", "rc",
        "~rc1", "+b1", "+dfsg", ".0", "-0", "deb13u1",
    ];
    let mut numbers = Numbers::new(42);
    let mut next = |end| numbers.below(end);
    let mut versions = Vec::new();
    while versions.len() < count {
        let mut text = ["", "", "", "0:", "1:", "2:"][next(6)].to_owned();
        text.push_str(["0", "1", "1", "2", "10"][next(5)]);
        (0..next(7)).for_each(|_| text.push_str(PARTS[next(PARTS.len())]));
        if Version::parse(&text).is_ok() {
            versions.push(text);
        }
    }
    versions
}

#[test]
fn dpkg_agrees_on_ten_thousand_pairs() {
    let versions = generated(20_000);
    let pairs: Vec<(&str, &str)> =
        versions.chunks(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
    // One shell for half of the pairs; it says `lt`, `eq` or `gt` for each, in order.
    let script = "while read -r a b; do if dpkg --compare-versions \"$a\" lt \"$b\"; then echo lt; \
                  elif dpkg --compare-versions \"$a\" eq \"$b\"; then echo eq; else echo gt; fi; done";
    let judge = |pairs: &[(&str, &str)]| {
        let mut shell = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let lines = pairs.iter().fold(String::new(), |lines, (a, b)| lines + a + " " + b + "\n");
        let mut input = shell.stdin.take().expect("piped");
        let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
        let output = shell.wait_with_output().expect("a shell");
        writer.join().expect("no panic").expect("the shell reads all pairs");
        String::from_utf8(output.stdout).expect("text")
    };
    let (first, second) = pairs.split_at(pairs.len() / 2);
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(|| judge(second));
        (judge(first), other.join().expect("no panic"))
    });
    let orders: Vec<&str> = first.lines().chain(second.lines()).collect();
    assert_eq!(orders.len(), pairs.len(), "dpkg is needed as the judge of this test");
    for ((a, b), order) in pairs.iter().zip(orders) {
        let ours = match compare(a, b) {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        assert_eq!(ours, order, "{a} {b}");
    }
}

#[test]
fn the_order_is_total() {
    let mut versions = generated(2_000);
    versions.sort_by(|a, b| compare(a, b));
    for (at, a) in versions.iter().enumerate() {
        for b in versions[at..].iter().step_by(17) {
            assert_ne!(compare(a, b), Ordering::Greater, "{a} {b}");
            assert_eq!(compare(b, a), compare(a, b).reverse(), "{a} {b}");
        }
    }
}
