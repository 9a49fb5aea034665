//! apt as the judge of the resolver: the same requests on the same lists.
//!
//! `corpus.txt` holds the requests. Satisfiable or not must agree every time; the chosen sets must be equal unless
//! `differences.tsv` lists the difference with its reason.

mod oracle;
mod ours;
mod pins;
pub mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lbuild_repo::deb::release::{Keyring, Policy, verify};
use oracle::Apt;
pub use ours::wanted;

/// The archive's keys that the product carries.
const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/distros/keys");

/// One line of the corpus.
#[derive(Debug, Clone)]
pub struct Case {
    /// The line without white space around it: the name of the case.
    pub line: String,
    /// Follow `Recommends`.
    pub recommends: bool,
    /// Add the base set down to this priority.
    pub base: Option<&'static str>,
    /// `name`, `name=version`, `name/suite`, or with `satisfy` a relation field.
    pub words: Vec<String>,
    /// The rest of the line is a relation field, as for `apt-get satisfy`.
    pub satisfy: Option<String>,
}

const CORPUS: &str = include_str!("corpus.txt");
const DIFFERENCES: &str = include_str!("differences.tsv");

fn corpus() -> Vec<Case> {
    let lines = CORPUS.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(parse_case).collect()
}

fn parse_case(line: &str) -> Case {
    let mut case =
        Case { line: line.to_owned(), recommends: false, base: None, words: Vec::new(), satisfy: None };
    let mut words = line.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "+recommends" => case.recommends = true,
            "+required" => case.base = Some("required"),
            "+important" => case.base = Some("important"),
            "+standard" => case.base = Some("standard"),
            "satisfy" => {
                case.satisfy = Some(words.by_ref().collect::<Vec<_>>().join(" "));
            }
            word => case.words.push(word.to_owned()),
        }
    }
    case
}

/// What a resolver answers: `name version`, or nothing when there is no set.
pub type Answer = Option<BTreeSet<String>>;

/// Differences that are known: by case, the packages with which the choices part (of apt, then ours), with the reason.
/// What these need in turn is not listed: it changes with every update of the archive.
fn known_differences() -> BTreeMap<&'static str, (BTreeSet<&'static str>, BTreeSet<&'static str>)> {
    let names = |field: &'static str| field.split_whitespace().filter(|name| *name != "-").collect();
    let rows = DIFFERENCES.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    rows.map(|row| {
        let mut fields = row.split('\t');
        let mut next = || fields.next().unwrap_or_else(|| panic!("row `{row}` needs four fields"));
        let (case, apt, ours, reason) = (next(), next(), next(), next());
        assert!(!reason.trim().is_empty(), "row `{row}` needs a reason");
        (case, (names(apt), names(ours)))
    })
    .collect()
}

#[test]
fn simulating_and_downloading_choose_the_same() {
    let apt = Apt::shared();
    let cases: Vec<Case> = corpus().into_iter().step_by(23).collect();
    for (case, downloads) in cases.iter().zip(apt.answers(&cases)) {
        assert_eq!(apt.simulate(case), downloads, "{}", case.line);
    }
}

#[test]
fn chooses_what_apt_chooses() {
    let cases = corpus();
    assert!(cases.len() >= 200, "the corpus has only {} requests", cases.len());
    let apt = Apt::shared();
    let index = ours::index(apt);
    let known = known_differences();
    let mut failures = String::new();
    let mut used = BTreeSet::new();
    let expected = apt.answers(&cases);
    let (mut satisfiable, mut equal) = (0, 0);
    for (case, expected) in cases.iter().zip(&expected) {
        let found = ours::answer(&index, case);
        satisfiable += usize::from(expected.is_some());
        match (expected, &found) {
            (None, Err(_)) => equal += 1,
            (None, Ok(_)) => writeln!(failures, "{}: apt finds nothing, we do", case.line).unwrap(),
            (Some(_), Err(reason)) => {
                writeln!(failures, "{}: apt finds a set, we say: {reason}", case.line).unwrap();
            }
            (Some(expected), Ok(found)) if expected == found => equal += 1,
            (Some(expected), Ok(found)) => {
                let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| -> BTreeSet<String> {
                    a.difference(b)
                        .map(|entry| entry.split(' ').next().unwrap_or_default().to_owned())
                        .collect()
                };
                let (apt_only, ours_only) = (only(expected, found), only(found, expected));
                let listed = known.get(case.line.as_str()).is_some_and(|(apt, ours)| {
                    let all_in = |few: &BTreeSet<&str>, many: &BTreeSet<String>| {
                        few.iter().all(|name| many.contains(*name))
                    };
                    all_in(apt, &apt_only) && all_in(ours, &ours_only)
                });
                if listed {
                    used.insert(case.line.as_str());
                } else {
                    let join = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(" ");
                    writeln!(failures, "{}\t{}\t{}", case.line, join(&apt_only), join(&ours_only)).unwrap();
                }
            }
        }
    }
    println!("{} requests, {satisfiable} satisfiable, {equal} equal, {} listed", cases.len(), used.len());
    for stale in known.keys().filter(|line| !used.contains(*line)) {
        println!("no longer differs: {stale}");
    }
    assert!(failures.is_empty(), "unlisted differences (case, only apt, only ours):\n{failures}");
}

/// A bootstrapping tool installs the essential packages before it asks for the rest; so do we, in one go.
#[test]
fn the_base_set_is_what_a_bootstrap_ends_with() {
    let apt = Apt::shared();
    let index = ours::index(apt);
    let words = ["linux-image-amd64", "live-boot", "openssh-server", "ca-certificates"];
    for (least, words) in [
        ("required", &words[..0]),
        ("important", &words[2..]),
        ("important", &words[..]),
        ("standard", &words[..0]),
    ] {
        let line = format!("+{least} {}", words.join(" "));
        let found = ours::answer(&index, &parse_case(&line)).expect("a set");
        assert_eq!(apt.bootstrap(words, least), found, "{line}");
    }
}

/// apt takes dependencies from the suite only as far as the first one that needs a further step; we go on. Whether
/// the result holds is for apt to say: it is handed every version of it.
#[test]
fn what_we_take_from_another_suite_is_sound() {
    let apt = Apt::shared();
    let index = ours::index(apt);
    for line in ["curl/trixie-backports", "cockpit/trixie-backports", "curl/trixie"] {
        let found = ours::answer(&index, &parse_case(line)).expect("a set");
        let (name, suite) = line.split_once('/').expect("name and suite");
        let from_suite = index.named(name).find(|package| package.source().suite == suite).expect("there");
        assert!(found.contains(&format!("{name} {}", from_suite.version())), "{line}");
        let exact: Vec<String> = found.iter().map(|entry| entry.replacen(' ', "=", 1)).collect();
        let case = parse_case(&exact.join(" "));
        assert_eq!(apt.simulate(&case), Some(found), "{line}");
    }
}

/// The release files that apt has verified with gpgv are good for us as well, and signed by the archive's own keys.
#[test]
fn real_release_files_are_accepted() {
    let apt = Apt::shared();
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    for (suite, pin) in oracle::SUITES {
        let part = if suite.ends_with("-security") { "security-" } else { "" };
        let keys: Vec<Vec<u8>> = ["bookworm", "trixie"]
            .map(|release| format!("{KEYS}/debian-archive-{release}-{part}automatic.gpg"))
            .iter()
            .map(|path| std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}")))
            .collect();
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let keyring = Keyring::join(&keys).expect("the archive's keys");
        let policy = Policy { suite: Some(suite.to_owned()), now, ..Policy::default() };
        let release =
            verify(&apt.release(suite), &keyring, &policy).unwrap_or_else(|error| panic!("{suite}: {error}"));
        assert_eq!(release.codename, suite);
        assert_eq!(release.not_automatic, pin == 100, "{suite}");
        assert!(release.by_hash && release.architectures.iter().any(|arch| arch == "amd64"), "{suite}");
        assert!(release.files.contains_key("main/binary-amd64/Packages.xz"), "{suite}");
        assert!(!release.signed_by.is_empty() && release.date <= now, "{suite}");
    }
}

/// The same with everything but the usual components of the release switched off, as for a spec that says nothing of it.
pub fn switched_index() -> lbuild_repo::index::Index {
    ours::switched_index(Apt::shared(), &|suite, component| match (suite, component) {
        ("trixie-backports", "main") => format!("suite {suite}"),
        (_, "main") => String::new(),
        _ => format!("component {component}"),
    })
}

/// Debian's lists, as apt has verified them and we read them.
pub fn index() -> lbuild_repo::index::Index {
    ours::index(Apt::shared())
}
