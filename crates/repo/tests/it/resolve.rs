//! Named scenarios of Debian's rules, each on a few packages of its own.

use lbuild_repo::deb::relation::constraint;
use lbuild_repo::deb::resolve::Debian;
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::{
    Change, Pin, PinTarget, Priority, Request, Selection, Unsatisfiable, Wanted, resolve,
};

/// Packages of one suite: `name version`, then fields, one package per paragraph. `Architecture` defaults to amd64.
struct Suite {
    name: &'static str,
    pin: i32,
    arch: &'static str,
    packages: &'static str,
}

fn suite(name: &'static str, pin: i32, packages: &'static str) -> Suite {
    Suite { name, pin, arch: "amd64", packages }
}

fn text(suite: &Suite) -> String {
    let paragraphs = suite.packages.split("\n\n").filter(|part| !part.trim().is_empty());
    let stanzas = paragraphs.enumerate().map(|(number, paragraph)| {
        let mut lines = paragraph.lines().map(str::trim).filter(|line| !line.is_empty());
        let (name, version) = lines.next().and_then(|line| line.split_once(' ')).expect("name and version");
        let mut fields = vec![
            format!("Package: {name}\nVersion: {version}\nSize: 1\nInstalled-Size: 10\nSHA256: {number:064}"),
            format!("Filename: pool/{}/{name}_{number}.deb", suite.name),
        ];
        fields.extend(lines.map(str::to_owned));
        if !fields.iter().any(|field| field.starts_with("Architecture:")) {
            fields.push(format!("Architecture: {}", suite.arch));
        }
        fields.join("\n")
    });
    stanzas.collect::<Vec<_>>().join("\n\n")
}

fn index(suites: &[Suite]) -> Index {
    let texts: Vec<(IndexSource, String)> = suites
        .iter()
        .map(|suite| {
            let source = IndexSource {
                suite: suite.name.to_owned(),
                component: "main".to_owned(),
                arch: suite.arch.to_owned(),
                base_url: "base".to_owned(),
                pin: suite.pin,
                names: vec![suite.name.to_owned()],
                host: format!("{}.example.org", suite.name),
                ..IndexSource::default()
            };
            (source, text(suite))
        })
        .collect();
    let sources: Vec<(IndexSource, &[u8])> =
        texts.iter().map(|(source, text)| (source.clone(), text.as_bytes())).collect();
    lbuild_repo::deb::index::parse(&sources).expect("a good index")
}

/// `name`, `name=version`, `name (>= version)` without spaces, `name/suite`; `-name` removes.
fn request(words: &str) -> Request {
    let mut request = Request::new("amd64");
    for word in words.split_whitespace() {
        match word {
            "+recommends" => request.recommends = true,
            "+essential" => request.essential = true,
            "+important" => request.priority = Some(Priority::Important),
            _ => match word.strip_prefix('-') {
                Some(name) => request.remove.push(name.to_owned()),
                None => request.packages.push(wanted(word)),
            },
        }
    }
    request
}

fn wanted(word: &str) -> Wanted {
    if let Some((name, suite)) = word.split_once('/') {
        return Wanted { name: name.to_owned(), version: None, suite: Some(suite.to_owned()) };
    }
    let end = word.find(['=', '<', '>']).unwrap_or(word.len());
    let (name, bound) = word.split_at(end);
    let version = (!bound.is_empty()).then(|| constraint(bound).expect("a bound"));
    Wanted { name: name.to_owned(), version, suite: None }
}

fn names(selection: &Selection) -> String {
    let entry = |package: &lbuild_repo::resolve::Selected| match package.arch.as_str() {
        "amd64" | "all" => format!("{} {}", package.name, package.version),
        arch => format!("{}:{arch} {}", package.name, package.version),
    };
    selection.packages.iter().map(entry).collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn gives(suites: &[Suite], words: &str, expected: &str) {
    match resolve(&Debian, &index(suites), &request(words)) {
        Ok(selection) => assert_eq!(names(&selection), expected, "{words}"),
        Err(reason) => panic!("{words}: {reason}\n{reason:#?}"),
    }
}

#[track_caller]
fn fails(suites: &[Suite], words: &str, summary: &str) -> Unsatisfiable {
    let index = index(suites);
    let request = request(words);
    match resolve(&Debian, &index, &request) {
        Ok(selection) => panic!("{words} gives {}", names(&selection)),
        Err(reason) => {
            assert_eq!(reason.summary, summary, "{reason:#?}");
            assert!(!reason.roots.is_empty(), "{reason:#?}");
            assert!(
                !reason.chain.is_empty() || ["There ", "there "].iter().any(|word| summary.contains(word)),
                "{reason:#?}"
            );
            reason
        }
    }
}

fn labels(reason: &Unsatisfiable) -> Vec<&str> {
    reason.fixes.iter().map(|fix| fix.label.as_str()).collect()
}

fn main_suite(packages: &'static str) -> [Suite; 1] {
    [suite("stable", 500, packages)]
}

const MAIL: &str = "app 1\nDepends: mta-default | mail-agent\n\nmta-default 1\nDepends: exim\n\nexim 4\n\
    Provides: mail-agent\nConflicts: mail-agent\n\npostfix 3\nProvides: mail-agent\nConflicts: mail-agent\n\n\
    reader 1\nDepends: mail-agent";

#[test]
fn a_virtual_package_is_met_by_what_is_there() {
    gives(&main_suite(MAIL), "app", "app 1, exim 4, mta-default 1");
    gives(&main_suite(MAIL), "app postfix", "app 1, postfix 3");
    gives(&main_suite(MAIL), "reader exim", "exim 4, reader 1");
    gives(&main_suite(MAIL), "mail-agent", "postfix 3");
}

#[test]
fn a_conflict_on_a_virtual_package_spares_its_owner() {
    gives(&main_suite(MAIL), "exim", "exim 4");
    let reason = fails(
        &main_suite(MAIL),
        "reader exim postfix",
        "`exim` and `postfix` cannot be installed together: `exim` conflicts with `postfix`, because both provide `mail-agent`.",
    );
    assert_eq!(labels(&reason), ["drop `exim`", "drop `postfix`"]);
    assert_eq!(reason.fixes[0].effect.removed, ["exim"]);
    assert_eq!(reason.fixes[0].changes, [Change::DropRequest { index: 1 }]);
    assert_eq!(reason.roots.iter().map(|root| root.index).collect::<Vec<_>>(), [Some(1), Some(2)]);
}

#[test]
fn provides_meet_bounds_only_with_a_version() {
    let packages = "a 1\nDepends: v (>= 2)\n\nb 1\nDepends: v\n\nc 1\nDepends: v (>= 3)\n\nx 1\nProvides: v\n\n\
        y 1\nProvides: v (= 2.5)\n\nz 1\nProvides: v (>= 9)";
    gives(&main_suite(packages), "a", "a 1, y 1");
    gives(&main_suite(packages), "b", "b 1, y 1");
    gives(&main_suite(packages), "b x", "b 1, x 1");
    fails(
        &main_suite(packages),
        "c",
        "`c` cannot be installed: `c` depends on v (>= 3), which nothing provides in such a version.",
    );
}

#[test]
fn a_real_package_comes_before_those_that_provide_it() {
    let packages = "a 1\nDepends: v\n\nw 1\nProvides: v\nPriority: required\n\nv 1\n\nx 1\nProvides: v";
    gives(&main_suite(packages), "a", "a 1, v 1");
    gives(&main_suite(packages), "a -v", "a 1, w 1");
}

#[test]
fn breaks_and_versions() {
    let packages = "a 1\nBreaks: b (<< 2)\n\nb 1\n\nc 1\nBreaks: b (<< 1)\n\nd 1\nDepends: b\n\ne 1\nDepends: d | f\n\nf 1";
    gives(&main_suite(packages), "c b", "b 1, c 1");
    gives(&main_suite(packages), "a e", "a 1, e 1, f 1");
    fails(
        &main_suite(packages),
        "a d",
        "`a` and `d` cannot be installed together: `a` breaks `b` (`b (<< 2)`).",
    );
}

#[test]
fn the_candidate_is_the_highest_pin_then_the_highest_version() {
    let suites = || {
        [
            suite("stable", 500, "a 1.0\nDepends: b\n\nb 1.0"),
            suite("stable-updates", 500, "b 1.1"),
            suite(
                "stable-backports",
                100,
                "a 2.0\nDepends: b (>= 2), c\n\nb 2.0\n\nc 2.0\nDepends: d (>= 2)\n\nd 2",
            ),
            suite("never", -1, "a 9\n\nn 1"),
        ]
    };
    gives(&suites(), "a", "a 1.0, b 1.1");
    gives(&suites(), "a/stable-backports", "a 2.0, b 2.0, c 2.0, d 2");
    gives(&suites(), "a=2.0 b/stable-backports", "a 2.0, b 2.0, c 2.0, d 2");
    gives(&suites(), "a>=1.5 b/stable-backports", "a 2.0, b 2.0, c 2.0, d 2");
    gives(&suites(), "b<1.0", "b 1.0");
    gives(&suites(), "c", "c 2.0, d 2");
    gives(&suites(), "a=9", "a 9");
    let reason = fails(&suites(), "n", "`n` is not available: there is only 1 from never.");
    assert_eq!(labels(&reason), ["take `n` from never", "drop `n`"]);
    let reason = fails(
        &suites(),
        "a=2.0",
        "`a (= 2.0)` cannot be installed: `a` depends on b (>= 2), but version 1.1 would be installed.",
    );
    assert!(labels(&reason).contains(&"take any version of `a` instead of `a (= 2.0)`"), "{reason:#?}");
    assert!(labels(&reason).contains(&"take `a` from stable-backports"), "{reason:#?}");
}

#[test]
fn a_backport_can_be_the_fix() {
    let suites = [
        suite("stable", 500, "a 1\nDepends: gone\n\nb 1"),
        suite("stable-backports", 100, "a 2\nDepends: b"),
    ];
    let reason =
        fails(&suites, "a", "`a` cannot be installed: `a` depends on gone, which no package provides.");
    assert_eq!(labels(&reason), ["take `a` from stable-backports", "drop `a`"]);
    assert_eq!(reason.fixes[0].effect.added, ["a", "b"]);
    assert_eq!(reason.fixes[0].effect.size_delta, 20 * 1024);
}

#[test]
fn two_bounds_of_one_package_must_hold_together() {
    let suites = || [suite("stable", 500, "a 1"), suite("testing", 100, "a 2")];
    gives(&suites(), "a a>=2", "a 2");
    gives(&suites(), "a>=1 a<=1", "a 1");
    fails(
        &suites(),
        "a=1 a=2",
        "`a (= 1)` and `a (= 2)` cannot be installed together: there can be only one version of `a`.",
    );
}

#[test]
fn the_base_set_is_essential_and_important() {
    let packages = "base 1\nEssential: yes\nPriority: required\nPre-Depends: lib\n\nlib 1\n\nshell 1\n\
        Priority: required\n\ncron 1\nPriority: important\n\ncron2 1\nConflicts: cron\n\nextra 1\nPriority: standard\n\n\
        tool 1\nDepends: cron";
    let suites = main_suite(packages);
    gives(&suites, "+essential", "base 1, lib 1");
    gives(&suites, "+essential +important", "base 1, cron 1, lib 1, shell 1");
    gives(&suites, "+essential +important -cron", "base 1, lib 1, shell 1");
    let reason = fails(
        &suites,
        "+essential +important cron2",
        "`cron2` and `cron (priority important)` cannot be installed together: `cron2` conflicts with `cron`.",
    );
    assert_eq!(labels(&reason), ["drop `cron2`", "remove `cron` from the base system"]);
    fails(&suites, "+essential -base", "`base` is needed by every system and cannot be removed.");
    let reason = fails(&suites, "tool -cron", "`tool` needs `cron`, which your spec removes.");
    assert_eq!(labels(&reason), ["no longer remove `cron`", "drop `tool`"]);
    assert_eq!(reason.fixes[0].changes, [Change::DropRemoval { index: 0 }]);
}

#[test]
fn recommends_are_asked_for_and_never_in_the_way() {
    let packages =
        "a 1\nRecommends: b, c | d, gone, e\n\nb 1\n\nc 1\nDepends: gone\n\nd 1\n\ne 1\nConflicts: z\n\nz 1";
    gives(&main_suite(packages), "a", "a 1");
    gives(&main_suite(packages), "+recommends a", "a 1, b 1, d 1, e 1");
    gives(&main_suite(packages), "+recommends a z", "a 1, b 1, d 1, z 1");
    gives(&main_suite(packages), "+recommends a -b", "a 1, d 1, e 1");
}

#[test]
fn names_that_do_not_exist_bring_their_like() {
    let suites = main_suite("neovim 1\n\nneovim-qt 1\n\nvim 1");
    let reason = fails(&suites, "vim neovm", "There is no package `neovm`; did you mean `neovim`?");
    assert_eq!(labels(&reason), ["ask for `neovim` instead of `neovm`", "drop `neovm`"]);
    assert_eq!(reason.unknown[0].near, ["neovim"]);
    let reason = fails(&suites, "xyzzy qwert", "There are no packages `xyzzy` and `qwert`.");
    assert_eq!(labels(&reason), ["drop `xyzzy` and `qwert`"]);
}

#[test]
fn three_that_exclude_each_other_leave_three_fixes() {
    let packages =
        "a 1\nProvides: v\nConflicts: v\n\nb 1\nProvides: v\nConflicts: v\n\nc 1\nProvides: v\nConflicts: v";
    let index = index(&main_suite(packages));
    let reason = resolve(&Debian, &index, &request("a b c")).expect_err("they exclude each other");
    assert_eq!(reason.roots.len(), 2);
    let fixes: Vec<_> = reason.fixes.iter().map(|fix| fix.effect.removed.join(" ")).collect();
    assert_eq!(fixes, ["a b", "a c", "b c"]);
}

#[test]
fn two_architectures() {
    let native = "tool 1\nDepends: lib, helper\n\nlib 1\nMulti-Arch: same\n\nhelper 1\nMulti-Arch: foreign\n\n\
        python 1\nMulti-Arch: allowed\n\nplain 1\n\ndata 1\nArchitecture: all\nMulti-Arch: foreign";
    let foreign = "tool 1\nDepends: lib, helper\n\nlib 1\nMulti-Arch: same\n\nscript 1\nDepends: python:any, data\n\n\
        script2 1\nDepends: plain\n\nplain 1\n\nold 1\nDepends: libold\n\nlibold 1\nMulti-Arch: same";
    let suites = || [suite("stable", 500, native), Suite { arch: "i386", ..suite("stable", 500, foreign) }];
    gives(&suites(), "tool", "helper 1, lib 1, tool 1");
    gives(&suites(), "tool:i386", "helper 1, lib:i386 1, tool:i386 1");
    gives(&suites(), "lib lib:i386", "lib 1, lib:i386 1");
    gives(&suites(), "script:i386 python", "data 1, python 1, script:i386 1");
    gives(&suites(), "script2:i386", "plain:i386 1, script2:i386 1");
    fails(
        &suites(),
        "plain plain:i386",
        "`plain` and `plain:i386` cannot be installed together: plain 1 cannot be installed for another architecture beside plain 1 for i386.",
    );
}

#[test]
fn the_answer_is_the_same_every_time_and_sorted() {
    let index = index(&main_suite(MAIL));
    let first = resolve(&Debian, &index, &request("app reader")).expect("a set");
    for _ in 0..5 {
        assert_eq!(resolve(&Debian, &index, &request("app reader")).expect("a set"), first);
    }
    let by = |name: &str| {
        let found = first.packages.iter().find(|package| package.name == name);
        found.map(|package| package.requested_by.clone()).unwrap_or_default()
    };
    assert_eq!((by("app").as_str(), by("mta-default").as_str()), ("app", "app"));
}

fn pin(package: &str, target: PinTarget, priority: i32) -> Pin {
    Pin { package: package.to_owned(), target, priority }
}

#[test]
fn a_pin_chooses_by_version_by_suite_and_by_host() {
    let suites =
        [suite("stable", 500, "app 1\n\nlib 1"), suite("extra", 500, "app 2\nDepends: lib (>= 2)\n\nlib 2")];
    let index = index(&suites);
    let app = |pins: Vec<Pin>| {
        let request = Request { pins, ..request("app") };
        resolve(&Debian, &index, &request).map(|selection| names(&selection)).map_err(|reason| reason.summary)
    };
    let version = |text: &str| PinTarget::Version(text.to_owned());
    assert_eq!(app(vec![]), Ok("app 2, lib 2".to_owned()));
    assert_eq!(app(vec![pin("app", version("1*"), 600)]), Ok("app 1".to_owned()));
    assert_eq!(app(vec![pin("app", PinTarget::Release("Stable".to_owned()), 501)]), Ok("app 1".to_owned()));
    let host = PinTarget::Host("extra.example.org".to_owned());
    assert_eq!(app(vec![pin("a*", host, -1)]), Ok("app 1".to_owned()));
    let said = app(vec![pin("lib", version("1"), 990)]).unwrap_err();
    assert!(
        said.ends_with("`app` depends on lib (>= 2), but version 1 (pinned to 990) would be installed."),
        "{said}"
    );
    let said = app(vec![pin("lib", version("*"), -1)]).unwrap_err();
    assert!(said.ends_with("`app` depends on lib (>= 2), which a pin keeps out."), "{said}");
    let said = app(vec![pin("app", version("*"), -7)]).unwrap_err();
    let expected =
        "`app` is not available: there is only 1 from stable (pinned to -7) and 2 from extra (pinned to -7).";
    assert_eq!(said, expected);
}

#[test]
fn only_a_request_for_the_version_itself_is_stronger_than_never() {
    let index = index(&main_suite("app 1"));
    let pins = vec![pin("app", PinTarget::Version("*".to_owned()), -1)];
    let answer = |words| resolve(&Debian, &index, &Request { pins: pins.clone(), ..request(words) });
    assert!(answer("app=1").is_ok() && answer("app/stable").is_ok());
    assert!(answer("app>=1").is_err() && answer("app").is_err());
}
