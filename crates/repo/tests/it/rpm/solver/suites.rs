//! The repositories of libdnf's and libzypp's own test-suites: every package, alone and in pairs, judged by libsolv.

use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::rpm::index::{Repositories, Repository, Survey, pin};

use super::oracle::{Agreement, ask, compare_requests};
use super::testcase::primary;

/// Repositories that belong together.
const SUITES: [&[&str]; 12] = [
    &["libdnf-testdata/data/tests/hawkey/main.repo"],
    &["libdnf-testdata/data/tests/hawkey/updates.repo"],
    &["libdnf-testdata/data/tests/hawkey/main.repo", "libdnf-testdata/data/tests/hawkey/updates.repo"],
    &["libdnf-testdata/data/tests/hawkey/greedy.repo"],
    &["libdnf-testdata/data/tests/hawkey/main.repo", "libdnf-testdata/data/tests/hawkey/vendor.repo"],
    &["libdnf-testdata/data/tests/hawkey/forcebest.repo"],
    &["libdnf-testdata/data/tests/hawkey/main.repo", "libdnf-testdata/data/tests/hawkey/change.repo"],
    &["libdnf-testdata/data/tests/hawkey/installonly.repo"],
    &["libzypp-testdata/zypp/tests/data/TCdup/update.repo"],
    &["libzypp-testdata/zypp/tests/data/TCNamespaceRecommends/update.repo"],
    &[
        "libzypp-testdata/zypp/tests/data/TCSelectable/RepoHIGH.repo",
        "libzypp-testdata/zypp/tests/data/TCSelectable/RepoLOW.repo",
    ],
    &["libzypp-testdata/zypp/tests/data/PoolReuseIds/SeqA/SEQA.repo"],
];

fn index(texts: &[String]) -> Index {
    let mut survey = Survey::new("x86_64");
    for text in texts {
        survey.read("suite", text.as_bytes()).expect("an index");
    }
    let mut repositories = Repositories::new(survey);
    for (number, text) in texts.iter().enumerate() {
        let source = IndexSource {
            suite: format!("r{number}"),
            arch: "x86_64".to_owned(),
            pin: pin(99),
            ..IndexSource::default()
        };
        repositories.add(&Repository { source, ..Repository::default() }, text.as_bytes()).expect("an index");
    }
    repositories.finish().expect("an index")
}

#[test]
fn libsolv_agrees_on_the_suites_of_libdnf_and_libzypp() {
    let mut total = Agreement::default();
    for suite in SUITES {
        let texts: Vec<String> = suite.iter().map(|path| primary(&super::data().join(path))).collect();
        let index = index(&texts);
        let directory = tempfile::tempdir().expect("a directory");
        let paths: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(number, text)| {
                let path = directory.path().join(format!("{number}.xml"));
                std::fs::write(&path, text).expect("a file");
                (format!("r{number}"), path)
            })
            .collect();
        let names: Vec<&str> = index.package_names().collect();
        let alone = names.iter().map(|name| vec![*name]);
        let pairs =
            names.iter().enumerate().flat_map(|(at, a)| names[at + 1..].iter().map(move |b| vec![*a, *b]));
        let requests: Vec<Vec<&str>> = alone.chain(pairs).take(60).collect();
        for weak in [false, true] {
            let repositories: Vec<_> = paths
                .iter()
                .map(|(name, path)| serde_json::json!({"name": name, "priority": 99, "primary": path, "filelists": null, "hidden": []}))
                .collect();
            let theirs = ask(&repositories, &requests, weak);
            let found = compare_requests(&index, &requests, theirs, weak);
            total.neither += found.neither;
            total.equal += found.equal;
            total.different += found.different;
        }
    }
    assert!(total.different <= 2, "{total:?}");
    assert!(total.equal > 500, "{total:?}");
}
