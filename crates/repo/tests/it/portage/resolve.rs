//! Named scenarios of Gentoo's rules, each on a few packages of its own, and requests to real binary hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lbuild_repo::index::{Index as Arena, IndexSource};
use lbuild_repo::portage::accept::Accept;
use lbuild_repo::portage::arena::{Options, build};
use lbuild_repo::portage::index::{DependencyClass, Entry, Index};
use lbuild_repo::portage::installed::Installed;
use lbuild_repo::portage::profile::Profile;
use lbuild_repo::portage::relation::{Blocker, Need, Operator, atoms, parse};
use lbuild_repo::portage::resolve::Gentoo;
use lbuild_repo::portage::version::compare;
use lbuild_repo::resolve::{Request, Selection, Unsatisfiable, Wanted, resolve};

use super::{golden, shared_plain};

pub fn source(name: &str, pin: i32) -> IndexSource {
    IndexSource {
        suite: name.to_owned(),
        component: "packages".to_owned(),
        arch: "amd64".to_owned(),
        base_url: "base".to_owned(),
        pin,
        ..IndexSource::default()
    }
}

/// Packages of one host: `category/package-version`, then fields, one package per paragraph.
pub fn packages(text: &str) -> String {
    let header = "ARCH: amd64\nIUSE_IMPLICIT: prefix\nVERSION: 0\n\n";
    let paragraphs = text.split("\n\n").map(str::trim).filter(|part| !part.is_empty());
    let stanzas = paragraphs.enumerate().map(|(number, paragraph)| {
        let mut lines = paragraph.lines().map(str::trim);
        let cpv = lines.next().expect("a package");
        let rest: Vec<&str> = lines.collect();
        format!("CPV: {cpv}\nSIZE: 1\nSHA1: {number:040x}\nPATH: {number}.gpkg.tar\n{}\n\n", rest.join("\n"))
    });
    header.to_owned() + &stanzas.collect::<String>()
}

pub fn arena(hosts: &[(&str, i32, &str)], options: &Options<'_>) -> Arena {
    let texts: Vec<(IndexSource, String)> =
        hosts.iter().map(|(name, pin, text)| (source(name, *pin), packages(text))).collect();
    let indexes: Vec<(IndexSource, Index<'_>)> = texts
        .iter()
        .map(|(source, text)| (source.clone(), Index::parse(text.as_bytes()).expect("a good index")))
        .collect();
    let hosts: Vec<_> = indexes.iter().map(|(source, index)| (source.clone(), index)).collect();
    build(&hosts, options).expect("a good arena")
}

/// Requests with spaces between them; `-name` removes.
pub fn request(words: &str) -> Request {
    let mut request = Request::new("amd64");
    for word in words.split_whitespace() {
        match (word, word.strip_prefix('-')) {
            ("+system", _) => request.essential = true,
            (_, Some(name)) => request.remove.push(name.to_owned()),
            (name, None) => {
                request.packages.push(Wanted { name: name.to_owned(), ..Wanted::default() });
            }
        }
    }
    request
}

pub fn names(selection: &Selection) -> String {
    let entry = |package: &lbuild_repo::resolve::Selected| format!("{}-{}", package.name, package.version);
    selection.packages.iter().map(entry).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn gives(text: &str, words: &str, expected: &str) {
    gives_from(&arena(&[("host", 500, text)], &Options::default()), words, expected);
}

#[track_caller]
pub fn gives_from(index: &Arena, words: &str, expected: &str) {
    match resolve(&Gentoo, index, &request(words)) {
        Ok(selection) => assert_eq!(names(&selection), expected, "{words}"),
        Err(reason) => panic!("{words}: {reason:#?}"),
    }
}

#[track_caller]
fn fails(text: &str, words: &str, summary: &str) -> Unsatisfiable {
    fails_from(&arena(&[("host", 500, text)], &Options::default()), words, summary)
}

#[track_caller]
pub fn fails_from(index: &Arena, words: &str, summary: &str) -> Unsatisfiable {
    match resolve(&Gentoo, index, &request(words)) {
        Ok(selection) => panic!("{words} gives {}", names(&selection)),
        Err(reason) => {
            assert_eq!(reason.summary, summary, "{reason:#?}");
            reason
        }
    }
}

#[test]
fn slots_stand_side_by_side() {
    let text = "dev-lang/py-3.11\nSLOT: 3.11\n\ndev-lang/py-3.12\nSLOT: 3.12\n\ndev-lang/py-3.12.1\nSLOT: 3.12\n\n\
        a/old-1\nRDEPEND: dev-lang/py:3.11\n\na/new-1\nRDEPEND: >=dev-lang/py-3.12:*\n\na/exact-1\nRDEPEND: ~dev-lang/py-3.12";
    gives(text, "dev-lang/py", "dev-lang/py-3.12.1");
    gives(text, "a/old a/new", "a/new-1 a/old-1 dev-lang/py-3.11 dev-lang/py-3.12.1");
    gives(text, "dev-lang/py:3.11 py", "dev-lang/py-3.11");
    gives(text, "a/exact a/new", "a/exact-1 a/new-1 dev-lang/py-3.12");
    fails(
        text,
        "a/exact =dev-lang/py-3.12.1",
        "`a/exact` and `=dev-lang/py-3.12.1` cannot be installed together: there can be only one version of \
         `dev-lang/py` in slot 3.12.",
    );
}

#[test]
fn flags_are_exact() {
    let text = "dev-libs/lib-1\nIUSE: ssl +nls\nUSE: ssl nls\n\ndev-libs/lib-2\nIUSE: ssl +nls\nUSE: nls\n\n\
        a/ssl-1\nRDEPEND: dev-libs/lib[ssl]\n\na/plain-1\nRDEPEND: dev-libs/lib\n\na/none-1\nRDEPEND: dev-libs/lib[-nls]\n\n\
        a/unknown-1\nRDEPEND: dev-libs/lib[gtk]\n\na/default-1\nRDEPEND: dev-libs/lib[gtk(-)?,qt(+)]\n\n\
        a/implied-1\nRDEPEND: dev-libs/lib[-prefix]\n\na/own-1\nIUSE: ssl\nUSE: ssl\nRDEPEND: dev-libs/lib[ssl=]";
    gives(text, "a/plain", "a/plain-1 dev-libs/lib-2");
    gives(text, "a/ssl", "a/ssl-1 dev-libs/lib-1");
    gives(text, "a/ssl a/plain", "a/plain-1 a/ssl-1 dev-libs/lib-1");
    gives(text, "a/own", "a/own-1 dev-libs/lib-1");
    gives(text, "a/default", "a/default-1 dev-libs/lib-2");
    gives(text, "a/implied", "a/implied-1 dev-libs/lib-2");
    gives(text, "dev-libs/lib[ssl]", "dev-libs/lib-1");
    fails(
        text,
        "a/none",
        "`a/none` cannot be installed: `a/none` depends on dev-libs/lib[-nls], but no binary package of it was built with [-nls].",
    );
    fails(
        text,
        "a/unknown",
        "`a/unknown` cannot be installed: `a/unknown` depends on dev-libs/lib[gtk], but no binary package of it was built with [gtk].",
    );
    fails(
        text,
        "dev-libs/lib[gtk]",
        "`dev-libs/lib[gtk]` is not available: no binary package of it was built with [gtk].",
    );
}

#[test]
fn the_newest_build_that_does() {
    let text = "dev-libs/lib-1\nBUILD_ID: 9\nUSE: ssl\nIUSE: ssl\n\ndev-libs/lib-1\nBUILD_ID: 10\nIUSE: ssl\n\n\
        a/ssl-1\nRDEPEND: dev-libs/lib[ssl]";
    let index = arena(&[("host", 500, text)], &Options::default());
    let build = |words: &str| {
        let selection = resolve(&Gentoo, &index, &request(words)).expect("a set");
        let lib =
            selection.packages.iter().find(|package| package.name == "dev-libs/lib").expect("it is there");
        lib.location.clone()
    };
    assert_eq!(build("dev-libs/lib"), "1.gpkg.tar");
    assert_eq!(build("a/ssl"), "0.gpkg.tar");
}

#[test]
fn a_sub_slot_is_what_a_build_was_made_with() {
    let text = "dev-libs/icu-73\nSLOT: 0/73\n\ndev-libs/icu-74\nSLOT: 0/74\n\n\
        a/old-1\nRDEPEND: dev-libs/icu:0/73=\n\na/new-1\nRDEPEND: >=dev-libs/icu-70:0/74=\n\na/gone-1\nRDEPEND: dev-libs/icu:0/72=";
    gives(text, "a/old", "a/old-1 dev-libs/icu-73");
    gives(text, "a/new dev-libs/icu", "a/new-1 dev-libs/icu-74");
    let reason = fails(
        text,
        "a/old a/new",
        "`a/old` and `a/new` cannot be installed together: there can be only one version of `dev-libs/icu`.",
    );
    assert_eq!(reason.fixes.len(), 2);
    fails(
        text,
        "a/gone",
        "`a/gone` cannot be installed: `a/gone` depends on dev-libs/icu:0/72=, but it is only in the slots 0/73 and 0/74.",
    );
}

#[test]
fn blockers() {
    let text = "sys-apps/systemd-255\nRDEPEND: !sys-apps/sysvinit !!<sys-apps/sandbox-2 !sys-apps/systemd:1\n\n\
        sys-apps/sysvinit-3\n\nsys-apps/sandbox-1\n\nsys-apps/sandbox-3\n\n\
        dev-lang/lua-5.1\nSLOT: 5.1\nRDEPEND: !dev-lang/lua:0\n\ndev-lang/lua-5.4\nSLOT: 5.4\nRDEPEND: !dev-lang/lua:0\n\n\
        dev-lang/lua-5.0\n\nself/block-1\nRDEPEND: !self/block !<self/block-2\n\na/flag-1\nRDEPEND: !sys-apps/openrc[sysv-utils(-)]\n\n\
        sys-apps/openrc-0.50\nIUSE: sysv-utils\nUSE: sysv-utils\n\nsys-apps/openrc-0.48\nIUSE: sysv-utils";
    gives(text, "sys-apps/systemd sys-apps/sandbox", "sys-apps/sandbox-3 sys-apps/systemd-255");
    gives(text, "self/block", "self/block-1");
    gives(text, "dev-lang/lua:5.1 dev-lang/lua:5.4", "dev-lang/lua-5.1 dev-lang/lua-5.4");
    gives(text, "a/flag sys-apps/openrc", "a/flag-1 sys-apps/openrc-0.48");
    let reason = fails(
        text,
        "sys-apps/systemd sys-apps/sysvinit",
        "`sys-apps/systemd` and `sys-apps/sysvinit` cannot be installed together: `sys-apps/systemd` blocks `sys-apps/sysvinit`.",
    );
    assert_eq!(reason.fixes.len(), 2);
    fails(
        text,
        "dev-lang/lua:5.1 dev-lang/lua:0",
        "`dev-lang/lua:5.1` and `dev-lang/lua:0` cannot be installed together: dev-lang/lua 5.1 blocks dev-lang/lua 5.0.",
    );
}

#[test]
fn alternatives_and_virtuals_in_their_order() {
    let text = "virtual/mta-1\nRDEPEND: || ( mail/nullmailer mail/exim ( mail/postfix mail/maps ) )\n\nmail/exim-4\n\n\
        mail/postfix-3\nRDEPEND: !mail/exim\n\nmail/maps-1\n\na/cron-1\nRDEPEND: virtual/mta\n\n\
        a/any-1\nRDEPEND: || ( mail/maps mail/exim )\n\na/nested-1\nRDEPEND: || ( ( mail/none a/cron ) || ( mail/gone mail/maps ) )";
    gives(text, "a/cron", "a/cron-1 mail/exim-4 virtual/mta-1");
    gives(text, "mail/postfix a/cron", "a/cron-1 mail/maps-1 mail/postfix-3 virtual/mta-1");
    gives(text, "a/any", "a/any-1 mail/maps-1");
    gives(text, "mail/exim a/any", "a/any-1 mail/exim-4");
    gives(text, "a/nested", "a/nested-1 mail/maps-1");
    gives(text, "a/cron -mail/exim", "a/cron-1 mail/maps-1 mail/postfix-3 virtual/mta-1");
}

#[test]
fn conditions_are_those_of_the_build() {
    let text = "a/tool-1\nIUSE: gui\nUSE: gui\nRDEPEND: gui? ( x/gtk ) !gui? ( x/curses ) nls? ( x/gettext )\nPDEPEND: x/plugin\n\
        IDEPEND: x/setup\nBDEPEND: x/compiler\nDEPEND: x/headers\n\nx/gtk-1\n\nx/curses-1\n\nx/gettext-1\n\nx/plugin-1\n\n\
        x/setup-1\n\nx/compiler-1\n\nx/headers-1";
    gives(text, "a/tool", "a/tool-1 x/gtk-1 x/plugin-1 x/setup-1");
}

#[test]
fn bounds_of_every_kind() {
    let text = "l/a-1.2\n\nl/a-1.2.5-r1\n\nl/a-1.20\n\nl/a-2\n\n\
        x/p-1\nRDEPEND: =l/a-1.2*\n\nx/t-1\nRDEPEND: ~l/a-1.2.5\n\nx/e-1\nRDEPEND: =l/a-1.2\n\nx/l-1\nRDEPEND: <l/a-2\n\n\
        x/g-1\nRDEPEND: >l/a-2\n\nx/bad-1\nRDEPEND: >=l/a";
    gives(text, "x/p", "l/a-1.2.5-r1 x/p-1");
    gives(text, "x/t", "l/a-1.2.5-r1 x/t-1");
    gives(text, "x/e", "l/a-1.2 x/e-1");
    gives(text, "x/l", "l/a-1.20 x/l-1");
    gives(text, "=l/a-1.2*", "l/a-1.2.5-r1");
    fails(
        text,
        "x/g",
        "`x/g` cannot be installed: `x/g` depends on >l/a-2, but only version 2 is available.",
    );
    let index = arena(&[("host", 500, text)], &Options::default());
    assert!(resolve(&Gentoo, &index, &request("x/bad")).is_err(), "what cannot be read is met by nothing");
}

#[test]
fn short_names_and_what_is_like_them() {
    let text = "app-editors/vim-9\n\nacct-user/vim-0\n\nx11-wm/phoc-1\n\ngui-apps/tabby-1";
    gives(text, "vim", "app-editors/vim-9");
    gives(text, "acct-user/vim", "acct-user/vim-0");
    let reason = fails(text, "phok", "There is no package `phok`; did you mean `x11-wm/phoc`?");
    assert_eq!(reason.unknown[0].near, ["x11-wm/phoc"]);
    let moves = BTreeMap::from([("x11-terms/terminus".to_owned(), "gui-apps/tabby".to_owned())]);
    let index = arena(&[("host", 500, text)], &Options { moves, ..Options::default() });
    fails_from(
        &index,
        "x11-terms/terminus",
        "There is no package `x11-terms/terminus`; `gui-apps/tabby` has taken its place.",
    );
}

#[test]
fn the_preferred_host_comes_first() {
    let hosts = [
        ("own", 600, "a/tool-1\n\nl/a-1"),
        ("gentoo", 500, "a/tool-2\n\nl/a-2\n\nx/new-1\nRDEPEND: >=l/a-2"),
    ];
    let index = arena(&hosts, &Options::default());
    gives_from(&index, "a/tool", "a/tool-1");
    gives_from(&index, "x/new", "l/a-2 x/new-1");
}

fn profile() -> Profile {
    Profile {
        system: vec!["sys-apps/baselayout".to_owned(), ">=app-shells/bash-5:0".to_owned()],
        masks: vec![">=app-shells/bash-6".to_owned()],
        ..Profile::default()
    }
}

const SYSTEM: &str = "sys-apps/baselayout-2\nKEYWORDS: amd64\nRDEPEND: sys-apps/files\n\nsys-apps/files-1\nKEYWORDS: amd64\n\n\
    app-shells/bash-5.2\nKEYWORDS: amd64\n\napp-shells/bash-6\nKEYWORDS: amd64\n\nx/test-1\nKEYWORDS: ~amd64";

#[test]
fn the_system_set_and_masks_of_a_profile() {
    let profile = profile();
    let accept = Some(Accept { licenses: &BTreeSet::new() });
    let options = Options { profile: Some(&profile), accept, ..Options::default() };
    let index = arena(&[("host", 500, SYSTEM)], &options);
    let system = "@system-0 app-shells/bash-5.2 sys-apps/baselayout-2 sys-apps/files-1";
    gives_from(&index, "+system", system);
    gives_from(&index, "@system", system);
    gives_from(&index, "bash", "app-shells/bash-5.2");
    fails_from(&index, "x/test", "`x/test` is not available: x/test 1 is masked by the keyword `~amd64`.");
    let mut masked = request("=app-shells/bash-6");
    assert!(resolve(&Gentoo, &index, &masked).is_err());
    masked.enable.push("masked packages".to_owned());
    let selection = resolve(&Gentoo, &index, &masked).expect("it is switched on");
    assert_eq!(names(&selection), "app-shells/bash-6");
}

fn installed(key: &str, version: &str, slot: &str, on: &[&str]) -> Installed {
    Installed {
        key: key.to_owned(),
        version: version.to_owned(),
        slot: slot.to_owned(),
        sub_slot: slot.to_owned(),
        repository: "gentoo".to_owned(),
        on: on.iter().map(|flag| (*flag).to_owned()).collect(),
        known: on.iter().map(|flag| (*flag).to_owned()).collect(),
    }
}

#[test]
fn what_the_stage_archive_has_stays_if_it_can() {
    let stage =
        [installed("sys-libs/zlib", "1.2", "0", &["static"]), installed("sys-apps/sysvinit", "3", "0", &[])];
    let text = "sys-libs/zlib-1.3\n\na/tool-1\nRDEPEND: sys-libs/zlib\n\na/new-1\nRDEPEND: >=sys-libs/zlib-1.3\n\n\
        a/static-1\nRDEPEND: sys-libs/zlib[static]\n\nsys-apps/systemd-255\nRDEPEND: !sys-apps/sysvinit";
    let index = arena(&[("host", 500, text)], &Options { stage: &stage, ..Options::default() });
    gives_from(&index, "a/tool", "a/tool-1 sys-libs/zlib-1.2");
    gives_from(&index, "a/new", "a/new-1 sys-libs/zlib-1.3");
    gives_from(&index, "a/static a/tool", "a/static-1 a/tool-1 sys-libs/zlib-1.2");
    gives_from(&index, "+system a/tool", "a/tool-1 sys-apps/sysvinit-3 sys-libs/zlib-1.2");
    fails_from(
        &index,
        "+system sys-apps/systemd",
        "`sys-apps/systemd` and `sys-apps/sysvinit (stage archive)` cannot be installed together: `sys-apps/systemd` blocks \
         `sys-apps/sysvinit`.",
    );
}

/// What is asked of one slot of a package that the stage archive must have.
#[derive(Default)]
struct Asked<'t> {
    sub_slots: BTreeMap<&'t str, usize>,
    version: Option<&'t str>,
    flags: BTreeSet<(&'t str, bool)>,
}

/// A stage archive that has what the packages of a host ask for and no package of the host can be: each slot in the
/// latest version asked for, with the sub-slot and the flags that most of them want.
fn stage_for(index: &Index<'_>) -> Vec<Installed> {
    let mut wanted: BTreeMap<&str, BTreeMap<&str, Asked<'_>>> = BTreeMap::new();
    let texts: BTreeSet<&str> = index
        .entries
        .iter()
        .flat_map(|entry| {
            [DependencyClass::Run, DependencyClass::Post, DependencyClass::Install]
                .map(|c| entry.dependency_text(c))
        })
        .collect();
    let mut knows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut by_key: BTreeMap<&str, Vec<&Entry<'_>>> = BTreeMap::new();
    for entry in &index.entries {
        by_key.entry(entry.key).or_default().push(entry);
    }
    for text in texts {
        let nodes = parse(text).expect("a real dependency");
        for atom in atoms(&nodes) {
            let is_met = |entry: &&Entry<'_>| {
                atom.bound.is_none_or(|bound| bound.accepts(entry.version))
                    && atom.accepts_slot(entry.slot, entry.sub_slot)
                    && atom.accepts_flags(&entry.built_with(&index.header.implied))
            };
            if atom.blocker != Blocker::No {
                // A flag that a blocker asks about is one that the package knows; here it is off.
                knows.entry(atom.key).or_default().extend(atom.flags.iter().map(|flag| flag.flag));
                continue;
            }
            if by_key.get(atom.key).into_iter().flatten().any(is_met) {
                continue;
            }
            let asked = wanted.entry(atom.key).or_default().entry(atom.slot.unwrap_or_default()).or_default();
            if let Some(sub_slot) = atom.sub_slot {
                *asked.sub_slots.entry(sub_slot).or_default() += 1;
            }
            let later = |bound: &&str| asked.version.is_none_or(|version| compare(bound, version).is_gt());
            let bound =
                atom.bound.filter(|bound| !matches!(bound.operator, Operator::Less | Operator::LessEqual));
            asked.version = bound.map(|bound| bound.version).filter(|bound| later(bound)).or(asked.version);
            asked.flags.extend(atom.flags.iter().map(|flag| (flag.flag, flag.need == Need::On)));
        }
    }
    let mut stage: Vec<Installed> =
        wanted.into_iter().flat_map(|(key, slots)| in_slots(key, slots)).collect();
    for installed in &mut stage {
        let more = knows.get(installed.key.as_str()).into_iter().flatten();
        installed.known.extend(more.map(|flag| (*flag).to_owned()));
    }
    stage
}

/// The packages of one name. What asks for no slot goes to the first that is asked for.
fn in_slots(key: &str, mut slots: BTreeMap<&str, Asked<'_>>) -> Vec<Installed> {
    let any = slots.remove("").unwrap_or_default();
    let first = *slots.keys().next().unwrap_or(&"0");
    let asked = slots.entry(first).or_default();
    asked.flags.extend(any.flags);
    let later = any.version.filter(|any| asked.version.is_none_or(|version| compare(any, version).is_gt()));
    asked.version = later.or(asked.version);
    let installed = |(slot, asked): (&str, Asked<'_>)| {
        let sub_slot =
            asked.sub_slots.iter().max_by_key(|(_, count)| **count).map_or(slot, |(sub_slot, _)| sub_slot);
        Installed {
            key: key.to_owned(),
            version: asked.version.unwrap_or("0").to_owned(),
            slot: slot.to_owned(),
            sub_slot: sub_slot.to_owned(),
            repository: "gentoo".to_owned(),
            on: asked.flags.iter().filter(|(_, on)| *on).map(|(flag, _)| (*flag).to_owned()).collect(),
            known: asked.flags.iter().map(|(flag, _)| (*flag).to_owned()).collect(),
        }
    };
    slots.into_iter().map(installed).collect()
}

/// A real host with a stage archive that fits it, all of which is accepted.
pub fn real(host: &str) -> Arena {
    accepting(host, None)
}

/// The same with what is accepted by itself.
pub fn accepting(host: &str, accept: Option<Accept<'_>>) -> Arena {
    let text = shared_plain(&format!("gentoo/{host}/Packages.zst"));
    let index = Index::parse(&text).expect("a real index");
    let stage = stage_for(&index);
    let source = IndexSource { arch: index.header.arch.to_owned(), ..source("host", 500) };
    let options = Options { stage: &stage, accept, ..Options::default() };
    let arena = build(&[(source, &index)], &options).expect("a real arena");
    Arena::open_cache(arena.write_cache().to_vec()).expect("its own cache")
}

/// What becomes of requests, in the form in which people read it.
fn report(index: &Arena, arch: &str, requests: &[&str]) -> String {
    let mut out = String::new();
    for words in requests {
        let request = Request { arch: arch.to_owned(), ..request(words) };
        writeln!(out, "## {words}").expect("memory");
        match resolve(&Gentoo, index, &request) {
            Ok(selection) => {
                let fetched = selection.packages.iter().filter(|package| package.size > 0).count();
                writeln!(out, "{} packages, {fetched} to fetch", selection.packages.len()).expect("memory");
            }
            Err(reason) => {
                writeln!(out, "{}", reason.summary).expect("memory");
                for link in &reason.chain {
                    writeln!(out, "  {} {} {}", link.from, link.relation, link.to).expect("memory");
                }
                for fix in &reason.fixes {
                    let effect = &fix.effect;
                    writeln!(out, "  fix: {} (+{} -{})", fix.label, effect.added.len(), effect.removed.len())
                        .expect("memory");
                }
            }
        }
        out.push('\n');
    }
    out
}

#[test]
fn requests_to_a_real_host_of_2024() {
    let index = real("binhost-aarch64-2024-10");
    golden(
        "aarch64-2024-10.txt",
        &report(
            &index,
            "arm64",
            &[
                "gnome-base/gnome-shell",
                "sys-apps/systemd",
                "app-emulation/qemu",
                "vim git",
                "dev-lang/python:3.13",
                "dev-libs/icu:0/73.1 dev-libs/icu:0/74.1",
                "=gnome-base/gnome-shell-44.1 =x11-wm/mutter-45.2-r1",
                "gnome-base/gnome-shell[nosuch]",
                "media-video/pipewire media-sound/pulseaudio-daemon",
                "sys-kernel/gentoo-kernel-bin -sys-kernel/dracut",
                "neovm",
                "www-client/firefox",
            ],
        ),
    );
}

#[test]
fn requests_to_a_real_host_of_2022() {
    let index = real("binhost-x86_64-2022-11");
    golden(
        "x86_64-2022-11.txt",
        &report(
            &index,
            "amd64",
            &[
                "kde-plasma/plasma-desktop",
                "gnome-base/gnome",
                "app-office/libreoffice",
                "media-video/vlc app-editors/emacs",
                "dev-libs/icu:0/71.1 dev-libs/icu:0/72.1",
                "dev-qt/qtcore:5 dev-qt/qtcore:6",
                "app-editors/vmi",
                "dev-db/mysql dev-db/mariadb",
                "<dev-lang/python-3.10:3.10 dev-lang/python:3.11",
            ],
        ),
    );
}
