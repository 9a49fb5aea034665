//! apk as the judge of the resolver: the same requests on the same indexes, on an empty system.
//!
//! Satisfiable or not must agree every time; the chosen sets must be equal unless `differences.tsv` lists the difference
//! with its reason.

use std::collections::{BTreeMap, BTreeSet};

use lbuild_testkit::realdata;

use super::oracle::Root;
use super::resolve::{REPOSITORIES, alpine, choose};

const REQUESTS: &str = include_str!("requests.txt");
const DIFFERENCES: &str = include_str!("differences.tsv");

/// `name version` of what apk would install, or nothing when it refuses.
fn apk(root: &Root, words: &[&str]) -> Option<BTreeSet<String>> {
    let said = root.run(&[&["add", "--simulate"], words].concat());
    let step = |line: &str| {
        let (name, version) = line.split_once(") Installing ")?.1.split_once(" (")?;
        Some(format!("{name} {}", version.trim_end_matches(')')))
    };
    let chosen: BTreeSet<String> = said.lines().filter_map(step).collect();
    let refused = said.contains("ERROR:");
    assert!(refused || said.lines().any(|line| line.starts_with("OK:")), "{words:?}: {said}");
    (!refused).then_some(chosen)
}

/// What apk answers, on two processes at a time.
fn answers(requests: &[&str]) -> Vec<Option<BTreeSet<String>>> {
    let repositories: Vec<Vec<u8>> = REPOSITORIES.iter().map(|(file, _)| realdata::read(file)).collect();
    let root = Root::new(&repositories, "", "");
    let ask = |requests: &[&str]| -> Vec<_> {
        requests.iter().map(|line| apk(&root, &line.split(' ').collect::<Vec<_>>())).collect()
    };
    let (first, second) = requests.split_at(requests.len() / 2);
    std::thread::scope(|scope| {
        let second = scope.spawn(|| ask(second));
        [ask(first), second.join().expect("no panic")].concat()
    })
}

/// The differences that are listed, by request.
fn listed() -> BTreeMap<&'static str, &'static str> {
    let rows = DIFFERENCES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [request, difference, reason] = columns[..] else { panic!("{line:?}") };
        assert!(!reason.is_empty(), "{line:?}");
        (request, difference)
    })
    .collect()
}

/// What we choose and apk does not, and the other way round.
fn difference(ours: Option<&BTreeSet<String>>, theirs: Option<&BTreeSet<String>>) -> String {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            let more = ours.difference(theirs).map(|package| format!("+{package}"));
            let less = theirs.difference(ours).map(|package| format!("-{package}"));
            more.chain(less).collect::<Vec<_>>().join(", ")
        }
        (None, None) => String::new(),
        (Some(_), None) => "only we find a set".to_owned(),
        (None, Some(_)) => "only apk finds a set".to_owned(),
    }
}

#[test]
fn apk_chooses_the_same_packages() {
    let is_request = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let requests: Vec<&str> = REQUESTS.lines().filter(is_request).collect();
    assert!(requests.len() >= 150, "{}", requests.len());
    let index = alpine();
    let listed = listed();
    let (mut found, mut satisfied) = (BTreeMap::new(), 0);
    for (request, theirs) in requests.iter().zip(answers(&requests)) {
        let ours = choose(&index, &request.split(' ').collect::<Vec<_>>()).ok();
        let ours: Option<BTreeSet<String>> =
            ours.map(|chosen| chosen.iter().map(|(name, version)| format!("{name} {version}")).collect());
        satisfied += usize::from(ours.is_some() && theirs.is_some());
        let difference = difference(ours.as_ref(), theirs.as_ref());
        if !difference.is_empty() {
            found.insert(*request, difference);
        }
    }
    println!("{} requests, {satisfied} satisfied by both, {} differ", requests.len(), found.len());
    assert!(satisfied >= 120, "only {satisfied} requests have a solution");
    let unlisted: Vec<_> =
        found.iter().filter(|(key, value)| listed.get(*key) != Some(&value.as_str())).collect();
    let gone: Vec<_> = listed.keys().filter(|key| !found.contains_key(*key)).collect();
    assert!(unlisted.is_empty() && gone.is_empty(), "unlisted:\n{unlisted:#?}\nno longer there:\n{gone:#?}");
}
