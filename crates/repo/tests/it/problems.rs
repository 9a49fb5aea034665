//! What stands around resolving, for any family: saved problems, switches, forced packages, chains, and searches.

use lbuild_repo::catalog;
use lbuild_repo::deb::resolve::Debian;
use lbuild_repo::index::{Builder, Digest, Entry, Index, IndexSource, Kind, Provided};
use lbuild_repo::resolve::snapshot::{Answer, SnapshotError};
use lbuild_repo::resolve::{
    Change, Forced, Knowledge, Request, Snapshot, Unsatisfiable, Wanted, resolve, resolve_with, why,
};

/// Lines of `name version; depends; conflicts; provides; replaces; summary` after a line `# suite switch`.
fn index(text: &str) -> Index {
    let mut builder = Builder::new("deb", 0);
    for (number, line) in text.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        if let Some(source) = line.strip_prefix('#') {
            let (suite, switch) = source.trim().split_once(' ').unwrap_or((source.trim(), ""));
            let pin = if suite.ends_with("-backports") { 100 } else { 500 };
            let source = IndexSource {
                suite: suite.to_owned(),
                component: "main".to_owned(),
                arch: "amd64".to_owned(),
                pin,
                switch: switch.to_owned(),
                ..IndexSource::default()
            };
            builder.source(&source).expect("few sources");
            continue;
        }
        let parts: Vec<&str> = line.split(';').map(str::trim).collect();
        let part = |at: usize| parts.get(at).copied().unwrap_or_default();
        let (name, version) = part(0).split_once(' ').expect("name and version");
        let names = part(3).split(',').map(str::trim).filter(|name| !name.is_empty());
        let entry = Entry {
            name: name.into(),
            version,
            arch: "amd64",
            summary: part(5),
            size: 100,
            installed: 1000,
            digest: Digest::Sha256([u8::try_from(number).expect("few packages"); 32]),
            provides: names.map(|name| Provided { name: name.into(), version: "" }).collect(),
            rank: 3,
            ..Entry::default()
        };
        let entry = entry
            .with(Kind::Requires, part(1))
            .with(Kind::Conflicts, part(2))
            .with(Kind::Provides, part(3))
            .with(Kind::Replaces, part(4));
        builder.add(&entry).expect("a good package");
    }
    builder.finish().expect("a small index")
}

fn request(names: &str) -> Request {
    let wanted = |name: &str| Wanted { name: name.to_owned(), ..Wanted::default() };
    Request { packages: names.split_whitespace().map(wanted).collect(), ..Request::new("amd64") }
}

fn names(index: &Index, request: &Request) -> Vec<String> {
    let selection = resolve(&Debian, index, request).unwrap_or_else(|reason| panic!("{reason:#?}"));
    selection.packages.into_iter().map(|package| format!("{} {}", package.name, package.version)).collect()
}

fn reason(index: &Index, request: &Request) -> Unsatisfiable {
    resolve(&Debian, index, request).expect_err("a conflict")
}

fn labels(reason: &Unsatisfiable) -> Vec<&str> {
    reason.fixes.iter().map(|fix| fix.label.as_str()).collect()
}

const MAIL: &str = "# stable
    app 1; mail-agent
    exim 4; ; mail-agent; mail-agent; ; a mail server
    postfix 3; ; mail-agent; mail-agent; ; another mail server
    dma 0; ; mail-agent; mail-agent; ; a small mail server
    other 1; app";

#[test]
fn a_saved_problem_has_the_same_answer() {
    let index = index(MAIL);
    for names in ["other", "exim postfix", "exmi", "app dma"] {
        let request = request(names);
        let saved = Snapshot::of(&Debian, &index, &request);
        let again = Snapshot::parse(saved.to_text().as_bytes()).expect("what was written");
        assert_eq!(again, saved);
        let small = again.index().expect("an index");
        let answers = [&index, &small].map(|index| resolve(&Debian, index, &again.request));
        match (&answers, &saved.answer) {
            ([Ok(a), Ok(b)], Answer::Packages(list)) => {
                let versions = |selection: &lbuild_repo::resolve::Selection| -> Vec<String> {
                    let text =
                        |p: &lbuild_repo::resolve::Selected| format!("{} {} {}", p.name, p.version, p.arch);
                    selection.packages.iter().map(text).collect()
                };
                assert_eq!((versions(a), versions(b)), (list.clone(), list.clone()));
            }
            ([Err(a), Err(b)], Answer::Conflict(summary)) => {
                assert_eq!(a, b);
                assert_eq!(&a.summary, summary);
            }
            other => panic!("{names}: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_saved_problem_is_refused() {
    assert!(matches!(Snapshot::parse(b"{}"), Err(SnapshotError::Syntax(_))));
    assert!(matches!(Snapshot::parse(b"{\"format\": 7}"), Err(SnapshotError::Format { found: 7 })));
    let mut saved = Snapshot::of(&Debian, &index(MAIL), &request("app"));
    saved.sources.clear();
    assert!(matches!(saved.index(), Err(SnapshotError::Source { .. })));
}

#[test]
fn a_source_that_is_off_is_proposed_and_never_used() {
    let index = index(
        "# stable\n tool 1\n # stable component contrib\n extra 1; tool\n # stable-backports suite stable-backports\n \
         tool 2\n new 1",
    );
    assert_eq!(names(&index, &request("tool")), ["tool 1"]);
    let answer = reason(&index, &request("extra"));
    let expected = "The package `extra` is in the component contrib, which is not switched on.";
    assert_eq!(answer.summary, expected);
    assert_eq!(labels(&answer), ["switch on the component contrib", "drop `extra`"]);
    let mut enabled = request("extra");
    enabled.enable.push("component contrib".to_owned());
    assert_eq!(names(&index, &enabled), ["extra 1", "tool 1"]);
    let answer = reason(&index, &request("new"));
    assert_eq!(labels(&answer)[0], "switch on the suite stable-backports", "{answer:#?}");
}

#[test]
fn another_provider_can_take_the_place() {
    let index = index(&format!("{MAIL}\n picky 1; ; exim"));
    let answer = reason(&index, &request("exim picky"));
    let labels = labels(&answer);
    assert!(labels.contains(&"ask for `dma` instead of `exim`"), "{labels:?}");
    assert!(labels.contains(&"ask for `postfix` instead of `exim`"), "{labels:?}");
}

struct Known;

impl Knowledge for Known {
    fn called(&self, name: &str) -> Vec<String> {
        if name == "mail-server" { vec!["exim".to_owned(), "gone".to_owned()] } else { Vec::new() }
    }
}

#[test]
fn a_missing_name_is_explained_by_all_that_is_known() {
    let index = index(&format!("{MAIL}\n exim-new 5; ; ; ; old-exim"));
    let answer = reason(&index, &request("old-exim"));
    assert_eq!(answer.summary, "There is no package `old-exim`; `exim-new` has taken its place.");
    assert_eq!(labels(&answer)[0], "ask for `exim-new` instead of `old-exim`");
    let answer = resolve_with(&Debian, &index, &request("mail-server"), &Known).expect_err("no such name");
    assert_eq!(answer.summary, "There is no package `mail-server`; here it is called `exim`.");
    assert_eq!(answer.fixes[0].changes, [Change::Rename { index: 0, name: "exim".to_owned() }]);
}

#[test]
fn a_forced_package_is_in_whatever_relations_say() {
    let index = index("# stable\n app 1; lib (>= 2)\n lib 2\n # stable-backports\n lib 1; gone; app");
    let mut request = request("app");
    assert_eq!(names(&index, &request), ["app 1", "lib 2"]);
    request.force.push(Forced { name: "lib".to_owned(), version: "1".to_owned() });
    assert_eq!(names(&index, &request), ["app 1", "lib 1"]);
    request.force[0].version = "9".to_owned();
    let summary = reason(&index, &request).summary;
    assert!(summary.contains("lib 9 (forced)"), "{summary}");
}

#[test]
fn the_shortest_chain_to_a_package_is_found() {
    let index =
        index("# stable\n a 1; b, c\n b 1; d\n c 1; e\n d 1; e\n e 1; virtual\n f 1; ; ; virtual\n x 1");
    let links = why(&Debian, &index, &request("a x"), "f").expect("a set").expect("in it");
    let texts: Vec<String> =
        links.iter().map(|link| format!("{} {} {}", link.from, link.relation, link.to)).collect();
    let expected =
        ["a asks for a 1", "a 1 depends on c 1", "c 1 depends on e 1", "e 1 depends on f 1 (for `virtual`)"];
    assert_eq!(texts, expected);
    assert_eq!(why(&Debian, &index, &request("x"), "f"), Ok(None));
}

#[test]
fn packages_are_found_by_name_summary_and_what_they_provide() {
    let mut index = index(MAIL);
    let search = |index: &Index, words: &str| -> Vec<String> {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        catalog::search(&Debian, index, &words).iter().map(|package| package.name().to_owned()).collect()
    };
    assert_eq!(search(&index, "mail server"), ["dma", "exim", "postfix"]);
    assert_eq!(search(&index, "exim"), ["exim"]);
    assert_eq!(search(&index, "mail-agent"), ["dma", "exim", "postfix"]);
    assert_eq!(search(&index, "nothing"), [""; 0]);
    let needs = |index: &Index, name: &str| -> Vec<String> {
        let package = catalog::best(&Debian, index, name).expect("there");
        let found = catalog::needing(&Debian, index, package);
        found.iter().map(|need| format!("{} {} {}", need.package.name(), need.verb, need.text)).collect()
    };
    assert_eq!(needs(&index, "exim"), ["app depends on mail-agent"]);
    assert_eq!(needs(&index, "app"), ["other depends on app"]);
    // The details of an index lie apart, and must be those of the same index.
    let (bytes, details) = (index.write_cache().to_vec(), index.write_details().to_vec());
    let mut again = Index::open_cache(bytes).expect("its own cache");
    assert_eq!(search(&again, "mail server"), [""; 0]);
    again.open_details(details.clone()).expect("its own details");
    assert_eq!(search(&again, "mail server"), ["dma", "exim", "postfix"]);
    for at in 0..details.len() {
        let mut damaged = details.clone();
        damaged[at] ^= 4;
        assert!(index.open_details(damaged).is_err(), "byte {at}");
    }
}
