//! libsolv, through its Python bindings, on requests over real repositories.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use lbuild_repo::index::Index;
use serde_json::{Value, json};

use super::{Source, choose, index, shown};

/// What libsolv answers to each request: its packages, or nothing when there is no answer.
fn libsolv(sources: &[Source], requests: &[Vec<&str>], weak: bool) -> Vec<Option<BTreeSet<String>>> {
    let describe = |source: &Source| {
        let path = |kind: &str| source.at_hand(kind).map(|record| source.path(&record));
        let hidden: Vec<&str> = source.modules.hidden(&BTreeMap::new()).into_iter().collect();
        json!({
            "name": source.name,
            "priority": 99,
            "primary": path("primary"),
            "filelists": path("filelists"),
            "hidden": hidden,
        })
    };
    ask(&sources.iter().map(describe).collect::<Vec<_>>(), requests, weak)
}

/// Hands repositories (as `oracle.py` describes them) and requests to libsolv.
pub fn ask(repositories: &[Value], requests: &[Vec<&str>], weak: bool) -> Vec<Option<BTreeSet<String>>> {
    let requests: Vec<Value> = requests.iter().map(|names| json!({"install": names, "weak": weak})).collect();
    let task = json!({"arch": "x86_64", "repositories": repositories, "requests": requests}).to_string();
    let mut python = Command::new("/usr/bin/python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/rpm/solver/oracle.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 and python3-solv are needed as the judge of this test");
    python.stdin.take().expect("piped").write_all(task.as_bytes()).expect("the judge reads its task");
    let output = python.wait_with_output().expect("python3");
    assert!(output.status.success(), "the judge failed");
    let answers: Vec<Option<BTreeSet<String>>> = serde_json::from_slice(&output.stdout).expect("a list");
    assert_eq!(answers.len(), requests.len());
    answers
}

/// Requests for one, two or three packages, the same in every run.
fn requests(index: &Index, count: usize) -> Vec<Vec<&str>> {
    let mut names: Vec<&str> = index.package_names().filter(|name| !name.starts_with('@')).collect();
    names.sort_unstable();
    let mut state = 11_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % names.len()
    };
    (0..count).map(|at| (0..=at % 3).map(|_| names[next()]).collect()).collect()
}

/// Counts of requests that were answered alike.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Both have no answer.
    pub neither: usize,
    /// Both have the same packages.
    pub equal: usize,
    /// Both have an answer, with other packages.
    pub different: usize,
}

fn compare(sources: &[Source], count: usize, weak: bool) -> Agreement {
    let index = index(sources, "x86_64");
    let requests = requests(&index, count);
    let theirs = libsolv(sources, &requests, weak);
    compare_requests(&index, &requests, theirs, weak)
}

/// Whether a difference has a reason that is known: of several providers, libsolv prefers what any chosen package
/// recommends, we what the asking package does.
fn is_listed(more: &[&String], fewer: &[&String]) -> bool {
    const CHOICES: [&[&str]; 2] = [
        &["glibc-langpack-", "glibc-minimal-langpack-", "glibc-all-langpacks-"],
        // `greedy.repo` of libdnf: B and C have what A requires, and B recommends C.
        &["B-1-0.", "C-1-0."],
    ];
    let is_of = |choice: &[&str], name: &String| choice.iter().any(|start| name.starts_with(start));
    CHOICES.iter().any(|choice| more.iter().chain(fewer).all(|name| is_of(choice, name)))
}

/// Holds our answers against those of libsolv. Whether there is one must always be the same.
pub fn compare_requests(
    index: &Index,
    requests: &[Vec<&str>],
    theirs: Vec<Option<BTreeSet<String>>>,
    weak: bool,
) -> Agreement {
    let mut agreement = Agreement::default();
    let mut wrong = Vec::new();
    for (request, theirs) in requests.iter().zip(theirs) {
        match (choose(index, request, weak), theirs) {
            (Err(_), None) => agreement.neither += 1,
            (Ok(ours), Some(theirs)) => {
                let ours = shown(&ours);
                if ours == theirs {
                    agreement.equal += 1;
                    continue;
                }
                agreement.different += 1;
                let more: Vec<&String> = ours.difference(&theirs).collect();
                let fewer: Vec<&String> = theirs.difference(&ours).collect();
                if !is_listed(&more, &fewer) {
                    wrong.push(format!("{request:?}: we have {more:?}, libsolv has {fewer:?}"));
                }
            }
            (Ok(_), None) => wrong.push(format!("{request:?}: only we have an answer")),
            (Err(why), Some(_)) => {
                wrong.push(format!("{request:?}: only libsolv has an answer: {why} {:?}", why.chain));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    agreement
}

#[test]
fn libsolv_agrees_on_baseos() {
    let sources = [Source::new("cs9-baseos-2024"), Source::new("osbuild-custom-2024")];
    let agreement = compare(&sources, 150, false);
    assert_eq!(agreement, Agreement { neither: 0, equal: 150, different: 0 });
}

#[test]
fn libsolv_agrees_on_weak_dependencies() {
    let agreement = compare(&[Source::new("cs9-baseos-2024")], 60, true);
    assert_eq!(agreement, Agreement { neither: 0, equal: 60, different: 0 });
}

#[test]
fn libsolv_agrees_on_two_repositories_of_different_age() {
    let sources = [Source::new("cs9-appstream-2025"), Source::new("cs9-baseos-2024")];
    let agreement = compare(&sources, 150, false);
    assert_eq!(agreement, Agreement { neither: 52, equal: 96, different: 2 });
}

#[test]
fn libsolv_agrees_on_opensuse() {
    let sources =
        [Source::new("libzypp-testdata/zypp/tests/data/11.0-update"), Source::new("opensuse-xlibre/x86_64")];
    let agreement = compare(&sources, 90, false);
    assert_eq!(agreement, Agreement { neither: 89, equal: 1, different: 0 });
}
