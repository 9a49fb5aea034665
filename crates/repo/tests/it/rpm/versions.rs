//! RPM's version order: rpm's own table, and rpm itself.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::process::Command;

use lbuild_repo::rpm::relation::{Atom, Bound, Dependency, Operator};
use lbuild_repo::rpm::version::{Evr, VersionError, compare_part};

use lbuild_testkit::realdata;

fn number(order: Ordering) -> i32 {
    order as i32
}

#[test]
fn rpms_own_table() {
    let text = String::from_utf8(realdata::read("versions/univers/data/rpmvercmp.at")).expect("text");
    let mut rows = 0;
    for line in text.lines() {
        let Some(row) = line.trim().strip_prefix("RPMVERCMP(").and_then(|row| row.strip_suffix(')')) else {
            continue;
        };
        let parts: Vec<&str> = row.split(", ").map(str::trim).collect();
        // A caret is quoted for the macro language in which the table is written.
        let [a, b, order] = parts[..] else { panic!("{row}") };
        assert_eq!(number(compare_part(a, b)), order.parse::<i32>().expect("-1, 0 or 1"), "{row}");
        assert_eq!(compare_part(a, b), compare_part(b, a).reverse(), "{row}");
        rows += 1;
    }
    assert!(rows >= 90, "{rows} rows");
}

#[test]
fn what_is_not_a_version_says_why() {
    for (text, error) in [
        ("", VersionError::Empty),
        ("1:", VersionError::Empty),
        ("-1", VersionError::Empty),
        (":1", VersionError::Epoch),
        ("a:1", VersionError::Epoch),
        ("+1:1", VersionError::Epoch),
        ("4294967296:1", VersionError::Epoch),
        ("1-", VersionError::NoRelease),
        ("1 2", VersionError::Character),
        ("1-2-3", VersionError::Character),
        ("1:2:3", VersionError::Character),
        ("1\0", VersionError::Character),
    ] {
        assert_eq!(Evr::parse(text).err(), Some(error), "{text:?}");
    }
    assert_eq!(Evr::parse(&"1".repeat(1025)).err(), Some(VersionError::TooLong));
    for text in ["1", "0:1", "4294967295:1~rc1^git-2.fc40", "1.0+dfsg-1", "\u{e9}"] {
        assert!(Evr::parse(text).is_ok(), "{text:?}");
    }
    let long = "9".repeat(1 << 20);
    assert_eq!(compare_part(&long, &format!("0{long}")), Ordering::Equal);
    assert_eq!(compare_part(&long, &format!("1{long}")), Ordering::Less);
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// A version made of the parts that matter to the order.
    fn version(&mut self) -> String {
        const PARTS: [&str; 26] = [
            "0", "1", "2", "9", "10", "00", "01", "099", "~", "~~", "^", "^^", "^git1", ".", ".", "_", "+",
            "a", "b", "Z", "rc", "~rc1", "fc40", ".0", "el9_4", "..",
        ];
        let mut text = self.pick(&["0", "1", "1", "2", "10", "a"]).to_owned();
        (0..self.below(6)).for_each(|_| text.push_str(self.pick(&PARTS)));
        text
    }
}

#[test]
fn rpm_agrees_on_twenty_thousand_pairs() {
    let mut dice = Dice(42);
    let pairs: Vec<(String, String)> = (0..20_000)
        .map(|_| {
            let a = dice.version();
            // Half of the pairs differ in their end only.
            let b = if dice.below(2) == 0 {
                dice.version()
            } else {
                a.clone() + dice.pick(&["", "~", "^", ".", "0", "a", ".1"])
            };
            (a, b)
        })
        .collect();
    let mut judged = Vec::new();
    for part in pairs.chunks(2000) {
        let mut script = String::from("%{lua: ");
        for (a, b) in part {
            write!(script, "print(rpm.vercmp('{a}', '{b}') .. ' ') ").expect("writing to a string");
        }
        script.push('}');
        let output = Command::new("rpm").args(["--eval", &script]).output();
        let output = output.expect("rpm is needed as the judge of this test");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        judged.extend(text.split_whitespace().map(|word| word.parse::<i32>().expect("-1, 0 or 1")));
    }
    assert_eq!(judged.len(), pairs.len());
    for ((a, b), order) in pairs.iter().zip(judged) {
        assert_eq!(number(compare_part(a, b)), order, "{a} {b}");
    }
}

#[test]
fn the_order_is_total() {
    let mut dice = Dice(7);
    let versions: Vec<String> = (0..1500).map(|_| dice.version()).collect();
    let mut sorted: Vec<&str> = versions.iter().map(String::as_str).collect();
    sorted.sort_by(|a, b| compare_part(a, b));
    for (at, a) in sorted.iter().enumerate() {
        for b in &sorted[at..] {
            assert_ne!(compare_part(a, b), Ordering::Greater, "{a} {b}");
            assert_eq!(compare_part(b, a), compare_part(a, b).reverse(), "{a} {b}");
        }
    }
}

#[test]
fn epochs_and_releases_count() {
    let order = |a: &str, b: &str| Evr::parse(a).expect(a).cmp(&Evr::parse(b).expect(b));
    assert_eq!(order("1:1-1", "2-1"), Ordering::Greater);
    assert_eq!(order("0:1-1", "1-1"), Ordering::Equal);
    assert_eq!(order("1-1", "1-2"), Ordering::Less);
    assert_eq!(order("1", "1-0"), Ordering::Less);
    assert_eq!(Evr::parse("0:1-2").expect("a version").to_string(), "1-2");
    assert_eq!(Evr::parse("3:1").expect("a version").to_string(), "3:1");
}

fn bound(text: &str) -> Bound<'_> {
    let (sign, version) = text.split_once(' ').expect("a sign and a version");
    let operator = Operator::from_sign(sign).expect("a sign");
    Bound { operator, evr: Evr::parse(version).expect("a version") }
}

/// Whether `provided` (`= 1-1`) fulfils `wanted` (`< 2`).
fn meets(provided: &str, wanted: &str) -> bool {
    let (a, b) = (bound(provided), bound(wanted));
    assert_eq!(a.meets(&b), b.meets(&a), "{provided}, {wanted}");
    a.meets(&b)
}

#[test]
fn ranges_meet_as_rpm_says() {
    for (provided, wanted, expected) in [
        ("= 1-1", "= 1-1", true),
        ("= 1-1", "= 1-2", false),
        ("= 1-1", "= 1", true),
        ("= 1", "= 1-1", true),
        ("= 1", "> 1-1", true),
        ("= 1-1", "> 1", false),
        ("= 1-1", "< 1", false),
        ("= 1-1", "<= 1", true),
        ("= 1-1", ">= 1", true),
        ("= 1:1-1", ">= 2", true),
        ("= 1-1", ">= 1:0", false),
        ("< 2", "> 1", true),
        ("< 1", "> 2", false),
        ("< 1", "< 9", true),
        ("> 9", ">= 1", true),
        ("<= 1", ">= 1", true),
        ("< 1", ">= 1", false),
        ("= 1~rc1", "< 1", true),
        ("= 1^git1", "> 1", true),
    ] {
        assert_eq!(meets(provided, wanted), expected, "{provided}, {wanted}");
    }
}

#[test]
fn atoms_and_boolean_dependencies_are_read() {
    let atom = Atom::parse("libc.so.6(GLIBC_2.34)(64bit)").expect("a capability");
    assert_eq!((atom.name, atom.bound), ("libc.so.6(GLIBC_2.34)(64bit)", None));
    assert_eq!(Atom::parse("a  >=  1:2-3").expect("a bound").to_string(), "a >= 1:2-3");
    for text in [
        "a",
        "a < 1",
        "(a and b and c)",
        "(a or (b and c >= 1:2-3))",
        "(a if b)",
        "(a if (b or c) else d)",
        "(a unless b)",
        "(a unless b else c)",
        "(python3dist(x) >= 1 with python3dist(x) < 2)",
        "(a without b)",
        "((libfoo.so.1()(64bit) or libfoo(x)) if bar)",
    ] {
        assert_eq!(Dependency::parse(text).expect(text).to_string(), text);
    }
    assert_eq!(Dependency::parse("( a  or\tb )").expect("blanks").to_string(), "(a or b)");
    assert_eq!(Dependency::parse("(a)").expect("one").to_string(), "a");
}

#[test]
fn bad_dependencies_are_named() {
    for (text, message) in [
        ("", "does not start with a name"),
        ("= 1", "does not start with a name"),
        ("a =", "no proper version bound"),
        ("a ~ 1", "no proper version bound"),
        ("a = 1 b", "unexpected text at its end"),
        ("a = -1", "no proper version"),
        ("(a", "not a proper boolean dependency: a parenthesis is not closed"),
        ("(a and", "a parenthesis is not closed"),
        ("()", "an operand is missing"),
        ("(a and )", "an operand is missing"),
        ("(a b)", "a word is not an operator"),
        ("(a else b)", "a word is not an operator"),
        ("(a and b or c)", "operators are mixed"),
        ("(a without b without c)", "operators are mixed"),
        ("(a if b if c)", "operators are mixed"),
        ("(a if b else c else d)", "operators are mixed"),
        ("(a >= )", "an operand is not a name"),
        ("(a >= 1:)", "an operand is not a name"),
        ("(a) b", "unexpected text at its end"),
    ] {
        let error = Dependency::parse(text).expect_err(text);
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(format!("{error}: {cause}").contains(message), "{text}: {error}: {cause}");
    }
    let deep = "(".repeat(100_000) + "a" + &")".repeat(100_000);
    assert!(Dependency::parse(&deep).is_err());
    let wide = format!("(a{})", " or a".repeat(2000));
    assert!(Dependency::parse(&wide).is_err());
}
